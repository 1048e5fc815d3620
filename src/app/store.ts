/**
 * The store as the application sees it. All synchronous: one SQLite connection, one writer.
 * Rows come back as data with JSON columns parsed. Only `transact` makes several writes one.
 */
import type { ChangeFacts, FreezeFacts, IntentFacts, LockFacts, ReleaseFacts } from "../core/facts.ts";
import type { Plan, RolloutKind } from "../core/plan.ts";
import type { ReasonCode } from "../core/reasons.ts";
import type { Release, ReleaseSpec } from "../core/release.ts";
import type { SwapTime } from "../core/rollback-estimate.ts";
import type { Person, Phase, RolloutEvent, RolloutState, TimerName } from "../core/rollout-state.ts";
import type { Head, ObservedSlot, SlotKey } from "../core/slot.ts";
import type { Used, UsedOnHost } from "../core/usage.ts";
import type { WatchSample } from "../core/watch.ts";
import type { Message } from "../messages/message.ts";
import type { Delivery } from "./ports.ts";

export type StoredRollout = {
  readonly number: number;
  readonly version: number;
  readonly state: RolloutState;
  readonly plan: Plan;
  readonly ref: string | null;
  readonly why: string | null;
  readonly allowBad: { readonly why: string; readonly verdict: string } | null;
  readonly channel: string | null;
  readonly cardTs: string | null;
  readonly change: ChangeFacts | null;
  readonly deployment: string | null;
};

export type NewRollout = {
  readonly service: string;
  readonly environment: string;
  readonly kind: RolloutKind;
  readonly release: number;
  readonly plan: Plan;
  readonly planHash: string;
  readonly requestKey: string;
  readonly ref: string | null;
  readonly why: string | null;
  readonly allowBad: { readonly why: string; readonly verdict: string } | null;
  readonly channel: string | null;
  readonly requestedAt: number;
};

export type Verdict = {
  readonly release: number;
  readonly verdict: "good" | "bad";
  readonly reason: ReasonCode | null;
  readonly detail: string | null;
  readonly rollout: number;
  readonly at: number;
  /** Who judged; null: Gantry, from what it saw. */
  readonly by: Person | null;
};

export type StoredSlot = SlotKey & {
  readonly host: string;
  readonly generation: number;
  readonly rollout: number | null;
  /** The release desired here, or null for none. */
  readonly release: number | null;
  /** A new container is wanted even when that release serves. */
  readonly fresh: boolean;
  readonly observed: ObservedSlot | null;
  readonly observedAt: number | null;
  /** Something on it has been well at some time. */
  readonly hasServed: boolean;
};

export type EngineFacts = {
  readonly ok: boolean;
  readonly reason: string | null;
  readonly detail: string | null;
  readonly liveRestore: boolean | null;
  readonly platform?: string;
  /** When it was first seen so; absent: nobody noted it. */
  readonly since?: number;
};

export type StoredHost = {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly publicKey: string;
  readonly enrolledAt: number;
  readonly revokedAt: number | null;
  readonly agentVersion: string | null;
  readonly engine: EngineFacts | null;
  readonly lastSeenAt: number | null;
  readonly intent: IntentFacts | null;
};

export type InboxItem = {
  readonly id: number;
  readonly delivery: Delivery;
  readonly receivedAt: number;
  /** How often its work was begun. */
  readonly attempt: number;
  /** What the person is told, if that is settled; null: it is not. */
  readonly answer: Answer | null;
};

/** `message` null: the rollout's card tells. */
export type Answer = { readonly message: Message | null };

export type OutboxItem = {
  readonly id: number;
  readonly key: string;
  readonly kind: string;
  readonly rollout: number | null;
  readonly body: unknown;
  readonly attempt: number;
  readonly createdAt: number;
};

export interface Store {
  /** Runs the work in one immediate transaction; anything it throws rolls all of it back. */
  transact<T>(work: () => T): T;
  /** The server's identity, made once with the data. */
  readonly serverId: string;
  readonly epoch: number;
  /** One higher; returns it. Every agent that hears of it refuses the lower ones from then on. */
  raiseEpoch(): number;
  readonly history: HistoryStore;
  readonly locks: LockStore;
  readonly freeze: FreezeStore;
  readonly releases: ReleaseStore;
  readonly rollouts: RolloutStore;
  readonly verdicts: VerdictStore;
  readonly timers: TimerStore;
  readonly slots: SlotStore;
  readonly usage: UsageStore;
  readonly hosts: HostStore;
  readonly inbox: InboxStore;
  readonly outbox: OutboxStore;
  close(): void;
}

export interface ReleaseStore {
  find(service: string, number: number): Release | null;
  /** Without its spec: what most messages say of it. */
  brief(service: string, number: number): ReleaseFacts | null;
  /** The release of this digest and spec, whatever its number. */
  same(facts: { service: string; digest: string; specHash: string }): Release | null;
  /** The release with this digest and spec, made now if it is new: as `number` when that is given and free, else as the next. */
  intern(facts: {
    service: string;
    number?: number;
    commit: string;
    digest: string;
    spec: ReleaseSpec;
    specHash: string;
    at: number;
    by: string;
  }): Release;
}

