/**
 * The one writer of rollouts: load, step, commit, effect. In one transaction it appends the event, writes the new
 * snapshot, what is desired of the hosts, the timers, the verdicts, and what is to be said outside (the outbox).
 * After the commit it only nudges: the agents and the outbox read the store, so a crash between loses nothing.
 */
import type { GantryConfig } from "../config/valid.ts";
import type { ReasonCode } from "../core/reasons.ts";
import { begin, step } from "../core/rollout.ts";
import {
  type Fitness,
  type HostState,
  hasEnded,
  type LaterEvent,
  type Phase,
  type PlannedHostFacts,
  type Requested,
  type RolloutEvent,
  type RolloutState,
  type TimerName,
} from "../core/rollout-state.ts";
import type { Head, SlotKey } from "../core/slot.ts";
import { createFitness, type FitnessOf } from "./fitness.ts";
import { createHearing } from "./hearing.ts";
import { environmentOf } from "./membership.ts";
import { hasLabels } from "./planner.ts";
import type { Clock, Fleet, Log } from "./ports.ts";
import { recordEffects, recordWords } from "./recording.ts";
import { createRequirements } from "./requirements.ts";
import { createSoakProof } from "./soak-proof.ts";
import type { NewRollout, Store, StoredRollout } from "./store.ts";
import { createTicking } from "./ticking.ts";
import { createTimers } from "./timers.ts";
import type { UsageBoard } from "./usage.ts";
import { createWatching } from "./watching.ts";
import { createWork } from "./work.ts";

export type Told =
  | { readonly kind: "moved"; readonly state: RolloutState }
  | { readonly kind: "refused"; readonly reason: ReasonCode }
  | { readonly kind: "ignored" };

export type Conductor = {
  /** Several of the calls below as one transaction; nobody outside hears of any before all are committed. */
  atomically<T>(work: () => T): T;
  /** Inside `atomically`: done after the commit, the same function once; forgotten when nothing is committed. */
  afterwards(act: () => void): void;
  open(row: NewRollout, event: Requested): StoredRollout;
  tell(number: number, event: LaterEvent): Told;
  /** Hosts of the environment that are out of service now; those of a plan count although nothing was ever wanted of them. */
  fitnessOf: FitnessOf;
  /** Those that hold an environment, by number; inside `atomically` read once. */
  active(): readonly RolloutState[];
  /** The host's connection or condition changed: what waited for it may go on. */
  hostChanged(host: string): void;
  /** The host has spoken, whatever it said: what waited for that may go on, or end. */
  hostReported(host: string): void;
  /** How what serves on the host is doing changed: environments that are watched are judged again. */
  hostSeen(host: string): void;
  /**
   * After a start: timers that passed meanwhile, and everything that was committed but not yet sent.
   */
  recover(): void;
  stop(): void;
};

export type ConductorParts = {
  readonly store: Store;
  readonly config: GantryConfig;
  readonly clock: Clock;
  readonly fleet: Fleet;
  readonly log: Log;
  /** What the connected hosts use now. */
  readonly usage: Pick<UsageBoard, "of">;
  /** The host has reported since it connected. */
  readonly isHeard: (host: string) => boolean;
  /** Something was put into the outbox. */
  readonly outboxChanged: () => void;
  /** After a commit in which a rollout ended, or left the line: whoever is next may come. Never throws. */
  readonly freed: (key: SlotKey) => void;
  /** Hosts that were waiting for a rollout to end get what is live. After `freed`, never throws. */
  readonly converge: (key: SlotKey) => void;
  /** The watch, and the policy, want the release gone. After the commit, and again after a start; bears repetition. */
  readonly rollBack: (key: SlotKey, why: string) => void;
  /** A card shows how long something has taken: draw it again although nothing happened. */
  readonly redraw: (rollout: number) => void;
  /** Something happened to a rollout; told after the commit. */
  readonly onEvent?: (event: RolloutEvent) => void;
  /** Named points at which a test may end the process. */
  readonly failpoint?: (name: string) => void;
};

/** After these a host may begin, so the reducer must know which hosts are out. */
const mayBeginHosts: readonly LaterEvent["type"][] = [
  "approved",
  "turn_came",
  "cancelled",
  "resumed",
  "retried",
  "continued",
  "image_present",
  "image_failed",
  "hosts_changed",
  "host_left",
  "host_swapped",
  "host_failed",
  "host_unwell",
  "host_overdue",
  "host_restored",
  "host_restore_failed",
  "soaked",
  "stalled",
];

/** In these a host may be waited for. */
const waitsForHosts: readonly Phase[] = ["queued", "rolling", "restoring"];

