/** What becomes of a rollout in which more hosts failed than may. */
import { borneOf } from "./plan.ts";
import type { ReasonCode } from "./reasons.ts";
import { also, batchOf, change, hostsIn, type Moment, type Moved, runClocks, verdict } from "./rollout-change.ts";
import { type Failure, type HostState, isPaused, type Pause, type RolloutState } from "./rollout-state.ts";
import { asBefore, goBack, type WayBack } from "./rollout-undo.ts";

/** Reasons that are the release's own fault; the others (a full disk, a lost host) say nothing about it. */
const releaseFaults: readonly ReasonCode[] = [
  "unhealthy",
  "exited",
  "crash_loop",
  "oom_killed",
  "killed",
  "permission_denied",
  "user_missing",
  "start_failed",
  "create_failed",
  "wrong_platform",
];

/** What a failed host has to show. */
export function asFailed({ reason, detail, logTail }: Failure, at: number): Partial<HostState> {
  return { status: "failed", endedAt: at, reason, detail, logTail };
}

/** Failed, and not accepted by a person. */
function openFailures(state: RolloutState): readonly HostState[] {
  return hostsIn(state, "failed").filter((h) => !state.accepted.includes(h.host));
}

/** The release itself is at fault, and nobody has answered it. */
function guiltyOnes(state: RolloutState): readonly HostState[] {
  return openFailures(state).filter((h) => h.reason !== null && releaseFaults.includes(h.reason));
}

/** More hosts failed than may, or nothing came of the first batch. A rollback does not ask: it is never undone. */
export function hasFailed(state: RolloutState): boolean {
  if (state.kind === "rollback") return false;
  const open = openFailures(state);
  return open.length > borneOf(state.policy.maxFailed, state.hosts.length) || isBadStart(state, open);
}

/** Without one healthy host the first batch has shown nothing: however many may fail, the larger ones do not follow it. */
function isBadStart(state: RolloutState, open: readonly HostState[]): boolean {
  const first = batchOf(state);
  const isOver = first.every((h) => h.status === "failed" || h.status === "skipped");
  return state.batch === 0 && isOver && first.some((h) => open.includes(h));
}

/** The host that failed last says why. */
function newest(failures: readonly HostState[]): HostState | undefined {
  return failures.reduce<HostState | undefined>(
    (late, h) => (late === undefined || (h.endedAt ?? 0) > (late.endedAt ?? 0) ? h : late),
    undefined,
  );
}

/**
 * The policy's answer to a rollout that has failed: stand still until a person decides, or go back. Nothing is sent while
 * it is paused: then the failure is noted, and acted on when it goes on.
 */
export function actOnFailure(m: Moved, moment: Moment): Moved {
  const { state } = m;
  const host = newest(openFailures(state));
  const reason = host?.reason ?? "internal";
  const detail = host === undefined ? "" : whatFailed(host);
  if (state.policy.onFailure === "pause") return pausedOnFailure(m, detail, moment.at);
  if (isPaused(state)) return change(m, { owed: { reason, detail } });
  return backByPolicy(blame(m), { reason, detail }, moment);
}

/** A restart changes no release: each host keeps the one that it had. */
export function backByPolicy(m: Moved, why: Pick<WayBack, "reason" | "detail">, moment: Moment): Moved {
  const { back, policy, kind } = m.state;
  const forward = policy.onFailure === "rollback" && back !== null && kind !== "restart";
  return goBack(m, { target: forward ? () => back : asBefore, ...why }, moment);
}

/** A host that only waited for room is not to blame: who was out is. */
function whatFailed({ host, reason, detail }: HostState): string {
  return reason === "over_budget" ? (detail ?? "") : `${host}: ${detail ?? ""}`;
}

function pausedOnFailure(m: Moved, why: string, at: number): Moved {
  const { pauses, soakEndsAt, progressBy } = m.state;
  if (pauses.some((p) => p.reason === "paused_on_failure")) return m;
  const pause: Pause = { reason: "paused_on_failure", by: null, at, why };
  const next = change(m, { pauses: [...pauses, pause] });
  return pauses.length > 0 ? next : runClocks(next, whatIsLeft({ soakEndsAt, progressBy }, at), at);
}

/** Of the two clocks, at a moment at which they run. */
export function whatIsLeft(clocks: Pick<RolloutState, "soakEndsAt" | "progressBy">, at: number) {
  const left = (until: number | null) => (until === null ? null : Math.max(0, until - at));
  return { soakMs: left(clocks.soakEndsAt), progressMs: left(clocks.progressBy) };
}

/**
 * Where the release itself was at fault it is bad here, also when a person answers the failure, by going on without the
 * hosts or by an abort; a retry says that it was not. A restart proves nothing: what it restarts has been judged.
 */
export function blame(m: Moved): Moved {
  const { state } = m;
  const guilty = newest(guiltyOnes(state));
  const isJudged = state.blamed === true || state.kind === "restart" || !hasFailed(state);
  if (isJudged || guilty === undefined || guilty.reason === null) return m;
  const detail = `${guilty.host}: ${guilty.detail ?? ""}`;
  return also(change(m, { blamed: true }), verdict({ release: state.release, verdict: "bad", reason: guilty.reason, detail }));
}

/**
 * The host is about to leave. When it has shown that the release is at fault, that does not leave with it: the release is
 * judged, and only a person lets the others follow.
 */
export function beforeLeaving(m: Moved, host: string): Moved {
  const hasShown = hasFailed(m.state) && guiltyOnes(m.state).some((h) => h.host === host);
  return hasShown ? change(blame(m), { unanswered: true }) : m;
}
