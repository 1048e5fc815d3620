/**
 * What a container is and how its health is told: the spec that a release snapshots.
 * All plain data, as meant (defaults filled in), so that equal specs are equal JSON.
 */

export type Volume = { readonly source: string; readonly target: string; readonly readOnly: boolean };
export type Ulimit = { readonly name: string; readonly soft: number; readonly hard: number };

/** The container's own HEALTHCHECK, as Compose writes it. */
export type ContainerHealthcheck =
  | { readonly disabled: true }
  | {
      readonly disabled: false;
      /** Docker's form: ["CMD", …], ["CMD-SHELL", "…"]. */
      readonly test: readonly string[];
      readonly intervalMs: number;
      readonly timeoutMs: number;
      readonly retries: number;
      readonly startPeriodMs: number;
    };

export type ContainerSpec = {
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

export type ReleaseSpec = {
  /** The released container. */
  readonly container: ContainerSpec;
  readonly health: Health;
  /** Absent where there is none, so that the spec of a plain service stays what it was. */
  readonly supporting?: readonly SupportingSpec[];
  /** Of the released container: its name in the Compose file and what it waits for. Present when others stand beside it. */
  readonly name?: string;
  readonly dependsOn?: readonly Dependency[];
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
