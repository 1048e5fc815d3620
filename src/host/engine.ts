/**
 * What the agent asks of a container engine, and of the host beside it. The real one is src/docker/engine.ts, the fake
 * src/docker/fake.ts; both pass test/docker/contract.ts.
 */
import type { ReasonCode } from "../core/reasons.ts";
import type { ContainerSpec, HealthProbe } from "../core/release.ts";
import type { SlotKey } from "../core/slot.ts";
import type { ContainerUsage } from "../core/usage.ts";

/**
 * An engine call failed. `engine_down`, `engine_stuck` and `engine_error` (it answers questions with faults) say nothing about
 * the container; everything else does.
 */
export class EngineError extends Error {
  readonly reason: ReasonCode;
  /** What the call was about does not exist (any more), or the name is taken. */
  readonly gone: boolean;
  readonly conflict: boolean;
  /** How long whoever refused asks to be left alone; null when it does not say. */
  readonly retryAfterMs: number | null;
  constructor(facts: {
    reason: ReasonCode;
    message: string;
    gone?: boolean;
    conflict?: boolean;
    retryAfterMs?: number | null;
    cause?: unknown;
  }) {
    super(facts.message, { cause: facts.cause });
    this.name = "EngineError";
    this.reason = facts.reason;
    this.gone = facts.gone ?? false;
    this.conflict = facts.conflict ?? false;
    this.retryAfterMs = facts.retryAfterMs ?? null;
  }
}

export type ContainerState = {
  readonly id: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly status: "created" | "running" | "restarting" | "ended";
  /** Of the container's first process, as the engine's host counts; null when it does not run. */
  readonly pid: number | null;
  /** Epoch milliseconds; null when it was never started. */
  readonly startedAt: number | null;
  readonly restarts: number;
  readonly exitCode: number | null;
  readonly oomKilled: boolean;
  /** The engine's word on why the last start failed, or empty. */
  readonly error: string;
  readonly restartPolicy: string;
  /** Of the container's own HEALTHCHECK; null when it has none. */
  readonly health: { readonly status: "starting" | "healthy" | "unhealthy"; readonly output: string } | null;
  readonly stopSignal: string;
  readonly stopGraceMs: number;
  /** `NAME=value`. Secret: never logged or shown, and only there to be taken out of what is. */
  readonly environment: readonly string[];
  /** It has a network of its own, so that its counters say what it alone receives and sends. Absent: the host's, another one's, or none. */
  readonly ownNetwork?: true;
};

/** How a command in a container ended. `exitCode` null: it did not end in time. `output`: its beginning, both streams. */
export type ExecResult = { readonly exitCode: number | null; readonly output: string };

export type EngineInfo = { readonly liveRestore: boolean; readonly platform: string };

export type CreateOrder = {
  readonly name: string;
  /** `repository@sha256:…`, as `findImage` or `pull` gave it. */
  readonly imageRef: string;
  readonly spec: ContainerSpec;
  /** `NAME=value` lines of the env_files, read on this host. */
  readonly environment: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  /** A folder of src/host/gate/gates.ts: the container's command begins when that gate is opened. */
  readonly gate?: string;
};

/** Where the gate's folder is in its container. */
export const gateTarget = "/.gantry";

const orderLabels = ["gantry.service", "gantry.environment", "gantry.member", "gantry.generation", "gantry.role", "gantry.host"];

/** Whether two containers were made for the same order: slot, member, generation, role and host are the same. */
export function isOfSameOrder(one: Readonly<Record<string, string>>, other: Readonly<Record<string, string>>): boolean {
  return one["gantry.service"] !== undefined && orderLabels.every((label) => one[label] === other[label]);
}

/** Something happened to a container of ours. What, the agent looks up: events can be lost, so they only say where to look. */
export type EngineEvent = SlotKey & {
  readonly containerId: string;
  /** Whose agent made the container; null when it does not say. */
  readonly host: string | null;
};

/** `at`: epoch milliseconds; null when the engine does not say. */
export type EngineLine = { readonly at: number | null; readonly text: string };

export type LogsOrder = {
  readonly id: string;
  /** The newest so many. */
  readonly lines: number;
  /** Epoch milliseconds: only what is younger; null: all. */
  readonly since: number | null;
  /** Whether it goes on with what comes, until the container ends or `signal` aborts. */
  readonly follow: boolean;
  readonly signal: AbortSignal;
  readonly onLine: (line: EngineLine) => void;
};

