/** What a rollout is made of: its phases, events and effects. How one leads to the other is told in rollout.ts. */
import type { RolloutKind, RolloutPolicy } from "./plan.ts";
import type { ReasonCode } from "./reasons.ts";
import type { Lacking } from "./requirement.ts";
import type { WatchFinding } from "./watch.ts";

export type Phase =
  | "in_line"
  | "awaiting_approval"
  | "queued"
  | "rolling"
  | "soaking"
  | "succeeded"
  | "incomplete"
  | "restoring"
  | "restored"
  | "stuck"
  | "rejected"
  | "expired"
  | "cancelled";

export type Person = { readonly kind: "slack" | "local" | "system"; readonly id: string; readonly name: string };

export type HostStatus =
  /** Already served the release when the plan was made; not touched. */
  | "unchanged"
  | "waiting"
  | "swapping"
  | "healthy"
  /** Its swap failed: its agent has put the old container back, or nobody hears of it. */
  | "failed"
  /** Left out because nobody heard of it when it was its turn (policy `unreachable: skip`). */
  | "skipped"
  /** Must go back, and waits for its turn. */
  | "returning"
  | "restoring"
  | "restored"
  | "stuck";

export type HostState = {
  readonly host: string;
  /** The release that served here before; null when nothing did. */
  readonly from: number | null;
  readonly status: HostStatus;
  /** What it goes back to, from `returning` on; null is nothing. */
  readonly back: number | null;
  readonly image: "unknown" | "present" | "failed";
  /** Why it failed, was skipped or is stuck. */
  readonly reason: ReasonCode | null;
  readonly detail: string | null;
  readonly logTail: readonly string[];
  readonly startedAt: number | null;
  readonly endedAt: number | null;
  /** How often its container had been restarted when it was found healthy; more than that is a crash loop. */
  readonly restarts: number;
  /** How often a swap was begun here; 0 is a host that this rollout never touched. */
  readonly attempt: number;
  /** It has been healthy since its last swap was begun. */
  readonly served?: boolean;
  /** What the label of the policy's spread says of it; absent: it shares its value with nobody. */
  readonly spread?: string;
};

/** Hosts of the environment that do not serve well at the moment of an event: reachable ones, and those nobody hears of. */
export type Fitness = {
  readonly unwell: readonly string[];
  readonly away: readonly string[];
  /** Those of `away` which the server has not had the time to hear since its start: nobody is given up for that. */
  readonly unheard?: readonly string[];
  /** Those of `unwell` that may serve well for all that is known: they count as out, and to swap them is not free. */
  readonly unsure?: readonly string[];
  /** Hosts still to begin on which something that the service stands on does not serve: none of them begins now. Absent: nothing lacks. */
  readonly lacking?: readonly Lacking[];
};

/** Why it stands still. A set: it goes on when the last of them is gone. */
export type PauseReason = "paused" | "paused_on_failure" | "server_behind" | "line_held";
export type Pause = {
  readonly reason: PauseReason;
  /** null: Gantry itself. */
  readonly by: Person | null;
  readonly at: number;
  readonly why: string | null;
};

/** How the containers are doing after the end. */
export type WatchState = {
  readonly until: number;
  /** What tripped it, with rule and samples, so that it can be judged again; null while all is quiet. */
  readonly finding: WatchFinding | null;
  readonly raisedAt: number | null;
  /** When it ended, by time, by being raised, or because another rollout began. */
  readonly endedAt: number | null;
};

export type RolloutState = {
  readonly number: number;
  readonly service: string;
  readonly environment: string;
  readonly kind: RolloutKind;
  readonly release: number;
  /** What was live in the environment before, or null. */
  readonly from: number | null;
  /** The newest good release here besides this one when it was decided: where `onFailure: rollback` goes. null: there is none. */
  readonly back: number | null;
  readonly planHash: string;
  readonly phase: Phase;
  /** Why it waits or how it ended; null when all went well. */
  readonly reason: ReasonCode | null;
  /** What a person said, or the sentence that goes with the reason. */
  readonly detail: string | null;
  /** When the present phase, or the wait within it, began. */
  readonly since: number;
  readonly requester: Person;
  readonly requestedAt: number;
  readonly expiresAt: number;
  readonly approvalsRequired: number;
  readonly approvals: readonly { readonly by: Person; readonly at: number }[];
  /** Who rejected, cancelled or aborted it. */
  readonly endedBy: Person | null;
  readonly policy: RolloutPolicy;
  readonly batches: readonly (readonly string[])[];
  /** How many hosts may be out of service at once while it goes forward, whatever put them out. */
  readonly budget: number;
  /** When nobody hears of the whole first batch, others stand in for it. Absent: it was requested before there was such a rule. */
  readonly standIns?: true;
  /** Index of the batch in work. */
  readonly batch: number;
  readonly pauses: readonly Pause[];
  readonly soakEndsAt: number | null;
  /** Without progress until then it has failed; null while that clock does not run. */
  readonly progressBy: number | null;
  /** What was left of the two clocks when it was paused. */
  readonly held: { readonly soakMs: number | null; readonly progressMs: number | null } | null;
  /** A failure that was noted during a pause and is acted on when it goes on. */
  readonly owed: { readonly reason: ReasonCode; readonly detail: string } | null;
  /** Hosts that failed and were accepted by a person (`continue`). */
  readonly accepted: readonly string[];
  /** Its release has been judged bad here on account of it: it is judged once, and nothing that follows makes it good. */
  readonly blamed?: true;
  /** A host that failed by the release's own fault has left since: a person must still say what becomes of the others. */
  readonly unanswered?: boolean;
  /** The last soak was cut short: the release is not judged good before the watch has ended quietly. */
  readonly endSoakSkipped: boolean;
  readonly startedAt: number | null;
  readonly endedAt: number | null;
  readonly hosts: readonly HostState[];
  readonly watch: WatchState | null;
};

