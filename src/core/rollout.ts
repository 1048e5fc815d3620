/**
 * The rollout: one attempt to make one release live in one environment. `step` is the only place that changes it.
 *
 * Phases, what they mean and what leaves them:
 *
 * - `awaiting_approval`  the plan is on a card and hosts already pull; nothing is touched. Leaves by enough approvals
 *                        (queued), a rejection (rejected), a cancellation or a changed plan (cancelled), or time (expired).
 * - `queued`             decided, and waiting until every host of the first batch has the image. Nothing is touched.
 *                        Leaves by itself (rolling), by cancellation (cancelled), or when a host cannot get the image (restored: nothing to undo).
 * - `rolling`            the hosts of one batch are swapping, or wait for their image. Leaves when all of them are healthy
 *                        (soaking, or succeeded for a rollback), or when one fails or a person cancels (restoring).
 * - `soaking`            the batch must stay healthy for the soak time. Leaves by time (rolling with the next batch, or
 *                        succeeded after the last), or when a host becomes unwell or a person cancels (restoring).
 * - `restoring`          every touched host goes back to what it served before. Leaves when all are back (restored) or
 *                        one cannot be put back (stuck, once the others are done).
 * - `succeeded`          every host serves the release and has soaked. The release is good here. Ended.
 * - `restored`           it failed or was cancelled, and every host serves what it served before. Ended.
 * - `stuck`              a restore failed, or a rollback could not reach a host: a person is needed. Ended.
 * - `rejected`, `expired`, `cancelled`  ended before anything was touched.
 *
 * A rollback is the same machine with three differences: it waits for no image (what it goes back to was here), it does
 * not soak (it was good here), and it is never itself undone: a host that fails is left as it is, the others go on.
 */
import { adopted } from "./adoption.ts";
import type { ReasonCode } from "./reasons.ts";
import { everyoneFit, hasRoom, leaveAwayBehind, withoutHost, worstFirst } from "./rollout-batches.ts";
import {
  type Effect,
  type Failure,
  type Fitness,
  hasEnded,
  hostOf,
  type LaterEvent,
  type Requested,
  type RolloutState,
  type Step,
} from "./rollout-state.ts";
import { ended, goBack, type Moved, moved, restored, restoreFailed, verdictOf, withHost } from "./rollout-undo.ts";

/** The first event of every rollout makes its state. Approved by nobody's need: straight to queued. */
export function begin(event: Requested): { readonly state: RolloutState; readonly effects: readonly Effect[] } {
  const waits = event.approvalsRequired > 0;
  const expiresAt = event.at + event.expireMs;
  const state: RolloutState = {
    number: event.number,
    service: event.service,
    environment: event.environment,
    kind: event.kind,
    release: event.release,
    from: event.from,
    back: event.back,
    since: event.at,
    planHash: event.planHash,
    phase: waits ? "awaiting_approval" : "queued",
    reason: waits ? "awaiting_approval" : null,
    detail: null,
    requester: event.requester,
    requestedAt: event.at,
    expiresAt,
    approvalsRequired: event.approvalsRequired,
    approvals: [],
    endedBy: null,
    batches: event.batches,
    batch: 0,
    policy: event.policy,
    pauses: [],
    soakEndsAt: null,
    progressBy: null,
    held: null,
    owed: null,
    accepted: [],
    endSoakSkipped: false,
    watch: null,
    startedAt: null,
    endedAt: null,
    hosts: event.hosts.map((h) => ({
      host: h.host,
      from: h.from,
      status: h.unchanged ? "unchanged" : "waiting",
      back: null,
      attempt: 0,
      image: "unknown",
      reason: null,
      detail: null,
      logTail: [],
      startedAt: null,
      endedAt: null,
      restarts: 0,
    })),
  };
  if (waits) return { state, effects: [{ kind: "set_timer", name: "expiry", at: expiresAt }] };
  const queued = queue(event.kind === "rollback" ? leaveAwayBehind(state, event) : { state, effects: [] }, event);
  const effects: Effect[] =
    event.kind === "rollback" && event.from !== null
      ? [verdictOf(event.from, "bad", "rolled_back", `rolled back by ${event.requester.name}`)]
      : [];
  return { state: queued.state, effects: [...effects, ...queued.effects] };
}

