import type { Clock } from "./ports.ts";

/** setTimeout takes 31 bits of milliseconds; a later wake is made in steps. */
const longestTimerMs = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  mono: () => performance.now(),
  wakeAt(at, wake) {
    let timer: NodeJS.Timeout;
    const arm = () => {
      const wait = Math.max(0, at - Date.now());
      timer = wait > longestTimerMs ? setTimeout(arm, longestTimerMs) : setTimeout(wake, wait);
    };
    arm();
    return () => clearTimeout(timer);
  },
  soon: (work) => void setImmediate(work),
};