export interface RolloutStore {
  /** The number the next rollout will have. */
  nextNumber(): number;
  create(row: NewRollout, event: RolloutEvent, state: RolloutState): void;
  find(number: number): StoredRollout | null;
  /** The watch after its end saw something; false as well when there is no such rollout. */
  hasFinding(number: number): boolean;
  /** The plan was made anew when its turn in line came. */
  setPlan(number: number, plan: Plan, planHash: string): void;
  /** Those that wait in line for the environment, first first. */
  inLine(service: string, environment: string): readonly StoredRollout[];
  /** Environments in which somebody waits in line. */
  lines(): readonly SlotKey[];
  /** Ended ones whose watch has not ended. */
  watched(): readonly StoredRollout[];
  /** What the request made, or acted on. */
  byRequest(key: string): StoredRollout | null;
  /** The request made no rollout of its own; it acted on this one. */
  noteRequest(key: string, number: number): void;
  /** The one that holds the environment; those in line do not. */
  active(service: string, environment: string): StoredRollout | null;
  allActive(): readonly StoredRollout[];
  /** Compare-and-set: throws when `version` is not the one in the store. */
  append(facts: { number: number; version: number; event: RolloutEvent; state: RolloutState }): void;
  events(number: number): readonly RolloutEvent[];
  /** Newest first. */
  list(facts: { service: string | null; environment: string | null; limit: number }): readonly StoredRollout[];
  /** The newest rollout that ended in one of the phases. */
  lastEnded(service: string, environment: string, phases: readonly Phase[]): StoredRollout | null;
  /**
   * The rollout whose release is meant to be live: the last that succeeded or ended incomplete, or a rollback after it that
   * got stuck. That one did not reach every host, but what it left is bad.
   */
  live(service: string, environment: string): StoredRollout | null;
  /** Of the newest rollbacks and of the newest others (`newestSwaps` of each), newest first. */
  swapTimes(service: string, environment: string): readonly SwapTime[];
  setCard(number: number, place: { channel: string; ts: string } | null): void;
  setChange(number: number, change: ChangeFacts): void;
  setDeployment(number: number, deployment: string): void;
  /** Those under way. */
  countByPhase(): Readonly<Record<string, number>>;
  /** All that ever ended, by how. */
  countEnded(): Readonly<Record<string, number>>;
}

export interface VerdictStore {
  add(facts: Verdict & SlotKey): void;
  newest(facts: SlotKey & { release: number }): Verdict | null;
  /** Releases whose newest verdict here is good; the one judged last comes first, at most `limit` of them. */
  good(key: SlotKey, limit?: number): readonly Verdict[];
}

export interface TimerStore {
  set(facts: { rollout: number; name: TimerName; wakeAt: number }): void;
  clear(rollout: number, name: TimerName): void;
  clearAll(rollout: number): void;
  due(now: number): readonly { readonly rollout: number; readonly name: TimerName }[];
  /** Deadlines of hosts and of progress before `until` are moved to it: nobody listened meanwhile, so nobody is late. */
  grant(until: number): void;
  next(): number | null;
}

export interface SlotStore {
  get(host: string, key: SlotKey): StoredSlot | null;
  ofHost(host: string): readonly StoredSlot[];
  ofEnvironment(key: SlotKey): readonly StoredSlot[];
  /** Of all environments; those of one by host. */
  all(): readonly StoredSlot[];
  /** Writes what is desired, under the next generation, which it returns. */
  desire(facts: SlotKey & { host: string; rollout: number; release: number | null; fresh?: boolean }): number;
  /** Reality, as it was found on a host whose agent was ahead: at least this generation, this release. `rollout`: the record of the adoption. */
  adopt(facts: SlotKey & { host: string; generation: number; release: number | null; rollout: number | null }): void;
  /** Every change seen on the environment's hosts from `since` on, oldest first, and the newest before it of each host. */
  series(facts: SlotKey & { since: number }): readonly WatchSample[];
  /** Writes what was observed, and a history row when what runs or its health changed. */
  observe(facts: { host: string; slot: ObservedSlot; at: number }): void;
  /** What ran on the slot at a time: the newest row at or before it. */
  ranAt(
    facts: SlotKey & { host: string; at: number },
  ): { readonly at: number; readonly release: number | null; readonly digest: string | null; readonly health: string } | null;
}

export interface UsageStore {
  /** Of the moment before, the first word stands; of the moment after, the last. */
  note(facts: { rollout: number; host: string; moment: "before" | "after"; used: Used }): void;
  /** By host; none for which nothing was noted. */
  of(rollout: number): readonly UsedOnHost[];
}