export function step(state: RolloutState, event: LaterEvent): Step {
  switch (event.type) {
    case "approved":
      return approve(state, event);
    case "rejected":
      if (state.phase !== "awaiting_approval") return { kind: "refused", reason: lateReason(state) };
      return moved(ended(state, { phase: "rejected", at: event.at, reason: "rejected", detail: event.why, by: event.by }));
    case "cancelled":
      return cancel(state, event);
    case "plan_changed":
      if (state.phase !== "awaiting_approval") return { kind: "ignored" };
      return moved(ended(state, { phase: "cancelled", at: event.at, reason: "plan_changed", detail: event.detail, by: null }));
    case "expired":
      if (state.phase !== "awaiting_approval") return { kind: "ignored" };
      return moved(ended(state, { phase: "expired", at: event.at, reason: "request_expired", detail: null, by: null }));
    case "image_present":
      return imagePresent(state, event);
    case "image_failed":
      return imageFailed(state, event);
    case "stalled":
      return stalled(state, event.at);
    case "host_swapped":
      return swapped(state, event);
    case "host_failed":
      return failed(state, event.host, event, event.at);
    case "host_unwell":
      return unwell(state, event.host, event, event.at);
    case "host_overdue":
      return overdue(state, event);
    case "soaked":
      return soaked(state, event);
    case "hosts_changed":
      if (!isHeldUp(state)) return { kind: "ignored" };
      return moved(goOn({ state, effects: [] }, event));
    case "host_left":
      return left(state, event);
    case "host_restored":
      return restored(state, event.host, event.at);
    case "host_restore_failed":
      return restoreFailed(state, event.host, event, event.at);
    case "adopted":
      return adopted(state, event);
    case "paused":
    case "resumed":
    case "retried":
    case "continued":
    case "soak_skipped":
    case "turn_came":
    case "thrown_out":
    case "watch_raised":
    case "watch_ended":
      return { kind: "ignored" };
  }
}

function lateReason(state: RolloutState): ReasonCode {
  return hasEnded(state) ? "already_ended" : "already_decided";
}

// ------------------------------------------------------------ people

function approve(state: RolloutState, event: Extract<LaterEvent, { type: "approved" }>): Step {
  const { by, at } = event;
  if (state.phase !== "awaiting_approval") return { kind: "refused", reason: lateReason(state) };
  if (state.approvals.some((a) => a.by.id === by.id && a.by.kind === by.kind)) {
    return { kind: "refused", reason: "already_approved" };
  }
  const approvals = [...state.approvals, { by, at }];
  const next = { ...state, approvals };
  if (approvals.length < state.approvalsRequired) return moved({ state: next, effects: [] });
  return moved(queue({ state: { ...next, reason: null }, effects: [{ kind: "clear_timer", name: "expiry" }] }, event));
}

function cancel(state: RolloutState, event: Extract<LaterEvent, { type: "cancelled" }>): Step {
  const { by, why, at } = event;
  switch (state.phase) {
    case "awaiting_approval":
    case "queued":
      return moved(ended(state, { phase: "cancelled", at, reason: "cancelled", detail: why, by }));
    case "rolling":
    case "soaking":
      if (state.kind === "rollback") return { kind: "refused", reason: "already_decided" };
      return moved(stopAndGoBack(state, event));
    case "restoring":
      return { kind: "refused", reason: "already_decided" };
    case "in_line":
      return { kind: "refused", reason: "in_line" };
    case "succeeded":
    case "incomplete":
    case "restored":
    case "stuck":
    case "rejected":
    case "expired":
    case "cancelled":
      return { kind: "refused", reason: "already_ended" };
  }
}

