/** What a rollout is made of: its phases, events and effects. How one leads to the other is told in rollout.ts. */
import type { RolloutKind } from "./plan.ts";
import type { ReasonCode } from "./reasons.ts";

export type Phase =
  | "awaiting_approval"
  | "queued"
  | "rolling"
  | "soaking"
  | "succeeded"
  | "restoring"
  | "restored"
  | "stuck"
  | "rejected"
  | "expired"
  | "cancelled";

export type Person = { readonly kind: "slack" | "local" | "system"; readonly id: string; readonly name: string };

export type HostStatus =
  /** Already served the release when the plan was made; not touched. */
  "unchanged" | "waiting" | "swapping" | "healthy" | "failed" | "restoring" | "restored" | "stuck";

export type HostState = {
  readonly host: string;
  /** The release that served here before; null when nothing did. */
  readonly from: number | null;
  readonly status: HostStatus;
  readonly image: "unknown" | "present" | "failed";
  /** Why it failed or is stuck. */
  readonly reason: ReasonCode | null;
  readonly detail: string | null;
  readonly logTail: readonly string[];
  readonly startedAt: number | null;
  readonly endedAt: number | null;
  /** How often its container had been restarted when it was found healthy; more than that is a crash loop. */
  readonly restarts: number;
};

/** Hosts of the rollout that do not serve well at the moment of an event: reachable ones, and those nobody hears of. */
export type Fitness = { readonly unwell: readonly string[]; readonly away: readonly string[] };

export type RolloutState = {
  readonly number: number;
  readonly service: string;
  readonly environment: string;
  readonly kind: RolloutKind;
  readonly release: number;
  /** What was live in the environment before, or null. */
  readonly from: number | null;
  readonly planHash: string;
  readonly phase: Phase;
  /** Why it waits or how it ended; null when all went well. */
  readonly reason: ReasonCode | null;
  /** What a person said, or the sentence that goes with the reason. */
  readonly detail: string | null;
  readonly requester: Person;
  readonly requestedAt: number;
  readonly expiresAt: number;
  readonly approvalsRequired: number;
  readonly approvals: readonly { readonly by: Person; readonly at: number }[];
  /** Who rejected or cancelled it. */
  readonly endedBy: Person | null;
  readonly batches: readonly (readonly string[])[];
  /** Index of the batch in work. */
  readonly batch: number;
  readonly soakMs: number;
  readonly hostDeadlineMs: number;
  readonly soakEndsAt: number | null;
  readonly startedAt: number | null;
  readonly endedAt: number | null;
  readonly hosts: readonly HostState[];
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
  readonly planHash: string;
  readonly requester: Person;
  readonly expireMs: number;
  readonly approvalsRequired: number;
  readonly batches: readonly (readonly string[])[];
  readonly soakMs: number;
  readonly hostDeadlineMs: number;
  readonly hosts: readonly { readonly host: string; readonly from: number | null; readonly unchanged: boolean }[];
  readonly fitness?: Fitness;
};

export type RolloutEvent = Requested | LaterEvent;

/** Everything that may happen to a rollout after it was requested. */
export type LaterEvent =
  | { readonly type: "approved"; readonly at: number; readonly by: Person; readonly fitness?: Fitness }
  | { readonly type: "rejected"; readonly at: number; readonly by: Person; readonly why: string }
  | {
      readonly type: "cancelled";
      readonly at: number;
      readonly by: Person;
      readonly why: string | null;
      /** A rollback stopped it: the release is held to be at fault. */
      readonly blame: boolean;
    }
  | { readonly type: "plan_changed"; readonly at: number; readonly detail: string }
  | { readonly type: "expired"; readonly at: number }
  | { readonly type: "image_present"; readonly at: number; readonly host: string; readonly fitness?: Fitness }
  /** A host that was waited for is back, or well again. */
  | { readonly type: "hosts_changed"; readonly at: number; readonly fitness?: Fitness }
  /** The host was revoked: it is not part of anything any more. */
  | { readonly type: "host_left"; readonly at: number; readonly host: string; readonly fitness?: Fitness }
  | {
      readonly type: "image_failed";
      readonly at: number;
      readonly host: string;
      readonly reason: ReasonCode;
      readonly detail: string;
    }
  | { readonly type: "images_overdue"; readonly at: number }
  | {
      readonly type: "host_swapped";
      readonly at: number;
      readonly host: string;
      readonly tookMs: number;
      readonly restarts?: number;
      readonly fitness?: Fitness;
    }
  | ({ readonly type: "host_failed"; readonly at: number; readonly host: string } & Failure)
  | ({ readonly type: "host_unwell"; readonly at: number; readonly host: string } & Failure)
  | { readonly type: "host_overdue"; readonly at: number; readonly host: string; readonly connected: boolean }
  | { readonly type: "soaked"; readonly at: number; readonly fitness?: Fitness }
  | { readonly type: "host_restored"; readonly at: number; readonly host: string }
  | ({ readonly type: "host_restore_failed"; readonly at: number; readonly host: string } & Failure);

export type Failure = { readonly reason: ReasonCode; readonly detail: string; readonly logTail: readonly string[] };

export type TimerName = "expiry" | "images" | "soak" | `host:${string}`;

export type Effect =
  /** What should serve on the host from now on; null is nothing. */
  | { readonly kind: "desire"; readonly host: string; readonly release: number | null }
  | { readonly kind: "set_timer"; readonly name: TimerName; readonly at: number }
  | { readonly kind: "clear_timer"; readonly name: TimerName }
  | {
      readonly kind: "verdict";
      readonly release: number;
      readonly verdict: "good" | "bad";
      readonly reason: ReasonCode | null;
      readonly detail: string | null;
    };

export type Step =
  | { readonly kind: "moved"; readonly state: RolloutState; readonly effects: readonly Effect[] }
  /** A person's act that is not possible (any more). */
  | { readonly kind: "refused"; readonly reason: ReasonCode }
  /** A machine's report that changes nothing (late, or known). */
  | { readonly kind: "ignored" };

const endedPhases: readonly Phase[] = ["succeeded", "restored", "stuck", "rejected", "expired", "cancelled"];

export function hasEnded(state: { readonly phase: Phase }): boolean {
  return endedPhases.includes(state.phase);
}

export function hostOf(state: RolloutState, host: string): HostState | null {
  return state.hosts.find((h) => h.host === host) ?? null;
}
