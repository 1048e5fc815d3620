/** What people do to a rollout. Each act either counts or is refused with the reason why not. */
import type { ReasonCode } from "./reasons.ts";
import { isLastBatch, withRetries } from "./rollout-batches.ts";
import {
  also,
  batchOf,
  change,
  ended,
  hostsIn,
  type Moved,
  moved,
  progressed,
  quiet,
  runClocks,
  verdict,
} from "./rollout-change.ts";
import { blame, hasFailed } from "./rollout-failure.ts";
import { goOn, queue } from "./rollout-forward.ts";
import { lapsedOf, lapsedText, patienceOf, together, without } from "./rollout-line.ts";
import { withoutPauses } from "./rollout-pauses.ts";
import {
  type HostState,
  hasEnded,
  isPaused,
  type LaterEvent,
  type Person,
  type RolloutState,
  type Step,
} from "./rollout-state.ts";
import { asBefore, goBack } from "./rollout-undo.ts";

type Of<T extends LaterEvent["type"]> = Extract<LaterEvent, { type: T }>;

function refused(reason: ReasonCode): Step {
  return { kind: "refused", reason };
}

function tooLate(state: RolloutState): Step {
  return refused(hasEnded(state) ? "already_ended" : "already_decided");
}

/** Counts in line, too: there it is enough when its turn comes. One that has grown old there may be given again, or by another. */
export function approve(state: RolloutState, event: Of<"approved">): Step {
  const { by, at } = event;
  const approvalsRequired = Math.max(state.approvalsRequired, event.required ?? 0);
  if (state.phase !== "awaiting_approval" && state.phase !== "in_line") return tooLate(state);
  const isMine = (a: { readonly by: Person }) => a.by.id === by.id && a.by.kind === by.kind;
  const gone = lapsedOf(state, event);
  const standing = without(state.approvals, gone);
  const isInTheWay = standing.length >= approvalsRequired || standing.some(isMine);
  const approvals = isInTheWay ? without(standing, grownOld(state, at)) : standing;
  if (approvals.some(isMine)) return refused("already_approved");
  if (approvals.length >= approvalsRequired) return tooLate(state);
  const { back = state.back } = event;
  const more = approvalsRequired > state.approvalsRequired ? moreNeeded(approvalsRequired) : null;
  const detail = together(lapsedText(event.lapsed), more) ?? state.detail;
  const next = change(quiet(state), { approvals: [...approvals, { by, at }], approvalsRequired, back, detail });
  if (state.phase === "in_line" || next.state.approvals.length < approvalsRequired) return moved(next);
  return moved(queue(also(next, { kind: "clear_timer", name: "expiry" }), event));
}

function moreNeeded(required: number): string {
  return `the service file asks for ${required} approvals by now`;
}

/** Outside of the line the request itself expires first. */
function grownOld(state: RolloutState, at: number): RolloutState["approvals"] {
  return state.phase === "in_line" ? state.approvals.filter((a) => at - a.at >= patienceOf(state)) : [];
}

export function reject(state: RolloutState, event: Of<"rejected">): Step {
  const { at, by, why } = event;
  if (state.phase !== "awaiting_approval" && state.phase !== "in_line") return tooLate(state);
  return moved(ended(quiet(state), { phase: "rejected", at, reason: "rejected", detail: why, by }));
}

export function cancel(state: RolloutState, event: Of<"cancelled">): Step {
  const { by, why, at } = event;
  switch (state.phase) {
    case "in_line":
    case "awaiting_approval":
    case "queued":
      return moved(ended(quiet(state), { phase: "cancelled", at, reason: "cancelled", detail: why, by }));
    case "rolling":
    case "soaking":
      return state.kind === "rollback" ? tooLate(state) : moved(abort(state, event));
    case "restoring":
    case "succeeded":
    case "incomplete":
    case "restored":
    case "stuck":
    case "rejected":
    case "expired":
    case "cancelled":
      return tooLate(state);
  }
}

