/** The way back: hosts that were touched return to what they are to serve, and the rollout ends. Told as a whole in rollout.ts. */
import { amountOf } from "./plan.ts";
import type { ReasonCode } from "./reasons.ts";
import { outOf } from "./rollout-batches.ts";
import {
  also,
  change,
  clearTimerOf,
  ended,
  everyoneFit,
  hostsIn,
  type Moment,
  type Moved,
  moved,
  quiet,
  runClocks,
  withHost,
} from "./rollout-change.ts";
import { type Failure, type HostState, hostOf, isPaused, type RolloutState, type Step } from "./rollout-state.ts";

export type WayBack = {
  /** What a host goes back to; null is nothing. */
  readonly target: (host: HostState) => number | null;
  readonly reason: ReasonCode;
  readonly detail: string | null;
};

/** To what each host served before. */
export function asBefore(host: HostState): number | null {
  return host.from;
}

/**
 * Every host that was touched goes back; one that was not touched is left alone, and so is one that is well on its target
 * already. Whatever paused the rollout is over.
 */
export function goBack(m: Moved, way: WayBack, moment: Moment): Moved {
  const { release } = m.state;
  const calm = runClocks(change(m, { pauses: [], owed: null }), { soakMs: null, progressMs: null }, moment.at);
  const hosts = m.state.hosts.map((h): HostState => {
    const back = way.target(h);
    if (h.attempt === 0 || (h.status === "healthy" && back === release)) return h;
    return { ...h, status: "returning", back };
  });
  const { reason, detail } = way;
  return nextTurn(change(calm, { phase: "restoring", hosts, reason, detail }), moment);
}

/** Sends back as many as may go at once. Hosts that are out of service go first, and cost nothing. */
export function nextTurn(m: Moved, moment: Moment): Moved {
  if (isPaused(m.state)) return backDone(m, moment.at);
  const { state } = m;
  const out = outOf(state, moment.fitness ?? everyoneFit);
  const waiting = hostsIn(state, "returning");
  const broken = waiting.filter((h) => isBroken(h) || out.has(h.host));
  const well = waiting.filter((h) => !broken.includes(h));
  const underWay = hostsIn(state, "restoring").filter((h) => !isBroken(h)).length;
  const allowed = Math.max(1, amountOf(state.policy.rollbackBatch, state.hosts.length));
  const next = [...broken, ...well.slice(0, Math.max(0, allowed - underWay))];
  return backDone(
    next.reduce((to, h) => sendBack(to, h, moment.at), m),
    moment.at,
  );
}

/** It did not serve well when it was to go back: its swap had not ended, or had failed. */
function isBroken(h: HostState): boolean {
  return h.served !== true || h.reason !== null;
}

function sendBack(m: Moved, h: HostState, at: number): Moved {
  return also(
    { ...m, state: withHost(m.state, h.host, { status: "restoring" }) },
    { kind: "desire", host: h.host, release: h.back },
    { kind: "set_timer", name: `host:${h.host}`, at: at + m.state.policy.hostDeadlineMs },
  );
}

export function restored(state: RolloutState, host: string, moment: Moment): Step {
  if (state.phase !== "restoring" || hostOf(state, host)?.status !== "restoring") return { kind: "ignored" };
  const next = withHost(state, host, { status: "restored", endedAt: moment.at });
  return moved(nextTurn(also(quiet(next), clearTimerOf(host)), moment));
}

export function restoreFailed(state: RolloutState, host: string, failure: Failure, moment: Moment): Step {
  if (state.phase !== "restoring" || hostOf(state, host)?.status !== "restoring") return { kind: "ignored" };
  const { reason, detail, logTail } = failure;
  const next = withHost(state, host, { status: "stuck", endedAt: moment.at, reason, detail, logTail });
  return moved(nextTurn(also(quiet(next), clearTimerOf(host)), moment));
}

/** A host that waited for its turn to go back does not serve any more: it goes at once. */
export function returnsUnwell(state: RolloutState, host: string, failure: Failure, moment: Moment): Step {
  const known = hostOf(state, host);
  if (state.phase !== "restoring" || known?.status !== "returning" || known.reason !== null) return { kind: "ignored" };
  const { reason, detail, logTail } = failure;
  return moved(nextTurn(quiet(withHost(state, host, { reason, detail, logTail })), moment));
}

function backDone(m: Moved, at: number): Moved {
  const { state } = m;
  if (hostsIn(state, "returning", "restoring").length > 0) return m;
  const phase = hostsIn(state, "stuck").length > 0 ? "stuck" : "restored";
  return ended(m, { phase, at, reason: state.reason, detail: state.detail });
}