export interface HostStore {
  all(): readonly StoredHost[];
  find(name: string): StoredHost | null;
  put(facts: { name: string; labels: Readonly<Record<string, string>>; publicKey: string; at: number }): void;
  /** What the agent said of itself when it connected. */
  seen(facts: { name: string; labels?: Readonly<Record<string, string>>; agentVersion?: string; at: number }): void;
  /** As of when the host was seen last; `since` is kept while the engine is as it was. */
  setEngine(name: string, engine: EngineFacts): void;
  revoke(name: string, at: number): void;
  /** null: the host takes part again. */
  setIntent(name: string, intent: IntentFacts | null): void;
  addToken(facts: {
    tokenHash: string;
    name: string;
    labels: Readonly<Record<string, string>>;
    at: number;
    expiresAt: number;
  }): void;
  /** Marks the token used and returns what it was made for; null when unknown, used or expired. */
  spendToken(facts: {
    tokenHash: string;
    name: string;
    at: number;
  }): { readonly name: string; readonly labels: Readonly<Record<string, string>> } | null;
}

export interface InboxStore {
  /** False when this delivery, or another of the same meaning, is there already. */
  add(delivery: Delivery, at: number): boolean;
  byKey(key: string): InboxItem | null;
  open(): readonly InboxItem[];
  /** From now on this is what comes of it, whoever serves it. The first word stands. */
  settle(id: number, answer: Answer): void;
  finish(id: number, outcome: string, at: number): void;
  /** Counts an attempt before the work is done; returns how many there were before. One that keeps ending the process is given up. */
  claim(id: number): number;
  /** The newest of what was given up. */
  dead(limit: number): readonly (InboxItem & { readonly outcome: string })[];
  /** Removes what was done before, the oldest first. Returns how many. */
  prune(facts: { before: number; limit: number }): number;
  depth(): { readonly open: number; readonly oldestAt: number | null };
}

export interface OutboxStore {
  /** `replace`: an item of the same key that nobody has claimed is enough, do not add another. */
  add(facts: { key: string; kind: string; rollout: number | null; body: unknown; at: number; replace: boolean }): void;
  /** The oldest open item of each key that may be tried now. */
  ready(now: number): readonly OutboxItem[];
  /** When the next one may be tried that may not be now. */
  nextAt(after: number): number | null;
  /** Whatever of these kinds waits for a later time may be tried now. */
  hasten(kinds: readonly string[], at: number): void;
  /** Something of this key is still to be done. */
  isOpen(key: string): boolean;
  /** Counts an attempt before it is made. From then on a newer item of the key is not folded into this one. */
  claim(id: number): void;
  finish(id: number, outcome: "done" | "dead", at: number, error: string | null): void;
  retry(facts: { id: number; notBefore: number; error: string }): void;
  /** `dead`: given up, and not yet pruned. */
  depth(): { readonly open: number; readonly oldestAt: number | null; readonly dead: number };
  /** Removes what was done or given up before, the oldest first. Returns how many. */
  prune(facts: { before: number; limit: number }): number;
  /** The newest of what was given up. */
  dead(limit: number): readonly (OutboxItem & { readonly lastError: string | null })[];
  /** Something given up is tried again. False when there is no such item, or it was not given up. */
  revive(id: number, at: number): boolean;
}

/** What people and Gantry did besides rollouts: locks, intents, freezes, adoptions, enrolments, backups. Append-only, chained. */
export type HistoryAct = {
  readonly at: number;
  /** Lower_snake: `locked`, `cordoned`, `adopted`, … */
  readonly kind: string;
  readonly by: Person | null;
  readonly facts: Readonly<Record<string, unknown>>;
};

/** Where the chain does not hold, or null when it does. */
export type ChainFault = { readonly seq: number; readonly what: string };

/** Every fact of the history (releases, events of rollouts, verdicts, acts) is one link: sha256(hash before + canonical JSON). */
export interface HistoryStore {
  head(): Head;
  /** The hash of an entry; null when there is none of that number. */
  hashAt(seq: number): string | null;
  act(act: HistoryAct): void;
  /** Newest first. */
  acts(limit: number): readonly (HistoryAct & { readonly seq: number })[];
  /** Walks from `from` (1: the beginning) and stops at the first fault. `to`: the last entry that was looked at. */
  verify(facts: { from: number; limit: number }): {
    readonly fault: ChainFault | null;
    readonly to: number;
    readonly done: boolean;
  };
}

export interface LockStore {
  find(key: SlotKey): LockFacts | null;
  all(): readonly (SlotKey & { readonly lock: LockFacts })[];
  put(key: SlotKey, lock: LockFacts): void;
  remove(key: SlotKey): void;
  /** Those whose time has passed. */
  expired(now: number): readonly SlotKey[];
  nextExpiry(): number | null;
}

export interface FreezeStore {
  current(): FreezeFacts | null;
  set(freeze: FreezeFacts): void;
  clear(): void;
}
