/**
 * Standing still. A set of reasons: it goes on when the last of them is gone. Meanwhile nothing new is sent to any host,
 * those in mid-swap finish, and the clocks of soak and progress stand still.
 */
import { change, type Moment, type Moved, moved, quiet, runClocks } from "./rollout-change.ts";
import { actOnFailure, backByPolicy, hasFailed, whatIsLeft } from "./rollout-failure.ts";
import { goOn } from "./rollout-forward.ts";
import {
  hasEnded,
  isPaused,
  type LaterEvent,
  type Pause,
  type PauseReason,
  type RolloutState,
  type Step,
} from "./rollout-state.ts";
import { nextTurn } from "./rollout-undo.ts";

export function pause(state: RolloutState, event: Extract<LaterEvent, { type: "paused" }>): Step {
  const { reason, by, at, why } = event;
  const refusal = whyNotPause(state, reason);
  if (refusal !== null) return by === null ? { kind: "ignored" } : { kind: "refused", reason: refusal };
  const added: Pause = { reason, by, at, why };
  const next = change(quiet(state), { pauses: [...state.pauses, added] });
  return moved(isPaused(state) ? next : runClocks(next, whatIsLeft(state, at), at));
}

function whyNotPause(state: RolloutState, reason: PauseReason) {
  if (hasEnded(state)) return "already_ended";
  if (state.pauses.some((p) => p.reason === reason)) return "paused";
  switch (reason) {
    case "paused":
      return state.phase === "in_line" ? "in_line" : null;
    case "line_held":
      return state.phase === "in_line" ? null : "already_decided";
    case "server_behind":
      return null;
    case "paused_on_failure":
      return "nothing_failed";
  }
}

export function resume(state: RolloutState, event: Extract<LaterEvent, { type: "resumed" }>): Step {
  const { reason, by } = event;
  const gone = state.pauses.filter((p) => (reason === null || p.reason === reason) && mayTakeBack(state, p, event));
  if (gone.length > 0) return moved(withoutPauses(quiet(state), gone, event));
  if (by === null) return { kind: "ignored" };
  if (hasEnded(state)) return { kind: "refused", reason: "already_ended" };
  const left = state.pauses.find((p) => reason === null || p.reason === reason);
  return { kind: "refused", reason: left?.reason ?? "not_paused" };
}

function mayTakeBack(state: RolloutState, pause: Pause, { by }: { readonly by: unknown }): boolean {
  switch (pause.reason) {
    case "paused":
    case "line_held":
      return true;
    case "server_behind":
      return by === null;
    case "paused_on_failure":
      return !hasFailed(state);
  }
}

/** When none is left the clocks go on where they stood, and what was held back is done now. */
export function withoutPauses(m: Moved, gone: readonly Pause[], moment: Moment): Moved {
  const { pauses, held } = m.state;
  const next = change(m, { pauses: pauses.filter((p) => !gone.includes(p)) });
  if (isPaused(next.state)) return next;
  return takeUp(runClocks(next, held ?? { soakMs: null, progressMs: null }, moment.at), moment);
}

/** Nothing is left to answer: what failed has left, or serves after all. The clocks run again where nothing else holds them. */
export function withoutAnsweredPause(m: Moved, at: number): Moved {
  const { pauses, held } = m.state;
  const isAnswered = pauses.some((p) => p.reason === "paused_on_failure") && !hasFailed(m.state);
  if (!isAnswered) return m;
  const next = change(m, { pauses: pauses.filter((p) => p.reason !== "paused_on_failure") });
  return isPaused(next.state) ? next : runClocks(next, held ?? { soakMs: null, progressMs: null }, at);
}

function takeUp(m: Moved, moment: Moment): Moved {
  const { phase } = m.state;
  if (phase === "restoring") return nextTurn(m, moment);
  if (phase !== "queued" && phase !== "rolling" && phase !== "soaking") return m;
  if (hasFailed(m.state)) return actOnFailure(m, moment);
  const { owed, unanswered } = m.state;
  const answered = unanswered === true ? change(m, { unanswered: false }) : m;
  // Who failed has left, and nobody has said that the others may follow.
  if (unanswered === true && owed !== null) return backByPolicy(answered, owed, moment);
  return goOn(change(answered, { owed: null }), moment);
}