export interface Engine {
  info(): Promise<EngineInfo>;
  /** Every container with a `gantry.service` label, running or not; of one slot when `key` is given. */
  list(key?: SlotKey): Promise<readonly ContainerState[]>;
  inspect(id: string): Promise<ContainerState | null>;
  /** Host paths that containers of this engine have mounted: of anybody's, running or not. */
  mounts(): Promise<readonly string[]>;
  /** `repository@digest` under which the image is on the host, whichever repository it came from; null when it is not. */
  findImage(image: { readonly repositories: readonly string[]; readonly digest: string }): Promise<string | null>;
  /**
   * Pulls from one repository and verifies digest and platform; resolves with `repository@digest`. Ends by itself when no
   * progress comes for a minute, or after 15 min. Rejects with registry_auth, image_missing, registry_unreachable, disk_full,
   * wrong_platform, digest_mismatch or pull_failed.
   */
  pull(image: { readonly repository: string; readonly digest: string; readonly signal: AbortSignal }): Promise<string>;
  /** Takes a name off an image, and with its last name the image. False when a container needs it, or it is gone. */
  removeImage(ref: string): Promise<boolean>;
  /** Free space where the engine keeps images; null when this process cannot see it. Never rejects. */
  freeBytes(): Promise<number | null>;
  /** Creates with restart policy `no`; resolves with the id. A container of that name is replaced when it is of the same slot and generation and was never started. */
  create(order: CreateOrder): Promise<string>;
  /** Creates, without starting, a container of the same image and configuration under another name with other labels. */
  clone(facts: {
    readonly id: string;
    readonly name: string;
    readonly labels: Readonly<Record<string, string>>;
  }): Promise<string>;
  start(id: string): Promise<void>;
  setRestartPolicy(id: string, policy: "no" | "unless-stopped"): Promise<void>;
  /**
   * Sends the container's stop signal and resolves as soon as its processes are gone; SIGKILL after its grace. `killed` says
   * that it took that. Rejects with stop_failed when even that does not end it.
   */
  stop(container: ContainerState): Promise<{ readonly killed: boolean }>;
  /** Removes a container, running or not. Resolves when it is gone already. */
  remove(id: string): Promise<void>;
  /**
   * Runs a command in a running container. One that hangs is killed where this host lets the agent, and while it lives no second
   * one is begun in that container. Rejects with `exited` when the container does not run.
   */
  exec(order: { readonly id: string; readonly command: readonly string[]; readonly timeoutMs: number }): Promise<ExecResult>;
  /** What the container uses now; null when it does not run. From the kernel's counters where this process sees them: then the engine is not asked. */
  usage(container: ContainerState): Promise<ContainerUsage | null>;
  /** The last lines of its output, as they came. */
  logTail(id: string, lines: number): Promise<readonly string[]>;
  /** The same line by line, with times. Resolves when there is no more, and when `signal` aborts. */
  logs(order: LogsOrder): Promise<void>;
  /** Calls `onEvent` for containers of ours until `stop` is called; `onEnd` when the stream breaks. */
  watch(listener: { onEvent(event: EngineEvent): void; onEnd(): void }): { stop(): void };
}

/** Who holds a listening port. `unknown`: this host does not let the agent see. */
export type PortHolder =
  | { readonly by: "container" | "nobody" }
  | { readonly by: "other"; readonly detail: string }
  | { readonly by: "unknown"; readonly detail: string };

export type Answer = { readonly ok: boolean; readonly detail: string };

export type NetworkProbe = Extract<HealthProbe, { kind: "http" | "tcp" }>;

/** The names of a release that an answer may echo. */
export type ReleaseNames = { readonly number: number; readonly commit: string; readonly digest: string };

/** How the agent asks a service for its health. Never rejects. */
export interface Prober {
  /** `names`: of the release that should answer; null when the container does not say which it is. */
  ask(probe: NetworkProbe, names: ReleaseNames | null): Promise<Answer>;
  /** Whether the process tree of `pid` holds the listening port, in the network namespace of `pid`. */
  holder(facts: { readonly port: number; readonly pid: number }): Promise<PortHolder>;
}