export type PlannedHostFacts = {
  readonly host: string;
  readonly from: number | null;
  readonly unchanged: boolean;
  /** What the label of the policy's spread says of it. Absent: no spread, or it has no such label. */
  readonly spread?: string;
  /** How often its container had been restarted when the plan was made, where it serves the release already. */
  readonly restarts?: number;
};

export type Requested = {
  readonly type: "requested";
  readonly at: number;
  readonly number: number;
  readonly service: string;
  readonly environment: string;
  readonly kind: RolloutKind;
  readonly release: number;
  readonly from: number | null;
  readonly back: number | null;
  readonly planHash: string;
  readonly requester: Person;
  readonly expireMs: number;
  readonly approvalsRequired: number;
  readonly policy: RolloutPolicy;
  readonly batches: readonly (readonly string[])[];
  readonly hosts: readonly PlannedHostFacts[];
  /** How many hosts of the environment may be out of service at once. Absent: it was not planned then; see `budgetOf`. */
  readonly budget?: number;
  /** It waits in line: the environment is busy or locked. */
  readonly inLine: boolean;
  readonly fitness?: Fitness;
};

/** Whoever gave it could not give it now. `why`: "no longer one of captains". */
export type LapsedApproval = { readonly by: Person; readonly why: string };

export type RolloutEvent = Requested | LaterEvent;

