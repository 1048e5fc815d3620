/** What time it is on a machine: its time of day may be wrong and may be set; what passes, passes evenly. */
import type { Clock } from "../../../src/app/ports.ts";
import type { Life, Scheduler } from "./scheduler.ts";

/** 5 January 2026, 09:00 UTC. */
export const dawn = 1_767_603_600_000;

/** How far the machine's time of day is from the right one. */
export type TimeOfDay = { offsetMs: number };

export function processClock(facts: { scheduler: Scheduler; timeOfDay: TimeOfDay; life: Life }): Clock {
  const { scheduler, timeOfDay, life } = facts;
  const now = () => dawn + scheduler.now() + timeOfDay.offsetMs;
  return {
    now,
    mono: () => scheduler.now(),
    // Like setTimeout: a duration from now on, at least a millisecond.
    wakeAt: (at, wake) => scheduler.after(Math.max(1, at - now()), life, wake),
    soon: (work) => void scheduler.after(0, life, work),
  };
}
