/**
 * What a container is and how its health is told: the spec that a release snapshots.
 * All plain data, as meant (defaults filled in), so that equal specs are equal JSON.
 */
import type { SwapSpec } from "./swap.ts";

/** A folder or file of the host. Absent options: the engine's defaults. */
export type Volume = {
  readonly source: string;
  readonly target: string;
  readonly readOnly: boolean;
  readonly propagation?: "private" | "rprivate" | "slave" | "rslave";
  /** Relabelled for SELinux: shared with other containers (z), or for this one alone (Z). */
  readonly selinux?: "z" | "Z";
  /** Absent: the engine makes a missing folder. True: a missing one fails the create. */
  readonly mustExist?: true;
};

/** What a container sees that is not a path of its host. */
export type Mount =
  | { readonly kind: "tmpfs"; readonly target: string; readonly bytes?: number; readonly mode?: number }
  | {
      readonly kind: "volume";
      /** As the engine knows it. */
      readonly source: string;
      readonly target: string;
      readonly readOnly: boolean;
      readonly noCopy?: true;
      /** A host that lacks it fails the create, where the engine would make an empty one. */
      readonly mustExist?: true;
      /** For the engine, which makes a volume that is not there. */
      readonly driver?: string;
      readonly driverOptions?: Readonly<Record<string, string>>;
      readonly labels?: Readonly<Record<string, string>>;
    };

/** `published`: a port of the host, a range to choose from, or empty for any. `address`: of the host; absent, all of them. */
export type PublishedPort = {
  readonly target: number;
  readonly protocol: "tcp" | "udp" | "sctp";
  readonly published: string;
  readonly address?: string;
};

export type DeviceLimit = { readonly path: string; readonly rate: number };
export type BlockIo = {
  readonly weight?: number;
  readonly weightDevice?: readonly { readonly path: string; readonly weight: number }[];
  readonly readBps?: readonly DeviceLimit[];
  readonly readIops?: readonly DeviceLimit[];
  readonly writeBps?: readonly DeviceLimit[];
  readonly writeIops?: readonly DeviceLimit[];
};

export type Ulimit = { readonly name: string; readonly soft: number; readonly hard: number };

/** The container's own HEALTHCHECK, as Compose writes it. */
export type ContainerHealthcheck =
  | { readonly disabled: true }
  | {
      readonly disabled: false;
      /** Docker's form: ["CMD", …], ["CMD-SHELL", "…"]. */
      /** Empty: the image's own. */
      readonly test: readonly string[];
      /** 0 here and below: as the image says, else the engine's default. */
      readonly intervalMs: number;
      readonly timeoutMs: number;
      readonly retries: number;
      readonly startPeriodMs: number;
      /** Engines before 25 do not know it. */
      readonly startIntervalMs?: number;
    };

/**
 * A secret that a container gets: where its value comes from and where it goes to, never the value. `host`: a path on each host,
 * absolute or relative to the agent's folder of secrets. `server`: its name in gantry.yml.
 */
export type SecretUse = {
  /** As the service file calls it. */
  readonly name: string;
  readonly from: { readonly kind: "host"; readonly path: string } | { readonly kind: "server"; readonly name: string };
  readonly to:
    | { readonly kind: "file"; readonly target: string; readonly uid: number; readonly gid: number; readonly mode: number }
    | { readonly kind: "variable"; readonly variable: string };
  /**
   * Of the server's: keyed hashes of what it was when the release was made, by environment, where it could be read. In the spec
   * of one environment there is only `version`. Both are absent in a service file.
   */
  readonly versions?: Readonly<Record<string, string>>;
  readonly version?: string;
};

