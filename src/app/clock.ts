import type { Clock } from "./ports.ts";
import { steadyTime } from "./steady-time.ts";

/** setTimeout takes 31 bits of milliseconds; a later wake is made in steps. */
const longestTimerMs = 2 ** 31 - 1;

const now = steadyTime({ wall: Date.now, mono: () => performance.now() });

export const systemClock: Clock = {
  now,
  mono: () => performance.now(),
  wakeAt(at, wake) {
    let timer: NodeJS.Timeout;
    const arm = () => {
      const wait = Math.max(0, at - now());
      timer = wait > longestTimerMs ? setTimeout(arm, longestTimerMs) : setTimeout(wake, wait);
    };
    arm();
    return () => clearTimeout(timer);
  },
  soon: (work) => void setImmediate(work),
};
