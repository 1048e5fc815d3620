/**
 * A slot is the place on one host for one service in one environment.
 * `DesiredSlot` is what the conductor wants there, `ObservedSlot` what the agent saw there; each has exactly one writer.
 * Both are absolute (the whole truth each time), so that nothing depends on an earlier message having arrived.
 */
import type { ReleaseSpec } from "./release.ts";

export type SlotKey = { readonly service: string; readonly environment: string };

export type DesiredRelease = {
  readonly number: number;
  readonly digest: string;
  readonly commit: string;
  readonly spec: ReleaseSpec;
  /** Registries to try after the one in `spec.container.image`, in order, as full repositories. */
  readonly mirrors: readonly string[];
  /** The same for supporting containers with an image of their own, by name. */
  readonly supportingMirrors?: Readonly<Record<string, readonly string[]>>;
};

export type DesiredSlot = SlotKey & {
  /** Strictly increasing per slot. The agent refuses anything older than what it has seen. */
  readonly generation: number;
  /** The rollout that last changed this slot. */
  readonly rollout: number;
  /** null: nothing should run here. */
  readonly release: DesiredRelease | null;
  /** A new container is wanted even when the same release serves already (a restart). */
  readonly fresh?: boolean;
  /** How many images of earlier releases stay on the host besides what is needed. Absent: 2. */
  readonly keep?: number;
  /** Digests of the images that a rollback from here would start, whoever asks for it; they stay on the host. Absent: not told. */
  readonly wayBack?: readonly string[];
};

/** The newest entry of the history that somebody knows of: its number and its hash. `{ seq: 0, hash: "" }` is no history. */
export type Head = { readonly seq: number; readonly hash: string };

/** An image to have ready on the host before anyone approves. */
export type PrepareImage = SlotKey & {
  readonly rollout: number;
  readonly image: string;
  readonly digest: string;
  readonly mirrors: readonly string[];
};

/** Everything the server wants of one host. */
export type DesiredPicture = {
  readonly epoch: number;
  readonly serverId: string;
  /** The server's history when it said this. The agent keeps it, so that a server restored from an old copy is found out. */
  readonly head?: Head;
  readonly slots: readonly DesiredSlot[];
  readonly prepare: readonly PrepareImage[];
};

/** Where the agent is with the desired generation. One direction, except that `failed` may follow any. */
export type SlotStep =
  | "idle"
  | "pulling"
  | "creating"
  | "stopping_old"
  | "starting"
  | "checking"
  | "promoting"
  | "serving"
  | "restoring"
  | "failed";

export type LiveHealth = "ok" | "starting" | "failing" | "restarting" | "exited";

export type ObservedContainer = {
  readonly containerId: string;
  readonly release: number;
  readonly digest: string;
  readonly generation: number;
  readonly startedAt: number;
  readonly restarts: number;
  readonly health: LiveHealth;
  /** One sentence, when health is not ok. */
  readonly detail: string | null;
  /** Last lines of the container when health is not ok, redacted and capped. */
  readonly logTail?: readonly string[];
};

/** A supporting container of the slot. */
export type ObservedSupporting = {
  /** Its name in the Compose file. */
  readonly name: string;
  readonly containerId: string;
  readonly digest: string;
  readonly restarts: number;
  /** `ok` also for one that had to end, and ended well. */
  readonly health: LiveHealth;
  readonly detail: string | null;
};

/** How the generation ended on this host. */
export type SwapOutcome =
  | { readonly ok: true; readonly tookMs: number }
  | {
      readonly ok: false;
      readonly tookMs: number;
      readonly reason: string;
      readonly detail: string;
      /** Last lines of the failed container, redacted and capped. */
      readonly logTail: readonly string[];
      /** What serves now: the old container again, nothing (there was none before), or nothing although there should be. */
      readonly after: "restored" | "empty" | "down";
    };

export type ObservedSlot = SlotKey & {
  /** The desired generation this report is about; 0 when the agent has never been told any. */
  readonly generation: number;
  /**
   * The newest generation that the agent knows of, whether or not it could begin with it: orders below it are refused.
   * Old agents do not say.
   */
  readonly newest?: number;
  /** The agent could not look at its engine since it began: what serves is not known, and `live` at most what was seen last. */
  readonly unseen?: true;
  readonly step: SlotStep;
  readonly outcome: SwapOutcome | null;
  /** The container that serves, if any. */
  readonly live: ObservedContainer | null;
  /** Absent where the release has none. One that is unwell makes `live` unwell, too. */
  readonly supporting?: readonly ObservedSupporting[];
  /** The kept container of the release before, ready to go back to. */
  readonly previous: { readonly containerId: string; readonly release: number; readonly digest: string } | null;
};

export type ObservedImage = SlotKey & {
  readonly digest: string;
  readonly rollout: number;
} & (
    | { readonly state: "pulling" }
    /** `warning`: it is here and right, but a registry gave something else for its digest. */
    | { readonly state: "present"; readonly warning?: string }
    | { readonly state: "failed"; readonly reason: string; readonly detail: string }
  );

/** Everything the agent sees on its host. */
export type ObservedPicture = {
  readonly bootId: string;
  readonly agentVersion: string;
  /** Highest epoch the agent has obeyed. */
  readonly epoch: number;
  /** The server's history as the agent last heard of it. */
  readonly head?: Head;
  /** What the agent was last told, with whole specs: only while the server is behind it, so that it can be adopted. */
  readonly orders?: readonly DesiredSlot[];
  /** Why it does not obey what the server said last; absent while it does. */
  readonly refuses?: { readonly reason: "stale_desired" | "foreign_server"; readonly detail: string };
  readonly engine: {
    readonly ok: boolean;
    readonly reason: string | null;
    readonly detail: string | null;
    readonly liveRestore: boolean | null;
    /** `linux/amd64`. Old agents do not say. */
    readonly platform?: string;
  };
  /** The agent has looked at all that its engine has: on slots that are not named nothing is. Old agents do not say. */
  readonly whole?: boolean;
  readonly slots: readonly ObservedSlot[];
  readonly images: readonly ObservedImage[];
};

export function slotName(key: SlotKey): string {
  return `${key.service}/${key.environment}`;
}

/** What serves there, as far as it is known now; what was seen before the agent lost sight of it is not. */
export function liveNow(observed: ObservedSlot | null | undefined): ObservedContainer | null {
  return observed == null || observed.unseen === true ? null : observed.live;
}
