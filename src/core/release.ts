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

/** How the agent proves that the new container serves. `container` asks Docker's HEALTHCHECK; `none` only watches the process. */
export type HealthProbe =
  | { readonly kind: "http"; readonly url: string }
  | { readonly kind: "tcp"; readonly host: string; readonly port: number }
  | { readonly kind: "container" }
  | { readonly kind: "none" };

export type Health = {
  readonly probe: HealthProbe;
  /** Between two probes of a serving container. While it starts, the agent polls faster. */
  readonly intervalMs: number;
  /** From start to healthy; past it the swap has failed. */
  readonly deadlineMs: number;
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
