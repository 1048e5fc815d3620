/** Whether an order may become a container on this host. Pure: what only the host knows of paths comes in as `places`. */
import { givesPowerOverHost } from "../core/host-paths.ts";
import { type ContainerSpec, isDigest, type Mount, type PublishedPort, type Volume } from "../core/release.ts";
import { type CreateOrder, gateTarget } from "../host/engine.ts";
import { fitsPattern, fitsWord, isIn, judgeImage, type Policy, type Refusal } from "./policy.ts";

/** Where the source of a bind really is. */
export type Place = {
  /** Without links. */
  readonly path: string;
  /** Why it cannot be mounted whatever the policy says; null: nothing is wrong with it. */
  readonly trouble: string | null;
  /** The executor has put it there for this very container, to read. */
  readonly isOwn?: true;
};

/** By source as written. */
export type Places = ReadonlyMap<string, Place>;

type Look = { readonly policy: Policy; readonly places: Places; readonly spec: ContainerSpec };
type Judge<T> = (value: T, look: Look) => readonly Refusal[];
type Judges = { readonly [K in keyof Required<ContainerSpec>]: Judge<NonNullable<Required<ContainerSpec>[K]>> };

const free: Judge<unknown> = () => [];
const never = (what: string): Refusal[] => [{ rule: null, what }];

/** Every key of a spec, so that nobody can add one without saying here what it may do to a host. */
const judges: Judges = {
  image: free,
  environment: free,
  envFiles: free,
  optionalEnvFiles: free,
  rawEnvFiles: free,
  // Only names: what is mounted for them is judged as what it is.
  secrets: free,
  command: free,
  entrypoint: free,
  healthcheck: free,
  stopSignal: free,
  stopGraceMs: free,
  labels: free,
  workingDir: free,
  hostname: free,
  domainname: free,
  init: free,
  tty: free,
  stdinOpen: free,
  readOnlyRoot: free,
  expose: free,
  dns: free,
  dnsSearch: free,
  dnsOptions: free,
  extraHosts: free,
  capDrop: free,
  // They make a container smaller, or larger within itself.
  ulimits: free,
  cpus: free,
  cpuShares: free,
  cpuQuotaUs: free,
  cpuPeriodUs: free,
  cpuset: free,
  pidsLimit: free,
  memoryReservationBytes: free,
  memorySwappiness: free,
  memorySwapBytes: free,
  shmBytes: free,
  storageOptions: free,
  blockIo: free,
  logOptions: free,
  cgroup: free,
  volumes: (volumes, look) => volumes.flatMap((volume) => judgeBind(volume, look)),
  mounts: (mounts, look) => mounts.flatMap((mount) => judgeMount(mount, look)),
  tmpfs: (lines) => lines.flatMap((line) => judgeTarget(line.split(":", 1)[0] ?? "")),
  network: (network, { policy }) =>
    policy.networks.includes(network) ? [] : [{ rule: "networks", what: `the network ${network}` }],
  ports: (ports, look) => ports.flatMap((port) => judgePort(port, look)),
  // Without a user it is the image's, who may be anyone.
  user: free,
  groupAdd: (groups, look) => groups.flatMap((group) => judgeNumber(group, `the group ${group}`, look)),
  capAdd: (names, { policy }) => names.flatMap((name) => judgeCapability(name, policy)),
  securityOptions: (options) =>
    options.filter((option) => !/^no-new-privileges([:=]true)?$/.test(option)).flatMap((o) => never(`the security option ${o}`)),
  ipc: (ipc) => (["none", "private", "shareable"].includes(ipc) ? [] : never(`ipc ${ipc}`)),
  sysctls: (sysctls, look) => Object.keys(sysctls).flatMap((name) => judgeSysctl(name, look)),
  oomScoreAdj: (adj) => (adj >= 0 ? [] : never(`the OOM score ${adj}, which puts the host's own processes first`)),
  memoryBytes: free,
  logging: ({ driver }, { policy }) =>
    policy.logging.includes(driver) ? [] : [{ rule: "logging", what: `the logging driver ${driver}` }],
  runtime: (runtime, { policy }) =>
    policy.runtimes.includes(runtime) ? [] : [{ rule: "runtimes", what: `the runtime ${runtime}` }],
  annotations: (annotations) =>
    Object.keys(annotations)
      .filter((name) => /^(org\.systemd\.property|run\.oci|io\.katacontainers|io\.podman)\./.test(name))
      .flatMap((name) => never(`the annotation ${name}, which runtimes obey`)),
};

