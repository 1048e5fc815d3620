/** What hosts report, and what their silence means. A report that comes late, or again, changes nothing. */
import type { ReasonCode } from "./reasons.ts";
import { lackingText } from "./requirement.ts";
import { isLastBatch, outOf, withoutHost } from "./rollout-batches.ts";
import {
  also,
  batchOf,
  change,
  clearTimerOf,
  ended,
  everyoneFit,
  goesForward,
  type Moment,
  type Moved,
  moved,
  names,
  namesOf,
  progressed,
  quiet,
  withHost,
  withHosts,
} from "./rollout-change.ts";
import { actOnFailure, asFailed, beforeLeaving, hasFailed } from "./rollout-failure.ts";
import { enter, goOn, nextBatch, soak } from "./rollout-forward.ts";
import { withoutAnsweredPause } from "./rollout-pauses.ts";
import {
  type Failure,
  type Fitness,
  type HostState,
  hasEnded,
  hostOf,
  type LaterEvent,
  type RolloutState,
  type Step,
} from "./rollout-state.ts";
import { nextTurn, restoreFailed, returnsUnwell } from "./rollout-undo.ts";

type Of<T extends LaterEvent["type"]> = Extract<LaterEvent, { type: T }>;

const ignored: Step = { kind: "ignored" };

export function imagePresent(state: RolloutState, event: Of<"image_present">): Step {
  const known = hostOf(state, event.host);
  if (known?.status !== "waiting" || known.image === "present" || isOver(state)) return ignored;
  const next = quiet(withHost(state, event.host, { image: "present", reason: null, detail: null }));
  if (!isWaitedFor(state, event.host)) return moved(goOn(next, event));
  return moved(goOn(progressed(next, event.at), event));
}

export function imageFailed(state: RolloutState, event: Of<"image_failed">): Step {
  const { host, reason, detail } = event;
  const known = hostOf(state, host);
  if (known?.status !== "waiting" || known.image === "present" || isOver(state)) return ignored;
  if (known.image === "failed" && known.reason === reason) return ignored;
  return moved(goOn(quiet(withHost(state, host, { image: "failed", reason, detail })), event));
}

/** Nobody needs an image any more. */
function isOver(state: RolloutState): boolean {
  return hasEnded(state) || state.phase === "restoring";
}

function isWaitedFor(state: RolloutState, host: string): boolean {
  const isMoving = state.phase === "queued" || state.phase === "rolling";
  return isMoving && batchOf(state).some((h) => h.host === host);
}

/** Something about the fleet changed, and nothing about the rollout: does it let anything go on? */
export function hostsChanged(state: RolloutState, event: Of<"hosts_changed">): Step {
  const next = state.phase === "restoring" ? nextTurn(quiet(state), event) : goOn(quiet(state), event);
  return next.effects.length === 0 && isSame(state, next.state) ? ignored : moved(next);
}

/** It is asked with every report of every host: what has not been touched is not compared. */
function isSame(before: RolloutState, after: RolloutState): boolean {
  const keys = Object.keys(before) as (keyof RolloutState)[];
  return keys.every((key) => before[key] === after[key] || JSON.stringify(before[key]) === JSON.stringify(after[key]));
}

/** Silence was held against it, or the clock was; then it says that all is well. */
const silences: readonly ReasonCode[] = ["host_lost", "deadline_passed", "no_progress"];

export function swapped(state: RolloutState, event: Of<"host_swapped">): Step {
  const { host, at, restarts = 0 } = event;
  const known = hostOf(state, host);
  if (known === null || !goesForward(state) || !(known.status === "swapping" || isLate(known))) return ignored;
  const proven = { status: "healthy", endedAt: at, restarts, served: true, reason: null, detail: null, logTail: [] } as const;
  const accepted = state.accepted.filter((h) => h !== host);
  const next = also(quiet({ ...withHost(state, host, proven), accepted }), clearTimerOf(host));
  const m = answered(next, at);
  // It soaks like the others, from now.
  return moved(state.phase === "soaking" ? soak(m, at) : goOn(progressed(m, at), event));
}