/** Waits that another host, or another container of the host, may end. */
const waits: readonly (ReasonCode | null)[] = ["over_budget", "awaiting_host", "awaiting_service"];

type Move = { readonly before: RolloutState | null; readonly event: RolloutEvent; readonly state: RolloutState };

export function createConductor(parts: ConductorParts): Conductor {
  const { store, config, clock, fleet, log } = parts;
  const failpoint = parts.failpoint ?? (() => {});
  const work = createWork(store);
  const hearing = createHearing({ clock, overdue });
  const fitnessOf = createFitness({ store, config, fleet, isUnheard: hearing.isUnheard, isHeard: parts.isHeard });
  const requirements = createRequirements({ store, config, fleet, now: () => clock.now(), isHeard: parts.isHeard });
  const timers = createTimers({ store, clock, log, ring, wasDeaf: hearing.begin });
  const ticking = createTicking({ store, clock, log, redraw: parts.redraw });
  const proof = createSoakProof({ store, clock, fleet, work, tell });
  const watching = createWatching({ store, clock, fleet, work, tell, armTimers: timers.arm });

  function open(row: NewRollout, asked: Requested): StoredRollout {
    const event: Requested = { ...asked, fitness: fitnessFor(asked, asked.hosts) };
    return work.atomically(() => {
      const { state, effects } = begin(event);
      store.rollouts.create(row, event, state);
      work.wrote({ version: 1, state });
      // All hosts of the plan: they prepare the image from now on.
      const nudges = [...recordEffects(parts, effects, { state, at: event.at }).nudges, ...namesOf(event.hosts)];
      settle({ before: null, event, state }, { nudges, rollBack: null }, "open");
      const stored = store.rollouts.find(event.number);
      if (stored === null) throw new Error(`rollout ${event.number} was not stored`);
      return stored;
    });
  }

  /** `timer`: the timer that brought the event; it is cleared in the same transaction, before the step may set it anew. */
  function tell(number: number, told: LaterEvent, timer?: TimerName): Told {
    return work.atomically(() => {
      if (timer !== undefined) store.timers.clear(number, timer);
      const known = work.rollout(number);
      if (known === null) return { kind: "refused", reason: "unknown_rollout" };
      const event = withFitness(told, known.state);
      const next = step(known.state, event);
      if (next.kind !== "moved") return next;
      const { state, effects } = next;
      store.rollouts.append({ number, version: known.version, event, state });
      work.wrote({ version: known.version + 1, state });
      const { nudges, rollBack } = recordEffects(parts, effects, { state, at: event.at });
      settle({ before: known.state, event, state }, { nudges, rollBack }, event.type);
      return { kind: "moved", state };
    });
  }

  /** What the reducer must know of the hosts when one may begin; it is recorded with the event. */
  function withFitness(event: LaterEvent, state: RolloutState): LaterEvent {
    if (!mayBeginHosts.includes(event.type)) return event;
    const planned = event.type === "turn_came" ? event.hosts : state.hosts;
    // Who leaves counts as any other host that is no part of it.
    const hosts = event.type === "host_left" ? state.hosts.filter((h) => h.host !== event.host) : planned;
    return { ...event, fitness: fitnessFor(state, hosts) } as LaterEvent;
  }

  /** A way back does not wait to see whether a host only blinked, nor for what the service stands on. */
  function fitnessFor(
    of: Pick<RolloutState, "service" | "environment" | "kind" | "policy">,
    hosts: readonly (HostState | PlannedHostFacts)[],
  ): Fitness {
    const patient = of.kind !== "rollback" && of.policy.unreachable !== "wait";
    const fitness = fitnessOf(of, { planned: namesOf(hosts), patient });
    const lacking = of.kind === "rollback" ? [] : requirements.lacking(of.service, namesOf(hosts.filter(mayBegin)));
    return lacking.length === 0 ? fitness : { ...fitness, lacking };
  }

  /** The last of the transaction, and what follows its commit. */
  function settle(move: Move, then: { nudges: readonly string[]; rollBack: string | null }, point: string): void {
    const { before, state, event } = move;
    recordWords(store, move);
    if (hasBegun(state) && (before === null || !hasBegun(before))) watching.giveWay(state, event.at);
    const head = store.history.head();
    failpoint(`${point}.before_commit`);
    work.afterwards(() => {
      failpoint(`${point}.after_commit`);
      logMove(move, head);
      nudge(state, then.nudges);
    });
    if (then.rollBack !== null) {
      const why = then.rollBack;
      work.afterwards(() => parts.rollBack(state, why));
    }
    work.afterwards(parts.outboxChanged);
    work.afterwards(timers.arm);
    work.afterwards(ticking.arm);
    if (isFreed(move)) work.afterwards(() => parts.freed(keyOf(state)));
    if (hasEnded(state) && (before === null || !hasEnded(before))) work.afterwards(() => parts.converge(keyOf(state)));
  }

  function nudge(state: RolloutState, nudges: readonly string[]): void {
    for (const host of new Set(nudges)) fleet.nudge(host);
    // Whoever prepared an image for a rollout that has ended need not keep at it.
    if (hasEnded(state)) for (const h of state.hosts) if (!nudges.includes(h.host)) fleet.nudge(h.host);
  }

  /** `seq` and `hash`: the history as it stood then, so that the log is a witness of it. */
  function logMove({ event, state }: Move, { seq, hash }: Head): void {
    parts.onEvent?.(event);
    const { number: rollout, service, environment, phase, reason } = state;
    const host = "host" in event ? event.host : undefined;
    log.info({ rollout, service, environment, event: event.type, host, phase, reason, seq, hash }, "rollout moved");
  }

  function ring(rollout: number, name: TimerName, now: number): void {
    if (name === "soak") proof.end(rollout, now);
    else if (name === "watch") watching.ring(rollout, now);
    else tell(rollout, timerEvent(name, now), name);
  }

  function timerEvent(name: Exclude<TimerName, "soak" | "watch">, at: number): LaterEvent {
    if (name === "expiry") return { type: "expired", at };
    if (name === "progress") return { type: "stalled", at };
    const host = name.slice("host:".length);
    return { type: "host_overdue", at, host, connected: fleet.isConnected(host) };
  }

  function hostChanged(host: string): void {
    if (!fleet.isConnected(host)) hearing.broke();
    work.atomically(() => {
      for (const state of work.active()) {
        if (isConcerned(host, state)) tell(state.number, { type: "hosts_changed", at: clock.now() });
      }
    });
  }

  /** Hosts that were given time have used it up. */
  function overdue(): void {
    try {
      for (const { number } of store.rollouts.allActive()) tell(number, { type: "hosts_changed", at: clock.now() });
    } catch (error) {
      log.error({ err: error }, "rollouts could not be told of hosts that are away");
      hearing.broke();
    }
  }

  /** A soak that is over ends with the word of the last of its hosts; what waits for hosts looks at them whenever one speaks. */
  function hostReported(host: string): void {
    const now = clock.now();
    for (const state of work.active()) {
      const { number, phase, soakEndsAt, reason } = state;
      if (waits.includes(reason) && isConcerned(host, state)) tell(number, { type: "hosts_changed", at: now });
      if (phase === "soaking" && soakEndsAt !== null && soakEndsAt <= now) proof.end(number, now);
    }
  }

  /** It is part of it, or of the environment whose budget it shares. */
  function isConcerned(host: string, state: RolloutState): boolean {
    if (!waitsForHosts.includes(state.phase)) return false;
    if (state.hosts.some((h) => h.host === host)) return true;
    const settings = environmentOf(config, state);
    const labels = store.hosts.find(host)?.labels;
    return settings !== null && labels !== undefined && hasLabels(labels, settings.hosts);
  }

  return {
    atomically: work.atomically,
    afterwards: work.afterwards,
    open,
    tell: (number, event) => tell(number, event),
    fitnessOf,
    active: work.active,
    hostChanged,
    hostReported,
    hostSeen: watching.seen,
    recover() {
      for (const { number, state } of store.rollouts.allActive()) {
        log.info({ rollout: number, phase: state.phase }, "taking up a rollout after a start");
      }
      for (const { key, why } of watching.owed(config)) parts.rollBack(key, why);
      timers.recover();
      ticking.arm();
      parts.outboxChanged();
    },
    stop() {
      hearing.stop();
      ticking.stop();
      timers.stop();
    },
  };
}

/** One that has failed may be swapped again. */
function mayBegin(host: HostState | PlannedHostFacts): boolean {
  return "status" in host ? host.status === "waiting" || host.status === "failed" : !host.unchanged;
}

/** Hosts may have been touched, or are about to be. */
function hasBegun(state: RolloutState): boolean {
  return state.phase !== "in_line" && state.phase !== "awaiting_approval" && !hasEnded(state);
}

/** It ended, left the line, or the line may go on: somebody may come to their turn. */
function isFreed({ before, event, state }: Move): boolean {
  if (before === null) return hasEnded(state);
  if (before.phase === "in_line") return state.phase !== "in_line" || event.type === "resumed";
  return hasEnded(state) && !hasEnded(before);
}

function keyOf({ service, environment }: SlotKey): SlotKey {
  return { service, environment };
}

function namesOf(hosts: readonly { readonly host: string }[]): string[] {
  return hosts.map((h) => h.host);
}