/** All that is wrong with an order; empty: it may be made. */
export function judgeOrder(order: CreateOrder, { policy, places }: Omit<Look, "spec">): readonly Refusal[] {
  const { spec } = order;
  const look = { policy, places, spec };
  const found = Object.entries(spec).flatMap(([key, value]) => {
    if (value === null || value === undefined) return [];
    return Object.hasOwn(judges, key) ? (judges[key as keyof Judges] as Judge<unknown>)(value, look) : never(key);
  });
  return [...judgeNames(order), ...judgeReference(order, policy), ...found, ...judgeUser(look), ...judgeMemory(look)];
}

/** Containers of ours only: what a name or label would make into somebody else's is not made. */
export function judgeNames({ name, labels }: Pick<CreateOrder, "name" | "labels">): readonly Refusal[] {
  return [
    ...(/^gantry-[A-Za-z0-9_.-]{1,200}$/.test(name) ? [] : never(`a container named ${JSON.stringify(name.slice(0, 100))}`)),
    ...(isOurs(labels) ? [] : never("a container without the labels of a service")),
  ];
}

export function isOurs(labels: Readonly<Record<string, string>>): boolean {
  return Boolean(labels["gantry.service"]) && Boolean(labels["gantry.environment"]);
}

/** By digest, and by the digest that its labels say. */
function judgeReference({ imageRef, labels }: CreateOrder, policy: Policy): readonly Refusal[] {
  const at = imageRef.indexOf("@");
  const digest = imageRef.slice(at + 1);
  if (at < 1 || !isDigest(digest)) return never(`an image without its digest (${imageRef.slice(0, 200)})`);
  const labelled = labels["gantry.digest"];
  if (labelled !== undefined && labelled !== digest)
    return never(`another image than its label says (${labelled.slice(0, 100)})`);
  const refusal = judgeImage(imageRef.slice(0, at), policy);
  return refusal === null ? [] : [refusal];
}

function judgeBind(volume: Volume, { policy, places }: Look): readonly Refusal[] {
  const place = places.get(volume.source);
  if (place === undefined || place.trouble !== null)
    return never(`the folder ${volume.source}${place === undefined ? "" : ` (${place.trouble})`}`);
  const { path } = place;
  if (place.isOwn === true) return volume.readOnly ? judgeTarget(volume.target) : never(`writing to ${path}`);
  const what = path === volume.source ? path : `${path}, which is what ${volume.source} is here,`;
  if (givesPowerOverHost(path)) return never(`the folder ${what}`);
  const rules = policy.binds.filter(({ pattern }) => fitsPattern(path, pattern));
  const target = judgeTarget(volume.target);
  if (rules.length === 0) return [{ rule: "binds", what: `the folder ${what}` }, ...target];
  if (!volume.readOnly && rules.every((rule) => rule.readOnly)) return [{ rule: "binds", what: `writing to ${what}` }, ...target];
  return target;
}

/** The engine splits a bind at colons. */
function judgeTarget(target: string): readonly Refusal[] {
  const isPlain = /^\/[^:\p{Cc}]+$/u.test(target) && !target.split("/").includes("..") && !/^\/+$/.test(target);
  const isGates = target === gateTarget || target.startsWith(`${gateTarget}/`);
  return isPlain && !isGates ? [] : never(`a mount on ${JSON.stringify(target.slice(0, 100))}`);
}

