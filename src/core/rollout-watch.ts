/** After the end. The phase stays what it is; the watch is a state of its own. */
import { also, change, type Moved, moved, quiet, verdict } from "./rollout-change.ts";
import type { LaterEvent, RolloutState, Step, WatchState } from "./rollout-state.ts";

type Of<T extends LaterEvent["type"]> = Extract<LaterEvent, { type: T }>;

/** One raise: whoever was told need not be told again, and a rollback is never asked for twice. A rollback never asks for one. */
export function raiseWatch(state: RolloutState, { at, finding }: Of<"watch_raised">): Step {
  const { watch, kind, policy } = state;
  if (watch === null || watch.endedAt !== null) return { kind: "ignored" };
  const raised = closed(state, { ...watch, finding, raisedAt: at, endedAt: at });
  if (policy.watch.onUnwell !== "rollback" || kind === "rollback") return moved(raised);
  return moved(also(raised, { kind: "roll_back", why: `${finding.host} did not stay well (${finding.found})` }));
}

/** A quiet watch stands in for an end soak that somebody cut short. */
export function endWatch(state: RolloutState, event: Of<"watch_ended">): Step {
  const { watch } = state;
  if (watch === null || watch.endedAt !== null) return { kind: "ignored" };
  if (event.quiet && event.at < watch.until) return { kind: "ignored" };
  const over = closed(state, { ...watch, endedAt: event.at });
  const mayProve = state.endSoakSkipped && state.kind !== "restart" && state.blamed !== true;
  const isProof = event.quiet && mayProve && state.phase === "succeeded";
  return moved(isProof ? also(over, verdict({ release: state.release, verdict: "good" })) : over);
}

function closed(state: RolloutState, watch: WatchState): Moved {
  return also(change(quiet(state), { watch }), { kind: "clear_timer", name: "watch" });
}
