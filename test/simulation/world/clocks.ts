/** What time it is on a machine: its time of day may be wrong and may be set; what passes, passes evenly. */
import { clockOf } from "../../../src/app/clock.ts";
import type { Clock } from "../../../src/app/ports.ts";
import { type TimeMark, timeAfter } from "../../../src/app/steady-time.ts";
import type { Life, Scheduler } from "./scheduler.ts";

/** 5 January 2026, 09:00 UTC. */
export const dawn = 1_767_603_600_000;

export type TimeOfDay = {
  /** How far the machine's time of day is from the right one. */
  offsetMs: number;
  boot: number;
  /** What the last process left for the next one. */
  mark: TimeMark | null;
};

export function newTimeOfDay(): TimeOfDay {
  return { offsetMs: 0, boot: 1, mark: null };
}

export function bootOf({ boot }: TimeOfDay): string {
  return `boot ${boot}`;
}

/** The real clock, on the timepieces of a machine. */
export function processClock(facts: { scheduler: Scheduler; timeOfDay: TimeOfDay; life: Life }): Clock {
  const { scheduler, timeOfDay, life } = facts;
  const wall = () => dawn + scheduler.now() + timeOfDay.offsetMs;
  const clock = clockOf({
    wall,
    mono: scheduler.now,
    // Like setTimeout: at least a millisecond.
    after: (ms, work) => scheduler.after(Math.max(1, ms), life, work),
    begin: timeAfter(timeOfDay.mark, { bootId: bootOf(timeOfDay), wall: wall(), mono: scheduler.now() }),
  });
  return { ...clock, soon: (work) => void scheduler.after(0, life, work) };
}

/** As src/server/time-mark.ts does every few seconds. */
export function leaveMark(timeOfDay: TimeOfDay, clock: Clock): void {
  timeOfDay.mark = { bootId: bootOf(timeOfDay), time: clock.now(), mono: clock.mono() };
}