function judgeMount(mount: Mount, { policy }: Look): readonly Refusal[] {
  const target = judgeTarget(mount.target);
  if (mount.kind === "tmpfs") return target;
  const { source, driver, driverOptions } = mount;
  if (!/^[A-Za-z0-9][\w.-]{0,127}$/.test(source)) return never(`the volume ${JSON.stringify(source.slice(0, 100))}`);
  // Of the local driver they can name any folder or disk of the host.
  if (driver !== undefined && driver !== "local") return never(`the volume driver ${driver}`);
  if (driverOptions !== undefined && Object.keys(driverOptions).length > 0)
    return never(`options of the volume ${source}: make it on the host and declare it external`);
  if (policy.volumes.some((pattern) => fitsWord(source, pattern))) return target;
  return [{ rule: "volumes", what: `the volume ${source}` }, ...target];
}

function judgePort({ published }: PublishedPort, { policy }: Look): readonly Refusal[] {
  // The engine chooses then.
  const [from = 32_768, to = from === 32_768 ? 60_999 : from] = published === "" ? [] : published.split("-").map(Number);
  const isRange = Number.isInteger(from) && Number.isInteger(to) && from >= 1 && to <= 65_535 && from <= to;
  if (!isRange) return never(`the port ${JSON.stringify(published)}`);
  return isIn(policy.ports, { from, to }) ? [] : [{ rule: "ports", what: `the port ${published || "of the engine's choice"}` }];
}

/** A name may be root's in the image's own list of users: only a number says who it is. */
function judgeUser({ policy, spec }: Look): readonly Refusal[] {
  if (policy.root) return [];
  if (spec.user === null || spec.user === "") return [{ rule: "root", what: "the image's own user, who may be root," }];
  return judgeNumber(spec.user.split(":", 1)[0] ?? "", `the user ${spec.user}`, { policy });
}

function judgeNumber(id: string, what: string, { policy }: Pick<Look, "policy">): readonly Refusal[] {
  if (policy.root || (/^\d{1,10}$/.test(id) && Number(id) > 0 && Number(id) < 2 ** 31)) return [];
  return [{ rule: "root", what: `${what}, who may be root,` }];
}

/** https://docs.docker.com/engine/containers/run/#runtime-privilege-and-linux-capabilities */
const usual =
  "AUDIT_WRITE CHOWN DAC_OVERRIDE FOWNER FSETID KILL MKNOD NET_BIND_SERVICE NET_RAW SETFCAP SETGID SETPCAP SETUID SYS_CHROOT";
/** Each of them is the host's root by another name. */
export const hostCapabilities =
  "ALL BPF DAC_READ_SEARCH MAC_ADMIN MAC_OVERRIDE PERFMON SYS_ADMIN SYS_BOOT SYS_MODULE SYS_PTRACE SYS_RAWIO SYS_TIME SYSLOG CHECKPOINT_RESTORE";

function judgeCapability(written: string, policy: Policy): readonly Refusal[] {
  const name = written.toUpperCase().replace(/^CAP_/, "");
  if (hostCapabilities.split(" ").includes(name)) return never(`the capability ${name}`);
  if (usual.split(" ").includes(name) || policy.capabilities.includes(name)) return [];
  return [{ rule: "capabilities", what: `the capability ${name.slice(0, 100)}` }];
}

function judgeSysctl(name: string, { spec }: Look): readonly Refusal[] {
  const ofNetwork = /^net\.[\w.-]+$/.test(name) && spec.network !== "host";
  const ofIpc = /^(kernel\.(msgmax|msgmnb|msgmni|sem|shmall|shmmax|shmmni|shm_rmid_forced)|fs\.mqueue\.\w+)$/.test(name);
  return ofNetwork || ofIpc ? [] : never(`the sysctl ${name.slice(0, 100)}, which is the host's`);
}

function judgeMemory({ policy, spec }: Look): readonly Refusal[] {
  const { memoryBytes: most } = policy;
  if (most === null) return [];
  const { memoryBytes } = spec;
  if (memoryBytes !== null && memoryBytes > 0 && memoryBytes <= most) return [];
  const what =
    memoryBytes === null || memoryBytes <= 0 ? "a container without a limit of memory" : `${memoryBytes} bytes of memory`;
  return [{ rule: "memory", what }];
}
