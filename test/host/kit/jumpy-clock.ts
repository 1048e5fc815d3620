import { systemClock } from "../../../src/app/clock.ts";
import type { Clock } from "../../../src/app/ports.ts";

/** Real time whose two sides can be moved apart: somebody sets the time of day, or hours pass of which nobody saw anything. */
export type JumpyClock = Clock & {
  /** From now on the time of day is that much later. */
  setTimeOfDay(byMs: number): void;
  /** From now on that much more has passed. */
  pass(ms: number): void;
  /** How many wakes were asked for so far: timers that go round and round can be waited for by this. */
  wakes(): number;
};

export function jumpyClock(): JumpyClock {
  let aheadMs = 0;
  let passedMs = 0;
  let wakes = 0;
  return {
    now: () => systemClock.now() + aheadMs,
    mono: () => systemClock.mono() + passedMs,
    wakeAt(at, wake) {
      wakes += 1;
      return systemClock.wakeAt(at - aheadMs, wake);
    },
    soon: systemClock.soon,
    setTimeOfDay(byMs) {
      aheadMs += byMs;
    },
    pass(ms) {
      passedMs += ms;
    },
    wakes: () => wakes,
  };
}
