/**
 * The time of day as durations need it. When somebody sets the clock of the machine, soaks and deadlines must not end early
 * or late by that; so a step is followed slowly, at a twentieth of the time that passes, and never backwards. A machine
 * whose clock is right shows no difference.
 */
const followedShare = 0.05;
/** Following a step takes twenty times as long. Beyond this, the next process begins with what the machine says. */
const farMs = 24 * 3_600_000;

/** Epoch milliseconds, whole. `wall`: what the machine says; `mono`: milliseconds that pass evenly; `begin`: the time now. */
export function steadyTime(facts: {
  readonly wall: () => number;
  readonly mono: () => number;
  readonly begin?: number;
}): () => number {
  const { wall, mono } = facts;
  let lookedAt = mono();
  let time = facts.begin ?? wall();
  return () => {
    const passed = mono() - lookedAt;
    lookedAt += passed;
    const most = passed * followedShare;
    const behind = wall() - (time + passed);
    time += passed + Math.max(-most, Math.min(most, behind));
    return Math.floor(time);
  };
}

/** How far a process had come, and by which boot's even clock. What it has stored is in its time, for the next one to go on with. */
export type TimeMark = { readonly bootId: string; readonly time: number; readonly mono: number };

/**
 * The time at which a process begins that takes over from the one that left the mark. In the same boot it is known what has
 * passed since; after another, only that time does not go back.
 */
export function timeAfter(mark: TimeMark | null, now: { readonly bootId: string; readonly wall: number; readonly mono: number }) {
  if (mark === null) return now.wall;
  const time = mark.bootId === now.bootId ? mark.time + (now.mono - mark.mono) : Math.max(mark.time, now.wall);
  return Math.abs(time - now.wall) > farMs ? now.wall : time;
}