/**
 * A failure that was noted in a pause, or that it was paused for, may have been none, or be nobody's any more. One that
 * is the release's own fault is for a person to answer, also when its host has left.
 */
function answered(m: Moved, at: number): Moved {
  return hasFailed(m.state) || m.state.unanswered === true ? m : withoutAnsweredPause(change(m, { owed: null }), at);
}

function isLate(h: HostState): boolean {
  return h.status === "failed" && h.attempt > 0 && h.served !== true && h.reason !== null && silences.includes(h.reason);
}

export function failed(state: RolloutState, host: string, failure: Failure, moment: Moment): Step {
  if (hostOf(state, host)?.status !== "swapping") return ignored;
  const next = also(quiet(withHost(state, host, asFailed(failure, moment.at))), clearTimerOf(host));
  return moved(afterFailure(progressed(next, moment.at), moment));
}

/**
 * A host that was healthy is not any more, while its rollout is still under way. One that served the release before counts
 * like one that has been given it: the release is good when all of them stay well.
 */
export function unwell(state: RolloutState, host: string, failure: Failure, moment: Moment): Step {
  if (state.phase === "restoring") return returnsUnwell(state, host, failure, moment);
  const status = hostOf(state, host)?.status;
  if (!goesForward(state) || (status !== "healthy" && status !== "unchanged")) return ignored;
  const broken = withHost(state, host, { ...asFailed(failure, moment.at), served: true });
  return moved(afterFailure(quiet(broken), moment));
}

function afterFailure(m: Moved, moment: Moment): Moved {
  return hasFailed(m.state) ? actOnFailure(m, moment) : goOn(m, moment);
}

/**
 * A deadline of one host. A host that nobody hears of is not failed by it where the policy says to wait: the clock of
 * progress decides. A rollback waits for nobody.
 */
export function overdue(state: RolloutState, event: Of<"host_overdue">): Step {
  const { host, at, connected } = event;
  const seconds = Math.round(state.policy.hostDeadlineMs / 1000);
  const detail = connected ? `not done after ${seconds} s` : `not heard of for its ${seconds} s`;
  const reason: ReasonCode = connected ? "deadline_passed" : "host_lost";
  const status = hostOf(state, host)?.status;
  if (status === "restoring") return restoreFailed(state, host, { reason, detail, logTail: [] }, event);
  if (status !== "swapping") return ignored;
  if (connected || state.policy.unreachable !== "wait" || state.kind === "rollback") {
    return failed(state, host, { reason, detail, logTail: [] }, event);
  }
  const again = at + state.policy.hostDeadlineMs;
  return moved(also(quiet(withHost(state, host, { reason, detail })), { kind: "set_timer", name: `host:${host}`, at: again }));
}

/** Nothing moved for too long: the hosts that it waits for have failed. */
export function stalled(state: RolloutState, event: Of<"stalled">): Step {
  const { at, fitness = everyoneFit } = event;
  if (state.progressBy === null || at < state.progressBy) return ignored;
  const late = batchOf(state).filter((h) => h.status === "waiting" || h.status === "swapping");
  const without = withHosts(state, namesOf(late), (h) => asFailed(whyLate(state, h, fitness), at));
  const timers = late.filter((h) => h.status === "swapping").map((h) => clearTimerOf(h.host));
  const next = also(quiet(without), ...timers);
  return moved(afterFailure(progressed(next, at), event));
}

