import { fold as folded } from "../../src/core/fold.ts";
import type { RolloutEvent, RolloutState } from "../../src/core/rollout-state.ts";

/** What a stored log of one rollout comes to. Throws when an event of it cannot be replayed. */
export function fold(events: readonly RolloutEvent[]): RolloutState {
  const result = folded(events);
  if ("fault" in result) throw new Error(`event ${result.fault.seq}, ${result.fault.type}: ${result.fault.why}`);
  return result.state;
}