/** What few containers need; named after Compose's keys. Absent: the image's, else the engine's default. */
export type ContainerExtras = {
  readonly workingDir?: string;
  readonly hostname?: string;
  readonly domainname?: string;
  readonly init?: boolean;
  readonly tty?: boolean;
  readonly stdinOpen?: boolean;
  readonly readOnlyRoot?: boolean;
  /** `/path` or `/path:options`. */
  readonly tmpfs?: readonly string[];
  readonly mounts?: readonly Mount[];
  readonly shmBytes?: number;
  readonly storageOptions?: Readonly<Record<string, string>>;
  readonly sysctls?: Readonly<Record<string, string>>;
  readonly capAdd?: readonly string[];
  readonly capDrop?: readonly string[];
  readonly securityOptions?: readonly string[];
  readonly groupAdd?: readonly string[];
  readonly ipc?: string;
  readonly cgroup?: "private";
  readonly runtime?: string;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly dns?: readonly string[];
  readonly dnsSearch?: readonly string[];
  readonly dnsOptions?: readonly string[];
  /** `name:address`. */
  readonly extraHosts?: readonly string[];
  readonly ports?: readonly PublishedPort[];
  /** `8080/tcp`. */
  readonly expose?: readonly string[];
  readonly pidsLimit?: number;
  readonly memoryReservationBytes?: number;
  /** Memory and swap together; -1: swap without limit. */
  readonly memorySwapBytes?: number;
  readonly memorySwappiness?: number;
  readonly cpuShares?: number;
  readonly cpuQuotaUs?: number;
  readonly cpuPeriodUs?: number;
  readonly cpuset?: string;
  readonly blockIo?: BlockIo;
  readonly oomScoreAdj?: number;
  /** Options for the engine's own logging driver, when `logging` is null. */
  readonly logOptions?: Readonly<Record<string, string>>;
  /** Those of `envFiles` that may be missing, and those whose values are taken as they stand, quotes and all. */
  readonly optionalEnvFiles?: readonly string[];
  readonly rawEnvFiles?: readonly string[];
  readonly secrets?: readonly SecretUse[];
};

export type ContainerSpec = ContainerExtras & {
  /** Repository only: no tag, no digest. */
  readonly image: string;
  readonly environment: Readonly<Record<string, string>>;
  /** Read on the host by the agent at create time, so that secret values never reach the server. */
  readonly envFiles: readonly string[];
  readonly command: readonly string[] | null;
  readonly entrypoint: readonly string[] | null;
  readonly volumes: readonly Volume[];
  readonly user: string | null;
  readonly healthcheck: ContainerHealthcheck | null;
  readonly stopSignal: string | null;
  readonly stopGraceMs: number;
  readonly ulimits: readonly Ulimit[];
  readonly memoryBytes: number | null;
  readonly cpus: number | null;
  readonly labels: Readonly<Record<string, string>>;
  readonly network: "host" | "bridge" | "none";
  readonly logging: { readonly driver: string; readonly options: Readonly<Record<string, string>> } | null;
};

/**
 * How the agent proves that the new container serves. Everything optional is absent when it was not asked for, so that the
 * hashes of older specs stay.
 */
export type HealthProbe =
  | HttpProbe
  | { readonly kind: "tcp"; readonly host: string; readonly port: number; readonly timeoutMs?: number }
  | ContainerProbe
  /** Only watches the process. */
  | { readonly kind: "none" };

export type HttpProbe = {
  readonly kind: "http";
  readonly url: string;
  /** Absent: GET. */
  readonly method?: "HEAD";
  /** Request headers. */
  readonly send?: Readonly<Record<string, string>>;
  /** Good statuses, both ends included. Absent: 200 to 299. */
  readonly status?: readonly (readonly [from: number, to: number])[];
  readonly body?: { readonly contains: string } | { readonly equals: string };
  /** Headers that the answer must have, with this value; null: with any. */
  readonly header?: Readonly<Record<string, string | null>>;
  /** Where the answer names its release or commit: proof of who answers that needs no look at sockets. */
  readonly echo?: { readonly header: string } | "body";
  /** For one answer. Absent: 2 s. */
  readonly timeoutMs?: number;
};

