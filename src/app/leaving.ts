/** A host is no part of a rollout any more. What becomes of the rollout is said to whoever took the host out. */
import { hasEnded, isPaused, type RolloutState } from "../core/rollout-state.ts";
import type { Conductor } from "./conductor.ts";
import type { Clock } from "./ports.ts";
import type { Store } from "./store.ts";

/** Within a transaction. Returns the sentence about it; null: it was no part of the rollout. */
export function leaveRollout(
  parts: { readonly store: Pick<Store, "rollouts">; readonly clock: Clock; readonly conductor: Pick<Conductor, "tell"> },
  number: number,
  host: string,
): string | null {
  const { store, clock, conductor } = parts;
  const told = conductor.tell(number, { type: "host_left", at: clock.now(), host, answers: false });
  const after = store.rollouts.find(number)?.state;
  return told.kind === "moved" && after !== undefined ? becomes(after) : null;
}

function becomes(state: RolloutState): string {
  const { number, phase } = state;
  const leaves = `It leaves #${number}`;
  if (hasEnded(state)) return `${leaves}, which ends with that (${phase}).`;
  if (phase === "awaiting_approval")
    return `${leaves}, whose plan is another one now: \`/gantry cancel ${number}\`, and ask for it anew.`;
  if (state.unanswered === true) return `${leaves}, ${unanswered(state)}`;
  return isPaused(state) ? `${leaves}, which is still paused.` : `${leaves}.`;
}

/** The release was at fault on it: nobody follows by itself. */
function unanswered({ number, owed }: RolloutState): string {
  const resume = `\`/gantry resume ${number}\``;
  if (owed !== null) return `which is still paused; what failed there is still held against it: ${resume} sends it back.`;
  return `which stays paused, since what failed there was the release's own fault: ${resume} goes on with the others, \`/gantry abort ${number}\` stops it.`;
}
