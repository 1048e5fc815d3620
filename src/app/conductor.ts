/**
 * The one writer of rollouts: load, step, commit, effect. In one transaction it appends the event, writes the new
 * snapshot, what is desired of the hosts, the timers, the verdicts, and what is to be said outside (the outbox).
 * After the commit it only nudges: the agents and the outbox read the store, so a crash between loses nothing.
 */
import type { ReasonCode } from "../core/reasons.ts";
import { begin, step } from "../core/rollout.ts";
import {
  type Effect,
  type Fitness,
  hasEnded,
  type LaterEvent,
  type Phase,
  type Requested,
  type RolloutEvent,
  type RolloutState,
  type TimerName,
} from "../core/rollout-state.ts";
import type { SlotKey } from "../core/slot.ts";
import { threadLines } from "../messages/thread-lines.ts";
import type { Clock, Fleet, Log } from "./ports.ts";
import type { NewRollout, Store, StoredRollout } from "./store.ts";

export type Told =
  | { readonly kind: "moved"; readonly state: RolloutState }
  | { readonly kind: "refused"; readonly reason: ReasonCode }
  | { readonly kind: "ignored" };

export type Conductor = {
  /** Several of the calls below as one transaction; nobody outside hears of any before all are committed. */
  atomically<T>(work: () => T): T;
  open(row: NewRollout, event: Requested): StoredRollout;
  tell(number: number, event: LaterEvent): Told;
  /** The host's connection or condition changed: what waited for it may go on, or be proved. */
  hostChanged(host: string): void;
  /** After a start: timers that passed meanwhile, and everything that was committed but not yet sent. */
  recover(): void;
  stop(): void;
};

export type ConductorParts = {
  readonly store: Store;
  readonly clock: Clock;
  readonly fleet: Fleet;
  readonly log: Log;
  /** Something was put into the outbox. */
  readonly outboxChanged: () => void;
  /** Hosts that were waiting for a rollout to end and have something new desired of them. */
  readonly convergeAll: () => readonly string[];
  /** A card shows how long something has taken: draw it again although nothing happened. */
  readonly redraw: (rollout: number) => void;
  /** The watch, and the policy, say that the release must go; called inside the transaction. */
  readonly rollBack: (key: SlotKey, why: string) => void;
  /** Something happened to a rollout; told after the commit. */
  readonly onEvent?: (event: RolloutEvent) => void;
  /** Named points at which a test may end the process. */
  readonly failpoint?: (name: string) => void;
};

const storeRetryMs = 5_000;
/** After a start, or when the process stood still this long, hosts get this long to be heard before any of them is late. */
const stallMs = 10_000;
const graceMs = 60_000;
/** How often hosts are asked for the proof that ends a soak. */
const proofRetryMs = 2_000;
/** Cards of rollouts under way are drawn again this often, so that "for 40 s" does not stand still. */
const tickMs = 10_000;
const moving: readonly Phase[] = ["rolling", "soaking", "restoring"];

const mayBeginBatch: readonly LaterEvent["type"][] = [
  "approved",
  "image_present",
  "hosts_changed",
  "host_left",
  "host_swapped",
  "soaked",
];

