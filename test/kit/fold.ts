import { begin, step } from "../../src/core/rollout.ts";
import type { RolloutEvent, RolloutState } from "../../src/core/rollout-state.ts";

/** What a stored log of one rollout comes to. Throws when an event of it moves nothing. */
export function fold(events: readonly RolloutEvent[]): RolloutState {
  const [first, ...later] = events;
  if (first?.type !== "requested") throw new Error("a log begins with its request");
  let { state } = begin(first);
  for (const event of later) {
    if (event.type === "requested") throw new Error("a log has one request");
    const next = step(state, event);
    if (next.kind !== "moved") throw new Error(`the stored event ${event.type} moves nothing`);
    state = next.state;
  }
  return state;
}