/** Asks in the container: by a command of its own (exit code 0 is good), or without one by Docker's HEALTHCHECK. */
export type ContainerProbe = {
  readonly kind: "container";
  /** Not a kind of its own: an agent that does not know it asks the HEALTHCHECK, and fails where there is none. */
  readonly command?: readonly string[];
  /** For one run of the command. Absent: 2 s. */
  readonly timeoutMs?: number;
  /** Must be held by this container: a command that asks over the host's network may be answered by another process. */
  readonly port?: number;
};

export type Health = {
  readonly probe: HealthProbe;
  /** Between two probes of a serving container. While it starts, the agent polls faster. */
  readonly intervalMs: number;
  /** From start to healthy; past it the swap has failed. */
  readonly deadlineMs: number;
  /** Failures this early do not count; after it `failures` in a row end the swap. Absent: only the deadline does. */
  readonly startPeriodMs?: number;
  /** Between two probes of a starting container. Absent: a few ms at first, then 50. */
  readonly startIntervalMs?: number;
  /** Good answers in a row that make it healthy. Absent: 2 while it starts, 1 once it has served. */
  readonly threshold?: number;
  /** Failures in a row that make a serving container unhealthy. Absent: 3. */
  readonly failures?: number;
};

/** When a container may start: once the other one runs, is healthy, or has ended with exit code 0. */
export type Dependency = { readonly on: string; readonly condition: "started" | "healthy" | "completed" };

/** A container beside the released one, in the same slot. */
export type SupportingSpec = {
  /** Its name in the Compose file. */
  readonly name: string;
  readonly container: ContainerSpec;
  /** As the file says: a tag, or `sha256:…`. Null: the image of the release itself. */
  readonly reference: string | null;
  /** What the reference named when the release was made. Null before that, and for the image of the release itself. */
  readonly digest: string | null;
  readonly health: Health;
  readonly dependsOn: readonly Dependency[];
};

/** What the released container has in one environment besides. */
export type EnvironmentVariables = {
  readonly environment: Readonly<Record<string, string>>;
  readonly envFiles: readonly string[];
  /** Those of envFiles that a host may lack, and those whose values are taken as they stand. */
  readonly optionalEnvFiles?: readonly string[];
  readonly rawEnvFiles?: readonly string[];
};

export type ReleaseSpec = {
  /** The released container. */
  readonly container: ContainerSpec;
  readonly health: Health;
  /** Absent where there is none, so that the spec of a plain service stays what it was. */
  readonly supporting?: readonly SupportingSpec[];
  /** Of the released container: its name in the Compose file and what it waits for. Present when others stand beside it. */
  readonly name?: string;
  readonly dependsOn?: readonly Dependency[];
  /** By environment, all of them, so that a promotion has what its environment needs; `specIn` makes the spec of one. Absent: none differs. */
  readonly environments?: Readonly<Record<string, EnvironmentVariables>>;
  /** Of the released container. Absent: the old one stops first. */
  readonly swap?: SwapSpec;
};

/** A build is the digest made from one commit; a release is a build plus the spec as it stood then. */
export type Release = {
  readonly service: string;
  readonly number: number;
  readonly commit: string;
  readonly digest: string;
  readonly spec: ReleaseSpec;
};

/** `sha256:` and 64 lower hex digits. */
export function isDigest(text: string): boolean {
  return /^sha256:[0-9a-f]{64}$/.test(text);
}

export function releaseName(number: number): string {
  return `r${number}`;
}

/** True for a full commit: what is not one is a tag that the image was found under. */
export function isCommit(text: string): boolean {
  return /^[0-9a-f]{40}$/.test(text);
}

/** The first 7 digits of a commit; a tag is shown whole, because `v1.10.1` is not `v1.10.12`. */
export function shortCommit(commit: string): string {
  return isCommit(commit) ? commit.slice(0, 7) : commit;
}