export function createConductor(parts: ConductorParts): Conductor {
  const { store, clock, fleet, log } = parts;
  const failpoint = parts.failpoint ?? (() => {});
  let cancelWake: (() => void) | null = null;
  let cancelTick: (() => void) | null = null;
  let stopped = false;
  let armedFor: number | null = null;
  const startedAt = clock.now();
  let depth = 0;
  let afterCommit: (() => void)[] = [];

  function atomically<T>(work: () => T): T {
    depth += 1;
    try {
      return store.transact(work);
    } catch (error) {
      if (depth === 1) afterCommit = [];
      throw error;
    } finally {
      depth -= 1;
      if (depth === 0) {
        const due = afterCommit;
        afterCommit = [];
        for (const act of due) act();
      }
    }
  }

  function open(row: NewRollout, asked: Requested): StoredRollout {
    const hosts = asked.hosts.map((h) => h.host);
    const event = { ...asked, fitness: fitnessOf(asked, hosts) };
    const { state, effects } = begin(event);
    return atomically(() => {
      store.rollouts.create(row, event, state);
      record(state, effects, event.at);
      say(null, event, state);
      failpoint("open.before_commit");
      afterCommit.push(() => {
        failpoint("open.after_commit");
        logMove(event, state);
        // All hosts of the plan: they prepare the image from now on.
        after(
          state,
          event.hosts.map((h) => h.host),
        );
      });
      const stored = store.rollouts.find(event.number);
      if (stored === null) throw new Error(`rollout ${event.number} was not stored`);
      return stored;
    });
  }

  /** `timer`: the timer that brought the event; it is cleared in the same transaction, before the step may set it anew. */
  function tell(number: number, told: LaterEvent, timer?: TimerName): Told {
    return atomically(() => {
      if (timer !== undefined) store.timers.clear(number, timer);
      const stored = store.rollouts.find(number);
      if (stored === null) return { kind: "refused", reason: "unknown_rollout" };
      const event = withFitness(told, stored.state);
      const next = step(stored.state, event);
      if (next.kind !== "moved") return next;
      const { state } = next;
      store.rollouts.append({ number, version: stored.version, event, state });
      const nudges = record(state, next.effects, event.at);
      say(stored.state, event, state);
      failpoint(`${event.type}.before_commit`);
      afterCommit.push(() => {
        failpoint(`${event.type}.after_commit`);
        logMove(event, state);
        after(state, nudges);
      });
      return { kind: "moved", state };
    });
  }

  /** What the reducer must know of the hosts when a batch may begin; it is recorded with the event. */
  function withFitness(event: LaterEvent, state: RolloutState): LaterEvent {
    if (!mayBeginBatch.includes(event.type)) return event;
    return {
      ...event,
      fitness: fitnessOf(
        state,
        state.hosts.map((h) => h.host),
      ),
    } as LaterEvent;
  }

  function fitnessOf(key: SlotKey, hosts: readonly string[]): Fitness {
    const slots = store.slots.ofEnvironment(key);
    const isWell = (host: string) => slots.find((s) => s.host === host)?.observed?.live?.health === "ok";
    return {
      away: hosts.filter((host) => !fleet.isConnected(host)),
      unwell: hosts.filter((host) => fleet.isConnected(host) && !isWell(host)),
    };
  }

  /** Writes what the effects ask for. Returns the hosts whose desired state changed. */
  function record(state: RolloutState, effects: readonly Effect[], at: number): string[] {
    const { number: rollout, service, environment } = state;
    const nudges: string[] = [];
    for (const effect of effects) {
      switch (effect.kind) {
        case "desire":
          store.slots.desire({
            host: effect.host,
            service,
            environment,
            rollout,
            release: effect.release,
            fresh: effect.fresh === true,
          });
          nudges.push(effect.host);
          break;
        case "set_timer":
          store.timers.set({ rollout, name: effect.name, wakeAt: effect.at });
          break;
        case "clear_timer":
          store.timers.clear(rollout, effect.name);
          break;
        case "verdict": {
          const { release, verdict, reason, detail, by } = effect;
          store.verdicts.add({ service, environment, release, verdict, reason, detail, rollout, at, by });
          break;
        }
        case "roll_back":
          parts.rollBack(state, effect.why);
          break;
      }
    }
    if (hasEnded(state)) store.timers.clearAll(rollout);
    return nudges;
  }

  /** What people and systems outside are to hear of the change. */
  function say(before: RolloutState | null, event: RolloutEvent, state: RolloutState): void {
    const { number: rollout } = state;
    const at = event.at;
    store.outbox.add({ key: `card:${rollout}`, kind: "card", rollout, body: {}, at, replace: true });
    for (const line of threadLines(before, event, state)) {
      store.outbox.add({ key: `thread:${rollout}`, kind: "thread", rollout, body: line, at, replace: false });
    }
    if (before === null) {
      store.outbox.add({ key: `change:${rollout}`, kind: "change", rollout, body: {}, at, replace: true });
    }
    if (before?.phase === state.phase) return;
    store.outbox.add({ key: `forge:${rollout}`, kind: "forge", rollout, body: { phase: state.phase }, at, replace: false });
    if (!hasEnded(state)) return;
    store.outbox.add({ key: `notice:${rollout}`, kind: "notice", rollout, body: {}, at, replace: true });
    store.outbox.add({ key: `tickets:${rollout}`, kind: "tickets", rollout, body: {}, at, replace: true });
  }

  function after(state: RolloutState, nudges: readonly string[]): void {
    for (const host of nudges) fleet.nudge(host);
    // Whoever prepared an image for a rollout that has ended need not keep at it.
    if (hasEnded(state)) for (const h of state.hosts) if (!nudges.includes(h.host)) fleet.nudge(h.host);
    parts.outboxChanged();
    armTimer();
    armTick();
    if (hasEnded(state)) bringAlong();
  }

  function armTick(): void {
    if (cancelTick !== null || stopped) return;
    const active = store.rollouts.allActive().filter((r) => moving.includes(r.state.phase));
    if (active.length > 0) cancelTick = clock.wakeAt(clock.now() + tickMs, tick);
  }

  function tick(): void {
    cancelTick = null;
    try {
      for (const { number, state } of store.rollouts.allActive()) if (moving.includes(state.phase)) parts.redraw(number);
      armTick();
    } catch (error) {
      log.warn({ err: error }, "cards could not be drawn again; the next event draws them");
    }
  }

  /** Hosts that joined while the environment was busy. What cannot be written now comes with their next connection. */
  function bringAlong(): void {
    try {
      for (const host of parts.convergeAll()) fleet.nudge(host);
    } catch (error) {
      log.error({ err: error }, "hosts that joined could not be given the live release yet");
    }
  }

  function logMove(event: RolloutEvent, state: RolloutState): void {
    parts.onEvent?.(event);
    const { number: rollout, service, environment, phase, reason } = state;
    const host = "host" in event ? event.host : undefined;
    log.info({ rollout, service, environment, event: event.type, host, phase, reason }, "rollout moved");
  }

  function armTimer(): void {
    cancelWake?.();
    cancelWake = null;
    if (stopped) return;
    armedFor = store.timers.next();
    if (armedFor !== null) cancelWake = clock.wakeAt(armedFor, ringTimers);
  }

  /** A timer is a row: when the store cannot take its event now (a full disk), the row is still there a moment later. */
  function ringTimers(): void {
    try {
      const now = clock.now();
      if (armedFor !== null && now - armedFor > stallMs) store.timers.grant(now + graceMs);
      for (const { rollout, name } of store.timers.due(now)) ring(rollout, name, now);
      armTimer();
    } catch (error) {
      log.error({ err: error }, "a timer could not be served; it will be tried again");
      cancelWake = clock.wakeAt(clock.now() + storeRetryMs, ringTimers);
    }
  }

  function ring(rollout: number, name: TimerName, now: number): void {
    if (name === "soak") endSoak(rollout, now);
    else tell(rollout, timerEvent(name, now), name);
  }

  /**
   * Time alone proves nothing: a soak ends when every host of it has said, after its end, that the release serves and is
   * well. Hosts that do not say so are asked again, and count as lost after the time that a swap may take.
   */
  function endSoak(rollout: number, now: number): void {
    const state = store.rollouts.find(rollout)?.state;
    const { soakEndsAt } = state ?? {};
    if (state === undefined || soakEndsAt === null || soakEndsAt === undefined || soakEndsAt > now) return;
    const silent = state.hosts.filter((h) => h.status === "healthy" && !isProved(state, h.host, soakEndsAt));
    const first = silent[0];
    if (first === undefined) {
      tell(rollout, { type: "soaked", at: now }, "soak");
    } else if (now > Math.max(soakEndsAt, startedAt) + state.policy.hostDeadlineMs) {
      const detail = "it did not say that it is well when the soak ended";
      tell(rollout, { type: "host_unwell", at: now, host: first.host, reason: "host_lost", detail, logTail: [] }, "soak");
    } else {
      store.timers.set({ rollout, name: "soak", wakeAt: now + proofRetryMs });
      for (const h of silent) fleet.nudge(h.host);
    }
  }

  function isProved(state: RolloutState, host: string, since: number): boolean {
    const slot = store.slots.get(host, state);
    const { observed, observedAt } = slot ?? {};
    const isAbout = slot?.release === state.release && observed?.generation === slot.generation;
    const isWell = observed?.live?.release === state.release && observed.live.health === "ok";
    return isAbout && isWell && fleet.isConnected(host) && (observedAt ?? 0) >= Math.max(since, startedAt);
  }

  function hostChanged(host: string): void {
    const now = clock.now();
    for (const { number, state } of store.rollouts.allActive()) {
      if (!state.hosts.some((h) => h.host === host)) continue;
      if (state.reason === "awaiting_host") tell(number, { type: "hosts_changed", at: now });
      if (state.phase === "soaking") endSoak(number, now);
    }
  }

  function timerEvent(name: Exclude<TimerName, "soak">, at: number): LaterEvent {
    if (name === "expiry") return { type: "expired", at };
    if (name === "progress") return { type: "stalled", at };
    if (name === "watch") return { type: "watch_ended", at, quiet: true };
    const host = name.slice("host:".length);
    return { type: "host_overdue", at, host, connected: fleet.isConnected(host) };
  }

  return {
    atomically,
    open,
    tell: (number, event) => tell(number, event),
    hostChanged,
    recover() {
      for (const { number, state } of store.rollouts.allActive()) {
        log.info({ rollout: number, phase: state.phase }, "taking up a rollout after a start");
      }
      store.timers.grant(clock.now() + graceMs);
      ringTimers();
      armTick();
      parts.outboxChanged();
    },
    stop() {
      stopped = true;
      cancelTick?.();
      cancelWake?.();
    },
  };
}
