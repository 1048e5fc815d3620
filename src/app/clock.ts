import type { Clock } from "./ports.ts";
import { steadyTime } from "./steady-time.ts";

/** setTimeout takes 31 bits of milliseconds; a later wake is made in steps. */
const longestTimerMs = 2 ** 31 - 1;

/** What a machine has: a time of day that may be set, time that passes evenly, and timers that count that. */
export type Timepieces = {
  readonly wall: () => number;
  readonly mono: () => number;
  /** Calls back once that much has passed; the returned function cancels. */
  readonly after: (ms: number, work: () => void) => () => void;
};

/** `begin`: the time at which it begins; what the machine says, if it is left out. */
export function clockOf(pieces: Timepieces & { readonly begin?: number }): Pick<Clock, "now" | "mono" | "wakeAt"> {
  const { mono, after } = pieces;
  const now = steadyTime(pieces);
  return {
    now,
    mono,
    wakeAt(at, wake) {
      let cancel: () => void;
      const arm = () => {
        cancel = after(Math.min(longestTimerMs, Math.max(0, at - now())), ring);
      };
      // While a clock that was set back is followed, the time comes later than the timer thought.
      const ring = () => (now() < at ? arm() : wake());
      arm();
      return () => cancel();
    },
  };
}

export const timepieces: Timepieces = {
  wall: Date.now,
  // Unlike performance.now() it is the same for every process of one boot of the machine.
  mono: () => Number(process.hrtime.bigint()) / 1e6,
  after(ms, work) {
    const timer = setTimeout(work, ms);
    return () => clearTimeout(timer);
  },
};

/** `begin` as in `clockOf`; `wall` in place of the machine's. */
export function createClock(facts: { readonly begin?: number; readonly wall?: () => number } = {}): Clock {
  return { ...clockOf({ ...timepieces, ...facts }), soon: (work) => void setImmediate(work) };
}

export const systemClock: Clock = createClock();