/** Everything that may happen to a rollout after it was requested. */
export type LaterEvent =
  // People, before it begins
  | {
      readonly type: "approved";
      readonly at: number;
      readonly by: Person;
      /** The newest good release besides this one, by now: verdicts may have come since the request. Absent: as it was. */
      readonly back?: number | null;
      /** So many must approve by now; the stricter number counts. Absent: as many as at the request. */
      readonly required?: number;
      /** Earlier approvals that count no more. */
      readonly lapsed?: readonly LapsedApproval[];
      readonly fitness?: Fitness;
    }
  | { readonly type: "rejected"; readonly at: number; readonly by: Person; readonly why: string }
  | {
      /** Before anything was touched it ends; afterwards it stops and goes back (abort). */
      readonly type: "cancelled";
      readonly at: number;
      readonly by: Person;
      readonly why: string | null;
      /** A rollback stopped it: the release is held to be at fault. */
      readonly blame: boolean;
      /** Where touched hosts go; absent: each to what it served before. */
      readonly to?: number | null;
      readonly fitness?: Fitness;
    }
  // People, while it is under way
  | {
      readonly type: "paused";
      readonly at: number;
      readonly reason: PauseReason;
      readonly by: Person | null;
      readonly why: string | null;
    }
  /**
   * `reason` null: what a person may take back. Not `server_behind`, which only Gantry itself does, and `paused_on_failure`
   * only when no more hosts are failed than may: otherwise somebody has to say what becomes of them (retry, continue).
   */
  | {
      readonly type: "resumed";
      readonly at: number;
      readonly reason: PauseReason | null;
      readonly by: Person | null;
      readonly fitness?: Fitness;
    }
  /** The failed hosts are swapped again. */
  | { readonly type: "retried"; readonly at: number; readonly by: Person; readonly fitness?: Fitness }
  | {
      /** Failed hosts are accepted as they are. */
      readonly type: "continued";
      readonly at: number;
      readonly by: Person;
      readonly why: string;
      /** Those that the person saw as failed: no others are accepted. Absent: all that have failed by now. */
      readonly hosts?: readonly string[];
      readonly fitness?: Fitness;
    }
  | { readonly type: "soak_skipped"; readonly at: number; readonly by: Person; readonly why: string | null }
  // The line
  | {
      /** The environment is free: the plan was made anew. Approvals of another plan do not count. */
      readonly type: "turn_came";
      readonly at: number;
      readonly from: number | null;
      readonly back: number | null;
      readonly planHash: string;
      /** As the environment asks for now: it may have changed since the request. */
      readonly policy: RolloutPolicy;
      readonly approvalsRequired: number;
      /** An approval that was given longer ago counts no more. Absent: none grows old. */
      readonly expireMs?: number;
      /** As in `approved`. */
      readonly lapsed?: readonly LapsedApproval[];
      readonly batches: readonly (readonly string[])[];
      readonly hosts: readonly PlannedHostFacts[];
      /** As in `requested`. */
      readonly budget?: number;
      readonly fitness?: Fitness;
    }
  /** It may not go ahead any more: judged bad meanwhile, no hosts, the requester lost the role … */
  | { readonly type: "thrown_out"; readonly at: number; readonly reason: ReasonCode; readonly detail: string }
  | { readonly type: "plan_changed"; readonly at: number; readonly detail: string }
  | { readonly type: "expired"; readonly at: number }
  // Hosts
  | {
      readonly type: "image_present";
      readonly at: number;
      readonly host: string;
      readonly fitness?: Fitness;
      /** It is the right one, but a registry gave something else for its digest. */
      readonly warning?: string;
    }
  /** A host that was waited for is back, or well again. */
  | { readonly type: "hosts_changed"; readonly at: number; readonly fitness?: Fitness }
  /** The host was revoked, or does not belong here any more: it is not part of anything. */
  | {
      readonly type: "host_left";
      readonly at: number;
      readonly host: string;
      /** That it leaves is no answer to a failure of it which is the release's own fault. Absent, in older logs: it was one. */
      readonly answers?: false;
      readonly fitness?: Fitness;
    }
  | ({ readonly type: "image_failed"; readonly at: number; readonly host: string; readonly fitness?: Fitness } & Pick<
      Failure,
      "reason" | "detail"
    >)
  | {
      readonly type: "host_swapped";
      readonly at: number;
      readonly host: string;
      readonly tookMs: number;
      readonly restarts?: number;
      readonly fitness?: Fitness;
    }
  | ({ readonly type: "host_failed"; readonly at: number; readonly host: string; readonly fitness?: Fitness } & Failure)
  | ({ readonly type: "host_unwell"; readonly at: number; readonly host: string; readonly fitness?: Fitness } & Failure)
  | {
      readonly type: "host_overdue";
      readonly at: number;
      readonly host: string;
      readonly connected: boolean;
      readonly fitness?: Fitness;
    }
  | { readonly type: "host_restored"; readonly at: number; readonly host: string; readonly fitness?: Fitness }
  | ({ readonly type: "host_restore_failed"; readonly at: number; readonly host: string; readonly fitness?: Fitness } & Failure)
  // Time
  | { readonly type: "soaked"; readonly at: number; readonly fitness?: Fitness }
  /** The progress deadline has passed. */
  | { readonly type: "stalled"; readonly at: number; readonly fitness?: Fitness }
  // Outside of everything
  /** Reality was taken for what should be: whatever was under way ends as it is, and nothing is sent back. */
  | {
      readonly type: "adopted";
      readonly at: number;
      readonly by: Person;
      readonly detail: string;
      /** On the record of an adoption only: hosts on which something else was found. */
      readonly others?: readonly { readonly host: string; readonly release: number | null }[];
    }
  // After the end
  | { readonly type: "watch_raised"; readonly at: number; readonly finding: WatchFinding }
  | {
      readonly type: "watch_ended";
      readonly at: number;
      /** Its time passed and nothing was found; otherwise another rollout began. */
      readonly quiet: boolean;
      /** Hosts that nobody heard of: whether they stayed well is not known. Empty: none was left to look at. */
      readonly silent?: readonly string[];
    };

export type Failure = { readonly reason: ReasonCode; readonly detail: string; readonly logTail: readonly string[] };

export type TimerName = "expiry" | "progress" | "soak" | "watch" | `host:${string}`;

export type Effect =
  /** What should serve on the host from now on; null is nothing. `fresh`: a new container even when the same release serves. */
  | { readonly kind: "desire"; readonly host: string; readonly release: number | null; readonly fresh?: true }
  | { readonly kind: "set_timer"; readonly name: TimerName; readonly at: number }
  | { readonly kind: "clear_timer"; readonly name: TimerName }
  | {
      readonly kind: "verdict";
      readonly release: number;
      readonly verdict: "good" | "bad";
      readonly reason: ReasonCode | null;
      readonly detail: string | null;
      /** Who judged; null: Gantry, from what it saw. */
      readonly by: Person | null;
    }
  /** The watch says so, and so does the policy: open a rollback. */
  | { readonly kind: "roll_back"; readonly why: string };

export type Step =
  | { readonly kind: "moved"; readonly state: RolloutState; readonly effects: readonly Effect[] }
  /** A person's act that is not possible (any more). */
  | { readonly kind: "refused"; readonly reason: ReasonCode }
  /** A machine's report that changes nothing (late, or known). */
  | { readonly kind: "ignored" };

const endedPhases: readonly Phase[] = ["succeeded", "incomplete", "restored", "stuck", "rejected", "expired", "cancelled"];

export function hasEnded(state: { readonly phase: Phase }): boolean {
  return endedPhases.includes(state.phase);
}

/** It holds its environment: nothing else may be rolled out there. One in line does not. */
export function isActive(state: { readonly phase: Phase }): boolean {
  return !hasEnded(state) && state.phase !== "in_line";
}

export function isPaused(state: { readonly pauses: readonly Pause[] }): boolean {
  return state.pauses.length > 0;
}

export function hostOf(state: RolloutState, host: string): HostState | null {
  return state.hosts.find((h) => h.host === host) ?? null;
}
