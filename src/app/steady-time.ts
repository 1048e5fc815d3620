/**
 * The time of day as durations need it. When somebody sets the clock of the machine, soaks and deadlines must not end early
 * or late by that; so a step is followed slowly, at a twentieth of the time that passes, and never backwards. A machine
 * whose clock is right shows no difference.
 */
const followedShare = 0.05;

/** Epoch milliseconds, whole. `wall`: what the machine says; `mono`: milliseconds that pass evenly. */
export function steadyTime(facts: { readonly wall: () => number; readonly mono: () => number }): () => number {
  const { wall, mono } = facts;
  let lookedAt = mono();
  let time = wall();
  return () => {
    const passed = mono() - lookedAt;
    lookedAt += passed;
    const most = passed * followedShare;
    const behind = wall() - (time + passed);
    time += passed + Math.max(-most, Math.min(most, behind));
    return Math.floor(time);
  };
}
