/** What a stored log of one rollout comes to. A log is never mended by leaving something out: what cannot be replayed is named. */
import { begin, step } from "./rollout.ts";
import type { RolloutEvent, RolloutState } from "./rollout-state.ts";

/** The event that cannot be replayed: its place in the log, counted from 1, and why not. */
export type FoldFault = { readonly seq: number; readonly type: string; readonly why: string };
export type Folded = { readonly state: RolloutState } | { readonly fault: FoldFault };

/** Never throws: events may have been written by another version, or be damaged. */
export function fold(events: readonly RolloutEvent[]): Folded {
  let state: RolloutState | null = null;
  for (const [i, event] of events.entries()) {
    const next = replayed(state, event);
    if (typeof next === "string") return { fault: { seq: i + 1, type: String(event?.type), why: next } };
    state = next;
  }
  return state === null ? { fault: { seq: 1, type: "requested", why: "the log is empty" } } : { state };
}

function replayed(state: RolloutState | null, event: RolloutEvent): RolloutState | string {
  try {
    if (state === null) return event.type === "requested" ? begin(event).state : "a log begins with its request";
    if (event.type === "requested") return "a log has one request";
    const next = step(state, event) as ReturnType<typeof step> | undefined;
    if (next === undefined) return "this version does not know such an event";
    if (next.kind === "moved") return next.state;
    return next.kind === "refused"
      ? `it is refused (${next.reason}) in phase ${state.phase}`
      : `it moves nothing in phase ${state.phase}`;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
