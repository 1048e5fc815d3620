/** What messages are made from: plain facts about rollouts, environments and hosts, gathered by app/. No prose in here. */
import type { Plan } from "./plan.ts";
import type { ReasonCode } from "./reasons.ts";
import type { RolloutState } from "./rollout-state.ts";
import type { LiveHealth, SlotStep } from "./slot.ts";

export type ReleaseFacts = { readonly number: number; readonly commit: string; readonly digest: string };

export type CommitFacts = { readonly sha: string; readonly title: string; readonly author: string; readonly url: string };
export type TicketFacts = { readonly key: string; readonly summary: string; readonly status: string; readonly url: string };

/** What would change, as far as GitHub and Jira could say. */
export type ChangeFacts = {
  /** Newest first, capped. */
  readonly commits: readonly CommitFacts[];
  readonly total: number;
  /** Commits that run now and would be gone. */
  readonly behind: number;
  readonly compareUrl: string | null;
  readonly tickets: readonly TicketFacts[];
  /** What could not be looked up, and why: sentences. */
  readonly gaps: readonly { readonly reason: ReasonCode; readonly text: string }[];
};

/** Everything on the card of one rollout. */
export type RolloutFacts = {
  readonly state: RolloutState;
  readonly plan: Plan;
  readonly release: ReleaseFacts;
  readonly from: ReleaseFacts | null;
  /** What the requester typed as ref, or null (rollback, promote). */
  readonly ref: string | null;
  /** null until it has been looked up, and when no forge is set up. */
  readonly change: ChangeFacts | null;
  /** What the service names and this server has no access to: sentences. */
  readonly notSetUp: readonly string[];
  /** Where each host's agent is right now (not part of the rollout's own state). */
  readonly steps: Readonly<Record<string, SlotStep>>;
  /** Hosts that have no live connection to the server. */
  readonly away: readonly string[];
  /** Role names that may approve. */
  readonly approvers: readonly string[];
  readonly notRequester: boolean;
  /** Set when the release is bad here and was asked for with --allow-bad. */
  readonly allowBad: { readonly why: string; readonly verdict: string } | null;
  /** False: the service declares no health check at all, which the card shouts about. */
  readonly healthDeclared: boolean;
  /** Set when the environment has an earlier one in which this release has not soaked. */
  readonly notSoakedIn: string | null;
  /** Hosts that keep the release to go back to, ready to start. */
  readonly readiness: { readonly ready: number; readonly total: number; readonly release: number | null };
  readonly why: string | null;
  readonly now: number;
};

export type RollbackPreview = {
  readonly service: string;
  readonly environment: string;
  readonly from: ReleaseFacts | null;
  /** null: nothing was live before the rollout that this stops; its hosts are emptied again. */
  readonly to: ReleaseFacts | null;
  readonly planHash: string;
  readonly hosts: readonly string[];
  readonly readiness: { readonly ready: number; readonly total: number };
  /** A rollout under way that this would stop: its hosts are put back instead of opening a new one. */
  readonly stops: { readonly rollout: number; readonly phase: string } | null;
};

export type SlotFacts = {
  readonly host: string;
  readonly connected: boolean;
  readonly release: number | null;
  readonly health: LiveHealth | "empty" | "unknown";
  readonly detail: string | null;
};

export type EnvironmentStatus = {
  readonly service: string;
  readonly environment: string;
  readonly live: ReleaseFacts | null;
  readonly since: number | null;
  readonly by: string | null;
  readonly active: RolloutState | null;
  /** The newest attempt here got stuck, and nothing has succeeded since. */
  readonly lastTrouble: RolloutState | null;
  /** False: its service or environment has gone from the configuration while a rollout was under way. */
  readonly isConfigured: boolean;
  readonly slots: readonly SlotFacts[];
  readonly rollbackTo: ReleaseFacts | null;
  readonly readiness: { readonly ready: number; readonly total: number };
};

export type HistoryLine = {
  readonly state: RolloutState;
  readonly commit: string;
  readonly fromCommit: string | null;
};

export type HostFacts = {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly connected: boolean;
  readonly lastSeenAt: number | null;
  readonly agentVersion: string | null;
  readonly revoked: boolean;
  readonly engine: {
    readonly ok: boolean;
    readonly reason: string | null;
    readonly detail: string | null;
    readonly liveRestore: boolean | null;
  } | null;
  readonly slots: readonly {
    readonly service: string;
    readonly environment: string;
    readonly release: number | null;
    readonly health: string;
  }[];
};
