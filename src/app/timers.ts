/** Timers are rows. The clock only wakes the process for the next of them; what passed while nobody listened is served late. */
import type { TimerName } from "../core/rollout-state.ts";
import type { Clock, Log } from "./ports.ts";
import type { Store } from "./store.ts";

export type Timers = {
  /** Looks which row is next. Cheap; after every commit that may have changed one. */
  arm(): void;
  /** After a start: nobody was listened to meanwhile, so nobody is late yet. */
  recover(): void;
  stop(): void;
};

const storeRetryMs = 5_000;
/** After a start, or when the process stood still this long, hosts get this long to be heard before any of them is late. */
const stallMs = 10_000;
export const graceMs = 60_000;

export function createTimers(parts: {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  /** Does what the timer is for, and clears or moves its row. */
  readonly ring: (rollout: number, name: TimerName, now: number) => void;
  /** The process begins, or it stood still: nobody was listened to. */
  readonly wasDeaf: () => void;
}): Timers {
  const { store, clock, log } = parts;
  let cancelWake: (() => void) | null = null;
  let armedFor: number | null = null;
  let stopped = false;

  function arm(): void {
    try {
      wakeFor(store.timers.next());
    } catch (error) {
      log.error({ err: error }, "the timers could not be read; they will be looked at again");
      wakeFor(clock.now() + storeRetryMs);
    }
  }

  function wakeFor(at: number | null): void {
    cancelWake?.();
    armedFor = stopped ? null : at;
    cancelWake = armedFor === null ? null : clock.wakeAt(armedFor, serve);
  }

  /** When the store cannot take an event now (a full disk), its row is still there a moment later. */
  function serve(): void {
    const now = clock.now();
    let failed = 0;
    try {
      if (armedFor !== null && now - armedFor > stallMs) grant(now);
      for (const { rollout, name } of store.timers.due(now)) if (!ring(rollout, name, now)) failed += 1;
    } catch (error) {
      log.error({ err: error }, "the timers could not be read; they will be looked at again");
      failed += 1;
    }
    if (failed === 0) arm();
    else wakeFor(now + storeRetryMs);
  }

  function grant(now: number): void {
    store.timers.grant(now + graceMs);
    parts.wasDeaf();
  }

  /** One that cannot be served does not hold up the others. */
  function ring(rollout: number, name: TimerName, now: number): boolean {
    try {
      parts.ring(rollout, name, now);
      return true;
    } catch (error) {
      log.error({ err: error, rollout, timer: name }, "a timer could not be served; it will be tried again");
      return false;
    }
  }

  return {
    arm,
    recover() {
      grant(clock.now());
      serve();
    },
    stop() {
      stopped = true;
      cancelWake?.();
    },
  };
}