function whyLate(state: RolloutState, h: HostState, fitness: Fitness): Failure {
  const { away } = fitness;
  const logTail: readonly string[] = [];
  const minutes = `${Math.round(state.policy.deadlineMs / 60_000)} min`;
  if (away.includes(h.host)) return { reason: "host_lost", detail: `no connection, and nothing moved for ${minutes}`, logTail };
  const reason = "no_progress";
  if (h.status === "swapping") return { reason, detail: `its swap did not end in ${minutes}`, logTail };
  if (h.image !== "present") return { reason, detail: `no image after ${minutes}`, logTail };
  const lacking = (fitness.lacking ?? []).find((one) => one.host === h.host);
  if (lacking !== undefined) return { reason: "awaiting_service", detail: `${lackingText(lacking)}, after ${minutes}`, logTail };
  const others = [...outOf(state, fitness)].filter((host) => host !== h.host).sort();
  return { reason: "over_budget", detail: `out of service for ${minutes}, so that no other could go: ${names(others)}`, logTail };
}

export function soaked(state: RolloutState, event: Of<"soaked">): Step {
  if (state.phase !== "soaking" || state.soakEndsAt === null || event.at < state.soakEndsAt) return ignored;
  return moved(nextBatch(quiet(state), event));
}

/** A host that was revoked, or does not belong here any more, is no part of it: it has not failed, and blocks nothing. */
export function left(state: RolloutState, event: Of<"host_left">): Step {
  const known = hostOf(state, event.host);
  if (known === null || hasEnded(state)) return ignored;
  const judged = event.answers === false && goesForward(state) ? beforeLeaving(quiet(state), event.host) : quiet(state);
  const timers = isTimed(known) ? [clearTimerOf(event.host)] : [];
  const next = also({ ...judged, state: withoutHost(judged.state, event.host) }, ...timers);
  if (next.state.batches.length > 0) return moved(afterLeaving(state, answered(next, event.at), event));
  if (state.phase === "restoring") return moved(nextTurn(next, event));
  if (next.state.hosts.length > 0 && state.startedAt !== null) return moved(onlyOthersAreLeft(state, next, event));
  const reason = next.state.hosts.length > 0 ? "already_live" : "no_hosts";
  const end = { phase: "cancelled", reason, detail: `${event.host} was the last one` } as const;
  return moved(ended(next, { ...end, at: event.at }));
}

/** Everyone who was given the release has left; those that had it before prove it to the end. */
function onlyOthersAreLeft(before: RolloutState, m: Moved, event: Of<"host_left">): Moved {
  if (before.batches.length === 0) return hasFailed(m.state) ? actOnFailure(m, event) : m;
  const next = change(answered(m, event.at), { batch: 0 });
  if (hasFailed(next.state)) return actOnFailure(next, event);
  return next.state.kind === "rollback" ? goOn(next, event) : soak(next, event.at);
}

function isTimed(h: HostState): boolean {
  return h.status === "swapping" || h.status === "restoring";
}

function afterLeaving(before: RolloutState, m: Moved, event: Of<"host_left">): Moved {
  switch (before.phase) {
    case "restoring":
      return nextTurn(m, event);
    case "queued":
    case "rolling":
    case "soaking":
      if (hasFailed(m.state)) return actOnFailure(m, event);
      return isBatchGone(before, m.state) ? afterBatchLeft(m, event) : withTheRest(before, m, event);
    case "in_line":
    case "awaiting_approval":
    case "succeeded":
    case "incomplete":
    case "restored":
    case "stuck":
    case "rejected":
    case "expired":
    case "cancelled":
      return m;
  }
}

function isBatchGone(before: RolloutState, after: RolloutState): boolean {
  return batchOf(before).length > 0 && !after.batches[after.batch]?.some((host) => batchOf(before).some((h) => h.host === host));
}

/** The batch in work has gone with its last host: on to the next. When it was the last, the one before it leads to the end. */
function afterBatchLeft(m: Moved, event: Of<"host_left">): Moved {
  return enter(change(m, { batch: Math.min(m.state.batch, m.state.batches.length - 1) }), event);
}

/** When a soaking batch has become the last one, its soak is that of the whole. */
function withTheRest(before: RolloutState, m: Moved, event: Of<"host_left">): Moved {
  const isNewlyLast = before.phase === "soaking" && !isLastBatch(before) && isLastBatch(m.state);
  if (isNewlyLast) return soak(m, event.at);
  return goOn(m, event);
}