/** At once, whatever it is paused for. */
function abort(state: RolloutState, event: Of<"cancelled">): Moved {
  const { by, why, to } = event;
  const target = to === undefined ? asBefore : () => to;
  const reason = event.blame ? "rolled_back" : "cancelled";
  const stopped = quiet({ ...state, endedBy: by });
  const judged = event.blame && state.blamed !== true ? blameOf(stopped, by) : blame(stopped);
  return goBack(judged, { target, reason, detail: why }, event);
}

/** Whoever rolls it back says that the release is at fault. */
function blameOf(m: Moved, by: Person): Moved {
  const { release } = m.state;
  const detail = `rolled back by ${by.name}`;
  return also(change(m, { blamed: true }), verdict({ release, verdict: "bad", reason: "rolled_back", detail, by }));
}

/** Failed hosts are swapped again, and no others. */
export function retry(state: RolloutState, event: Of<"retried">): Step {
  const failed = hostsIn(state, "failed");
  if (hasEnded(state) || state.phase === "restoring") return tooLate(state);
  if (failed.length === 0) return refused("nothing_failed");
  const again = withRetries(
    { ...state, hosts: state.hosts.map(waitingAgain), accepted: [], owed: state.unanswered === true ? state.owed : null },
    failed.map((h) => h.host),
  );
  const soaks = state.phase === "soaking" && batchOf(again).every((h) => h.status !== "waiting");
  if (soaks) return moved(goAhead(quiet(again), event));
  const phase = state.startedAt === null ? "queued" : "rolling";
  const next = change(quiet(again), { phase, reason: null, detail: null });
  return moved(goAhead(progressed(next, event.at), event));
}

/** What it was told when the image could not be had is asked anew. */
function waitingAgain(h: HostState): HostState {
  if (h.status !== "failed") return h;
  const image = h.image === "failed" ? "unknown" : h.image;
  return { ...h, status: "waiting", image, reason: null, detail: null, logTail: [], endedAt: null };
}

/** Failed hosts stay as they are, and count no more. Any that the person did not speak of still have to be answered. */
export function goOnWithout(state: RolloutState, event: Of<"continued">): Step {
  const failed = hostsIn(state, "failed").map((h) => h.host);
  if (hasEnded(state) || state.phase === "restoring") return tooLate(state);
  if (failed.length === 0) return refused("nothing_failed");
  if (!state.pauses.some((p) => p.reason === "paused_on_failure") && state.owed === null) return refused("not_paused");
  const accepted = failed.filter((host) => state.accepted.includes(host) || (event.hosts ?? failed).includes(host));
  const isOld = accepted.every((host) => state.accepted.includes(host));
  // Those that are left were spoken of before: it is said of the one that has left.
  const isOfGone = state.unanswered === true && accepted.length === failed.length;
  if (isOld && !isOfGone) return refused("nothing_failed");
  const answered = change(blame(quiet(state)), { accepted });
  const next = hasFailed(answered.state) ? answered : change(answered, { owed: null });
  const isSoaking = state.phase === "soaking";
  return moved(goAhead(isSoaking ? next : progressed(next, event.at), event));
}

/** The failure has been answered; another pause stays. A retry says nothing of a host that has left. */
function goAhead(m: Moved, event: Of<"retried"> | Of<"continued">): Moved {
  if (event.type === "retried" && m.state.unanswered === true) return m;
  const gone = m.state.pauses.filter((p) => p.reason === "paused_on_failure");
  return gone.length > 0 ? withoutPauses(m, gone, event) : goOn(m, event);
}

/** Ends the time, not the proof: every host must still say that it is well. */
export function skipSoak(state: RolloutState, event: Of<"soak_skipped">): Step {
  if (hasEnded(state)) return refused("already_ended");
  if (state.phase !== "soaking") return refused("not_soaking");
  const left = isPaused(state) ? (state.held?.soakMs ?? 0) : (state.soakEndsAt ?? 0) - event.at;
  if (left <= 0) return refused("not_soaking");
  const isEnd = isLastBatch(state);
  return moved(runClocks(change(quiet(state), { endSoakSkipped: isEnd }), { soakMs: 0, progressMs: null }, event.at));
}
