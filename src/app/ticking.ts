/** Cards of rollouts under way are drawn again now and then, so that "for 40 s" does not stand still. A pause may last a weekend. */
import { isPaused, type Phase } from "../core/rollout-state.ts";
import type { Clock, Log } from "./ports.ts";
import type { Store } from "./store.ts";

const tickMs = 10_000;
const moving: readonly Phase[] = ["rolling", "soaking", "restoring"];

export type Ticking = { arm(): void; stop(): void };

export function createTicking(parts: {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly redraw: (rollout: number) => void;
}): Ticking {
  const { store, clock, log } = parts;
  let cancel: (() => void) | null = null;
  let stopped = false;

  function arm(): void {
    if (cancel === null && !stopped) cancel = clock.wakeAt(clock.now() + tickMs, tick);
  }

  /** Goes on only while something moves; the next event begins it anew. */
  function tick(): void {
    cancel = null;
    try {
      const under = store.rollouts.allActive().filter(({ state }) => moving.includes(state.phase) && !isPaused(state));
      for (const { number } of under) parts.redraw(number);
      if (under.length > 0) arm();
    } catch (error) {
      log.warn({ err: error }, "cards could not be drawn again; the next event draws them");
    }
  }

  return {
    arm,
    stop() {
      stopped = true;
      cancel?.();
    },
  };
}