function stopAndGoBack(state: RolloutState, event: Extract<LaterEvent, { type: "cancelled" }>): Moved {
  const reason = event.blame ? "rolled_back" : "cancelled";
  const back = goBack({ ...state, reason, detail: event.why, endedBy: event.by }, event.at);
  if (!event.blame) return back;
  const verdict = verdictOf(state.release, "bad", "rolled_back", `rolled back by ${event.by.name}`);
  return { state: back.state, effects: [verdict, ...back.effects] };
}

// ------------------------------------------------------------ forward

/** A moment, and which hosts did not serve well then. */
type Moment = { readonly at: number; readonly fitness?: Fitness };

/** Decided: go on at once if the first batch is ready, else wait for its images. */
function queue(m: Moved, moment: Moment): Moved {
  const state: RolloutState = { ...m.state, phase: "queued", reason: "awaiting_images" };
  const effects: Effect[] = [...m.effects, { kind: "set_timer", name: "progress", at: moment.at + m.state.policy.deadlineMs }];
  return goOn({ state, effects }, moment);
}

/** Starts the hosts of the current batch when all of them have the image and enough of the others serve. */
function goOn(m: Moved, moment: Moment): Moved {
  const { at, fitness = everyoneFit } = moment;
  const state = m.state.startedAt === null && m.state.kind !== "rollback" ? worstFirst(m.state, fitness) : m.state;
  const batch = state.batches[state.batch];
  if (batch === undefined) return finish({ ...m, state }, at);
  const hosts = state.hosts.filter((h) => batch.includes(h.host));
  if (state.kind !== "rollback") {
    const broken = hosts.find((h) => h.image === "failed");
    if (broken !== undefined) {
      const fault = { reason: broken.reason ?? "pull_failed", detail: broken.detail ?? "", logTail: [] };
      return imageFault({ ...m, state }, { ...fault, host: broken.host }, at);
    }
    const reason = hosts.some((h) => h.image !== "present") ? "awaiting_images" : "awaiting_host";
    if (reason === "awaiting_images" || !hasRoom(state, fitness)) return { state: { ...state, reason }, effects: m.effects };
  }
  let next: RolloutState = { ...state, phase: "rolling", reason: null, startedAt: state.startedAt ?? at };
  const effects: Effect[] = [...m.effects, { kind: "clear_timer", name: "progress" }];
  for (const { host } of hosts) {
    next = withHost(next, host, { status: "swapping", startedAt: at, reason: null, detail: null });
    effects.push({ kind: "desire", host, release: state.release });
    effects.push({ kind: "set_timer", name: `host:${host}`, at: at + state.policy.hostDeadlineMs });
  }
  return { state: next, effects };
}

function imagePresent(state: RolloutState, event: Extract<LaterEvent, { type: "image_present" }>): Step {
  const { host } = event;
  const known = hostOf(state, host);
  if (known === null || known.image === "present" || hasEnded(state)) return { kind: "ignored" };
  const next = withHost(state, host, { image: "present", reason: null, detail: null });
  if (!isHeldUp(next)) return moved({ state: next, effects: [] });
  return moved(goOn({ state: next, effects: [] }, event));
}

/** The current batch has not begun: an image is missing, or too many hosts are out of service already. */
function isHeldUp(state: RolloutState): boolean {
  const waits = state.reason === "awaiting_images" || state.reason === "awaiting_host";
  return state.phase === "queued" || (state.phase === "rolling" && waits);
}

function imageFailed(
  state: RolloutState,
  event: { readonly host: string; readonly at: number; readonly reason: ReasonCode; readonly detail: string },
): Step {
  const known = hostOf(state, event.host);
  if (known === null || known.status !== "waiting" || hasEnded(state)) return { kind: "ignored" };
  if (known.image === "failed" && known.reason === event.reason) return { kind: "ignored" };
  const next = withHost(state, event.host, { image: "failed", reason: event.reason, detail: event.detail });
  if (!isHeldUp(next)) return moved({ state: next, effects: [] });
  return moved(goOn({ state: next, effects: [] }, event));
}

