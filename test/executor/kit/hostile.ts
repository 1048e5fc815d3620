/** What a hijacked server or agent might order, to become the host's root by a container. Everything here must be refused. */
import type { CreateOrder } from "../../../src/host/engine.ts";
import { forged, orderOf } from "./orders.ts";

export type Hostile = { readonly what: string; readonly order: CreateOrder };

const strangeKeys: Readonly<Record<string, unknown>> = {
  privileged: true,
  pid: "host",
  pidMode: "host",
  usernsMode: "host",
  uts: "host",
  devices: [{ PathOnHost: "/dev/sda", PathInContainer: "/dev/sda", CgroupPermissions: "rwm" }],
  deviceRequests: [{ Driver: "nvidia", Count: -1 }],
  deviceCgroupRules: ["a *:* rwm"],
  volumesFrom: ["postgres"],
  cgroupParent: "/system.slice",
  oomKillDisable: true,
  HostConfig: { Privileged: true, Binds: ["/:/host"] },
  Binds: ["/:/host"],
  binds: ["/:/host"],
};

const sources = [
  "/",
  "//",
  "/./",
  "/srv/../etc",
  "/etc",
  "/etc/shadow",
  "/etc/passwd",
  "/proc",
  "/proc/1/root",
  "/sys/fs/cgroup",
  "/dev",
  "/dev/sda",
  "/boot",
  "/root/.ssh",
  "/home",
  "/run",
  "/var/run",
  "/var/run/docker.sock",
  "/run/docker.sock",
  "/run/containerd/containerd.sock",
  "/run/gantry",
  "/var/lib/docker",
  "/usr/bin",
  "/tmp",
  "/srv",
  "/srv/a/b",
  "/srv/a:/etc",
  "srv/a",
  "",
];

const capabilities = [
  "ALL",
  "SYS_ADMIN",
  "CAP_SYS_ADMIN",
  "sys_admin",
  "SYS_MODULE",
  "SYS_PTRACE",
  "DAC_READ_SEARCH",
  "NET_ADMIN",
];
const securityOptions = ["seccomp=unconfined", "apparmor:unconfined", "label=disable", "systempaths=unconfined"];

/** `imageRef`: of an image that may run. */
export function hostileOrders(imageRef: string): readonly Hostile[] {
  const at = imageRef.indexOf("@");
  const [repository, digest] = [imageRef.slice(0, at), imageRef.slice(at + 1)];
  const plain = orderOf({ imageRef });
  const spec = (what: string, change: object): Hostile => ({ what, order: forged(plain, change) });
  const order = (what: string, change: object): Hostile => ({ what, order: forged(plain, {}, change) });
  const volume = (source: string, more: object = {}) => ({ volumes: [{ source, target: "/x", readOnly: true, ...more }] });
  const mount = (change: object) => ({ mounts: [{ kind: "volume", source: "data", target: "/x", readOnly: false, ...change }] });
  return [
    ...Object.entries(strangeKeys).map(([key, value]) => spec(`${key} in the spec`, { [key]: value })),
    ...Object.entries(strangeKeys)
      .slice(-3)
      .map(([key, value]) => order(`${key} in the order`, { [key]: value })),
    ...sources.map((source) => spec(`a bind of "${source}"`, volume(source))),
    ...capabilities.map((name) => spec(`the capability ${name}`, { capAdd: [name] })),
    ...securityOptions.map((option) => spec(`the security option ${option}`, { securityOptions: [option] })),
    spec("a bind that hides another one", volume("/srv/a", { target: "/x:rshared" })),
    spec("a bind on the root of the container", volume("/srv/a", { target: "/" })),
    spec("a bind in the gate's place", volume("/srv/a", { target: "/.gantry" })),
    spec("a bind that comes back to the host", volume("/srv/a", { propagation: "rshared" })),
    spec("a bind with a key of its own", volume("/srv/a", { BindOptions: { Propagation: "rshared" } })),
    spec("writing to what may be read", volume("/etc/ssl/certs", { readOnly: false })),
    spec("the host's ipc", { ipc: "host" }),
    spec("another container's ipc", { ipc: "container:postgres" }),
    spec("another container's network", { network: "container:postgres" }),
    spec("a network of somebody", { network: "backend" }),
    spec("the host's cgroups", { cgroup: "host" }),
    spec("a sysctl of the kernel", { sysctls: { "kernel.core_pattern": "|/x" } }),
    spec("a sysctl of the host's network", { sysctls: { "net.ipv4.ip_forward": "1" } }),
    spec("a runtime", { runtime: "host" }),
    spec("an annotation that the runtime obeys", { annotations: { "run.oci.hooks.stdout": "/x" } }),
    spec("going last when memory is short", { oomScoreAdj: -1000 }),
    spec("a logging driver that goes out", { logging: { driver: "syslog", options: { "syslog-address": "tcp://192.0.2.1:1" } } }),
    spec("a logging plugin", { logging: { driver: "evil/plugin:latest", options: {} } }),
    spec("a volume that is a folder", mount({ driverOptions: { type: "none", o: "bind", device: "/" } })),
    spec("a volume of a plugin", mount({ driver: "vieux/sshfs" })),
    spec("a volume that is a path", mount({ source: "/" })),
    spec("a mount of kind bind", mount({ kind: "bind", source: "/etc" })),
    spec("a low port", { network: "bridge", ports: [{ target: 80, protocol: "tcp", published: "22" }] }),
    spec("low ports in a range", { network: "bridge", ports: [{ target: 80, protocol: "tcp", published: "1000-2000" }] }),
    order("an image by its tag", { imageRef: `${repository}:latest` }),
    order("an image without anything", { imageRef: repository }),
    order("an image by its id", { imageRef: digest }),
    order("a digest that is none", { imageRef: `${repository}@sha256:abc` }),
    order("a digest of another kind", { imageRef: `${repository}@sha512:${"a".repeat(128)}` }),
    order("another image than the label says", { labels: { ...plain.labels, "gantry.digest": `sha256:${"f".repeat(64)}` } }),
    order("an image of another registry", { imageRef: `evil.example.com/api@${digest}` }),
    order("an image of Docker's registry", { imageRef: `alpine@${digest}` }),
    order("a registry that begins like ours", { imageRef: `${repository.split("/")[0]}.evil.example.com/api@${digest}` }),
    order("a repository with a way up", { imageRef: `${repository}/../../evil@${digest}` }),
    order("a container without labels", { labels: {} }),
    order("a container of no environment", { labels: { "gantry.service": "api" } }),
    order("somebody's name", { name: "postgres" }),
    order("a name with a path", { name: "gantry-../../x" }),
    order("a gate of the agent's own making", { gate: "/tmp/gates/x" }),
    order("another container's gate", { gate: "/var/lib/gantry-executor/gates/gantry-web.prod-g3" }),
    order("the host as a gate", { gate: "/" }),
  ];
}
