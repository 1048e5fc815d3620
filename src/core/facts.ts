/** What messages are made from: plain facts about rollouts, environments and hosts, gathered by app/. No prose in here. */
import type { Plan } from "./plan.ts";
import type { ReasonCode } from "./reasons.ts";
import type { Lacking } from "./requirement.ts";
import type { Readiness } from "./rollback-estimate.ts";
import type { Person, RolloutState } from "./rollout-state.ts";
import type { Head, LiveHealth, SlotStep } from "./slot.ts";
import type { SpecChanges } from "./spec-change.ts";
import type { UsageChange, UsageSample, Used } from "./usage.ts";
import type { WatchRule, WatchSample } from "./watch.ts";

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
  /** What changes besides the released image; absent: nothing does. */
  readonly besides?: SpecChanges;
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
  readonly readiness: Readiness & { readonly release: number | null };
  readonly why: string | null;
  /** Its place in line, 1 is next; null when it does not wait in line. */
  readonly position: number | null;
  /** What holds up the line: the rollout under way, or the lock; null when nothing does. */
  readonly behind: { readonly rollout: number | null; readonly lock: LockFacts | null } | null;
  /** Hosts with the environment's labels that the plan leaves out, because a person took them out. */
  readonly leftOut: readonly {
    readonly host: string;
    readonly intent: IntentFacts;
    /** The release that it serves on, when that was judged bad here. */
    readonly bad?: number;
  }[];
  /** What hosts that are still to begin lack of what the service stands on; absent: nothing. */
  readonly lacking?: readonly Lacking[];
  /** Who stands on this service, on its hosts; absent: nobody. */
  readonly dependants?: readonly Dependant[];
  /** What its container used before and after; absent: no host knows both (yet). */
  readonly usage?: UsageChange;
  /** The newest entry of the history; printed small, so that a card is a witness. */
  readonly head: Head | null;
  readonly now: number;
};

/** An environment of another service that stands on this one, and on how many of its hosts. */
export type Dependant = { readonly service: string; readonly environment: string; readonly hosts: number };

/** What a person wants of a host, whatever its liveness. */
export type IntentFacts = {
  readonly kind: "cordoned" | "drained";
  readonly by: Person;
  readonly at: number;
  readonly why: string | null;
};

export type LockFacts = {
  readonly by: Person;
  readonly at: number;
  readonly why: string;
  /** null: until it is taken away. */
  readonly until: number | null;
};

/** The server stands still, because somebody knows more than it does. */
export type FreezeFacts = {
  readonly reason: "server_behind" | "history_forked";
  readonly at: number;
  /** The host whose agent showed it, or null after a restore from a backup. */
  readonly host: string | null;
  readonly detail: string;
};

/** The answer to `why`: for each thing that waits or stands still, what, since when, and what would end it. */
export type WhyFacts = {
  /** `#142`, `prod-3`, `api prod`. */
  readonly subject: string;
  /** One sentence: how it stands. */
  readonly now: string;
  readonly waits: readonly {
    readonly reason: ReasonCode;
    readonly text: string;
    /** Epoch milliseconds; null when nobody noted it. */
    readonly since: number | null;
    /** When it ends by itself, at the latest; null when it does not. */
    readonly until: number | null;
    /** What would end it: an event, a person's act, a command. */
    readonly ends: string;
  }[];
  /** What led to where it stands, oldest first: sentences with their time. */
  readonly story: readonly { readonly at: number; readonly text: string }[];
  /** What the watch saw, when that is what it is about. */
  readonly series: { readonly rule: WatchRule; readonly samples: readonly WatchSample[] } | null;
  readonly at: number;
};

export type RollbackPreview = {
  readonly service: string;
  readonly environment: string;
  /** What is left by it: as a rule what is live; what a rollout under way brings; what got stuck. */
  readonly from: ReleaseFacts | null;
  readonly live: ReleaseFacts | null;
  /** null: nothing was live before the rollout that this stops; its hosts are emptied again. */
  readonly to: ReleaseFacts | null;
  /** What changes besides the released image; absent: nothing does. */
  readonly besides?: SpecChanges;
  /** Agents of its hosts that do not know all that it needs: a sentence; absent: they do. */
  readonly warning?: string;
  readonly planHash: string;
  readonly hosts: readonly string[];
  readonly readiness: Readiness;
  /** A rollout under way that this would stop: its hosts are put back instead of opening a new one. */
  readonly stops: { readonly rollout: number; readonly phase: string } | null;
  /** Hosts that the stopped rollout has touched by now: they go to `to` first. */
  readonly touched: readonly string[];
  /** Others that serve something else than `to`: they follow when those are back. */
  readonly rest: readonly string[];
  /** Releases that are judged bad here by it. */
  readonly judged: readonly number[];
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
  /** The newest attempt here got stuck, did not reach every host, or did not stay well; and nothing has succeeded since. */
  readonly lastTrouble: RolloutState | null;
  /** False: its service or environment has gone from the configuration while a rollout was under way. */
  readonly isConfigured: boolean;
  readonly slots: readonly SlotFacts[];
  /** Hosts that do not belong here any more and have something of this place still; absent: none. */
  readonly leftOver?: readonly string[];
  readonly rollbackTo: ReleaseFacts | null;
  readonly readiness: Readiness;
  /** False: the service file declares no health check at all; absent: it does. */
  readonly healthDeclared?: boolean;
  /** What the live release uses now: medians over hosts; absent: none has said. */
  readonly usage?: Used & { readonly hosts: number };
  readonly lock: LockFacts | null;
  /** Those in line, first first. */
  readonly line: readonly RolloutState[];
};

export type HistoryLine = {
  readonly state: RolloutState;
  readonly commit: string;
  readonly fromCommit: string | null;
};

/** Of the whole machine. */
export type HostUsageFacts = Pick<UsageSample, "machine" | "coresInUse" | "diskFreeBytes">;

export type HostFacts = {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly connected: boolean;
  readonly lastSeenAt: number | null;
  readonly agentVersion: string | null;
  readonly revoked: boolean;
  readonly intent: IntentFacts | null;
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
  /** Absent: its agent is away, or has not said yet. */
  readonly usage?: HostUsageFacts;
};