function stalled(state: RolloutState, at: number): Step {
  if (!isHeldUp(state)) return { kind: "ignored" };
  const batch = state.batches[state.batch] ?? [];
  const minutes = state.policy.deadlineMs / 60_000;
  const late = state.hosts.filter((h) => batch.includes(h.host) && h.image !== "present");
  const host = late[0]?.host ?? batch[0];
  if (host === undefined) return { kind: "ignored" };
  const detail =
    late.length > 0
      ? `no image on ${late.map((h) => h.host).join(", ")} after ${minutes} min`
      : `too many other hosts were out of service for ${minutes} min`;
  return moved(imageFault({ state, effects: [] }, { host, reason: "host_lost", detail, logTail: [] }, at));
}

/** A revoked host is waited for no more. One in mid-swap counts as lost. */
function left(state: RolloutState, event: Extract<LaterEvent, { type: "host_left" }>): Step {
  const { host, at } = event;
  const status = hostOf(state, host)?.status;
  const gone: Failure = { reason: "host_lost", detail: "it was revoked", logTail: [] };
  if (status === "swapping") return failed(state, host, gone, at);
  if (status === "restoring") return restoreFailed(state, host, gone, at);
  if (status !== "waiting" || hasEnded(state)) return { kind: "ignored" };
  const next = withoutHost(state, host);
  if (next.batches.length === 0) {
    return moved(ended(next, { phase: "cancelled", at, reason: "no_hosts", detail: `${host} was the last one`, by: null }));
  }
  return isHeldUp(next) ? moved(goOn({ state: next, effects: [] }, event)) : moved({ state: next, effects: [] });
}

/** A host cannot get the image. Its old container was not touched, so only hosts of earlier batches go back. */
function imageFault(m: Moved, fault: Failure & { readonly host: string }, at: number): Moved {
  const marked = withHost(m.state, fault.host, { status: "waiting", reason: fault.reason, detail: fault.detail });
  const back = goBack({ ...marked, reason: fault.reason, detail: `${fault.host}: ${fault.detail}` }, at);
  return { state: back.state, effects: [...m.effects, { kind: "clear_timer", name: "progress" }, ...back.effects] };
}

function swapped(state: RolloutState, event: Extract<LaterEvent, { type: "host_swapped" }>): Step {
  const { host, at, restarts = 0 } = event;
  if (state.phase !== "rolling" || hostOf(state, host)?.status !== "swapping") return { kind: "ignored" };
  const next = withHost(state, host, { status: "healthy", endedAt: at, restarts });
  return moved(batchDone({ state: next, effects: [{ kind: "clear_timer", name: `host:${host}` }] }, event));
}

/** When no host of the batch is under way any more: soak, or (for a rollback) the next batch. */
function batchDone(m: Moved, moment: Moment): Moved {
  const { state } = m;
  const batch = state.batches[state.batch] ?? [];
  if (state.hosts.some((h) => batch.includes(h.host) && h.status === "swapping")) return m;
  if (state.kind === "rollback") return nextBatch(m, moment);
  const soakEndsAt = moment.at + state.policy.soakMs;
  return {
    state: { ...state, phase: "soaking", reason: "soaking", soakEndsAt },
    effects: [...m.effects, { kind: "set_timer", name: "soak", at: soakEndsAt }],
  };
}

function soaked(state: RolloutState, event: Extract<LaterEvent, { type: "soaked" }>): Step {
  if (state.phase !== "soaking") return { kind: "ignored" };
  return moved(nextBatch({ state: { ...state, soakEndsAt: null }, effects: [{ kind: "clear_timer", name: "soak" }] }, event));
}

function nextBatch(m: Moved, moment: Moment): Moved {
  const batch = m.state.batch + 1;
  if (batch >= m.state.batches.length) return finish(m, moment.at);
  const effects: Effect[] = [...m.effects, { kind: "set_timer", name: "progress", at: moment.at + m.state.policy.deadlineMs }];
  return goOn({ state: { ...m.state, batch, phase: "rolling", reason: null }, effects }, moment);
}

function finish(m: Moved, at: number): Moved {
  const { state } = m;
  const left = state.hosts.filter((h) => h.status === "failed" || h.status === "stuck");
  if (left.length > 0) {
    const detail = `${left.map((h) => h.host).join(", ")} could not be rolled back`;
    const end = ended(state, { phase: "stuck", at, reason: left[0]?.reason ?? "restore_failed", detail, by: null });
    return { state: end.state, effects: [...m.effects, ...end.effects] };
  }
  const end = ended(state, { phase: "succeeded", at, reason: null, detail: null, by: null });
  return { state: end.state, effects: [...m.effects, ...end.effects, verdictOf(state.release, "good", null, null)] };
}

// ------------------------------------------------------------ failure and the way back

/** Reasons that are the release's own fault; the others (a full disk, a lost host) say nothing about it. */
const releaseFaults: readonly ReasonCode[] = [
  "unhealthy",
  "exited",
  "crash_loop",
  "oom_killed",
  "start_failed",
  "create_failed",
  "wrong_platform",
];

function failed(state: RolloutState, host: string, failure: Failure, at: number): Step {
  if (state.phase !== "rolling" || hostOf(state, host)?.status !== "swapping") return { kind: "ignored" };
  const fault = { reason: failure.reason, detail: failure.detail, logTail: failure.logTail };
  const next = withHost(state, host, { ...fault, status: "failed", endedAt: at });
  const effects: Effect[] = [{ kind: "clear_timer", name: `host:${host}` }];
  if (state.kind === "rollback") return moved(batchDone({ state: next, effects }, { at }));
  const back = goBack({ ...next, reason: fault.reason, detail: `${host}: ${fault.detail}` }, at);
  return moved({ state: back.state, effects: [...effects, ...blame(state, host, fault), ...back.effects] });
}

function blame(state: RolloutState, host: string, fault: Failure): Effect[] {
  if (!releaseFaults.includes(fault.reason)) return [];
  return [verdictOf(state.release, "bad", fault.reason, `${host}: ${fault.detail}`)];
}

/** A host that was healthy is not any more, while its rollout is still under way. */
function unwell(state: RolloutState, host: string, failure: Failure, at: number): Step {
  if (state.phase !== "rolling" && state.phase !== "soaking") return { kind: "ignored" };
  if (hostOf(state, host)?.status !== "healthy") return { kind: "ignored" };
  const fault = { reason: failure.reason, detail: failure.detail, logTail: failure.logTail };
  const next = withHost(state, host, { ...fault, status: "failed", endedAt: at });
  // A rollback is not undone: it ends stuck, and says where.
  if (state.kind === "rollback") return moved({ state: next, effects: [] });
  const back = goBack({ ...next, reason: fault.reason, detail: `${host}: ${fault.detail}` }, at);
  return moved({ state: back.state, effects: [...blame(state, host, fault), ...back.effects] });
}

function overdue(state: RolloutState, event: { readonly host: string; readonly at: number; readonly connected: boolean }): Step {
  const status = hostOf(state, event.host)?.status;
  const reason: ReasonCode = event.connected ? "deadline_passed" : "host_lost";
  const seconds = Math.round(state.policy.hostDeadlineMs / 1000);
  const detail = event.connected ? `not done after ${seconds} s` : `not heard of for its ${seconds} s`;
  const failure: Failure = { reason, detail, logTail: [] };
  if (status === "swapping") return failed(state, event.host, failure, event.at);
  if (status === "restoring") return restoreFailed(state, event.host, failure, event.at);
  return { kind: "ignored" };
}
