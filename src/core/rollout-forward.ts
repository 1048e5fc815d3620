/** The way forward: batch after batch, within the budget, soaking between. Told as a whole in rollout.ts. */
import type { ReasonCode } from "./reasons.ts";
import { lackingNames } from "./requirement.ts";
import {
  isBatchDone,
  isLastBatch,
  lacks,
  outOf,
  thoseThatFit,
  withRepairs,
  withStandIns,
  worstFirst,
} from "./rollout-batches.ts";
import {
  also,
  batchOf,
  change,
  ended,
  everyoneFit,
  hostsIn,
  type Moment,
  type Moved,
  names,
  namesOf,
  progressed,
  runClocks,
  verdict,
  withHosts,
} from "./rollout-change.ts";
import { actOnFailure, asFailed, hasFailed } from "./rollout-failure.ts";
import { type Effect, type Failure, type Fitness, type HostState, isPaused, type RolloutState } from "./rollout-state.ts";
import { asBefore, goBack } from "./rollout-undo.ts";

/** Decided: it begins when the first batch can. A rollback says at once what it leaves, so that nothing ships it meanwhile. */
export function queue(m: Moved, moment: Moment): Moved {
  const { state } = m;
  const queued = progressed(change(m, { phase: "queued", reason: "awaiting_images", detail: null }), moment.at);
  if (state.kind !== "rollback") return goOn(queued, moment);
  const ordered = change(also(queued, ...leaving(state)), worstFirst(queued.state, moment.fitness ?? everyoneFit));
  return goOn(leaveAwayBehind(ordered, state.batches.flat(), moment), moment);
}

function leaving({ from, requester }: RolloutState) {
  if (from === null) return [];
  const reason = requester.kind === "system" ? "watch_tripped" : "rolled_back";
  const detail = `rolled back by ${requester.name}`;
  return [verdict({ release: from, verdict: "bad", reason, detail, by: requester })];
}

/**
 * Does all that may be done now: leaves out who cannot take part, starts whoever fits, and goes to the next batch when
 * this one is done. Called after everything that happens to a rollout which goes forward.
 */
export function goOn(m: Moved, moment: Moment): Moved {
  if (isPaused(m.state) || (m.state.phase !== "queued" && m.state.phase !== "rolling")) return m;
  const fitness = moment.fitness ?? everyoneFit;
  const first = isUntouched(m.state) ? change(m, worstFirst(m.state, fitness)) : m;
  const without = leaveOut(first, fitness, moment);
  const known = change(without, withStandIns(without.state));
  if (hasFailed(known.state)) return actOnFailure(known, moment);
  if (isBatchDone(known.state)) return batchDone(known, moment);
  return beginBatch(known, fitness, moment);
}

function isUntouched(state: RolloutState): boolean {
  return state.batch === 0 && state.hosts.every((h) => h.status === "waiting" || h.status === "unchanged");
}

// ------------------------------------------------------------ who cannot take part

function leaveOut(m: Moved, fitness: Fitness, moment: Moment): Moved {
  const waiting = waitingIn(m.state);
  if (m.state.kind === "rollback") return leaveAwayBehind(m, namesOf(waiting), moment);
  const { unreachable } = m.state.policy;
  const bare = waiting.filter((h) => h.image === "failed");
  const asked = mayBegin(m.state, fitness) ? hostsIn(m.state, "waiting") : waiting;
  const away = unreachable === "wait" ? [] : asked.filter((h) => isGivenUp(fitness, h.host) && !bare.includes(h));
  const without = withHosts(m.state, namesOf(bare), (h) => asFailed(imageFault(h), moment.at));
  const fields = { ...asFailed(gone, moment.at), status: unreachable === "skip" ? "skipped" : "failed" } as const;
  return { state: withHosts(without, namesOf(away), () => fields), effects: m.effects };
}

/**
 * The first batch is about to begin: whoever nobody hears of anywhere in the plan is given up now, and named, since a host
 * that is out takes up room for all of them.
 */
function mayBegin(state: RolloutState, fitness: Fitness): boolean {
  return state.startedAt === null && !lacksImages(state, fitness);
}

const gone: Failure = { reason: "host_lost", detail: "no connection when it was its turn", logTail: [] };

function imageFault(h: HostState): Failure {
  return { reason: h.reason ?? "pull_failed", detail: h.detail ?? "", logTail: [] };
}

/** Nobody is given up whom there was no time to hear. */
function isGivenUp({ away, unheard = [] }: Fitness, host: string): boolean {
  return away.includes(host) && !unheard.includes(host);
}

/**
 * A rollback does not wait for hosts that nobody hears of: they are told what to serve, so that they come along when they
 * are back, and they count as not rolled back.
 */
function leaveAwayBehind(m: Moved, hosts: readonly string[], { at, fitness = everyoneFit }: Moment): Moved {
  const { release } = m.state;
  const away = hosts.filter((host) => isGivenUp(fitness, host));
  const fault = { reason: "host_lost", detail: "no connection; it goes back by itself when it returns", logTail: [] } as const;
  const state = withHosts(m.state, away, (h) => ({ ...touched(h, at), ...asFailed(fault, at) }));
  return also({ state, effects: m.effects }, ...away.map((host) => ({ kind: "desire", host, release }) as const));
}

function touched(h: HostState, at: number): Partial<HostState> {
  return { attempt: h.attempt + 1, served: false, startedAt: at, endedAt: null, reason: null, detail: null, logTail: [] };
}

// ------------------------------------------------------------ a batch

function beginBatch(m: Moved, fitness: Fitness, moment: Moment): Moved {
  if (m.state.kind === "rollback") return waitOrMove(start(m, waitingIn(m.state), moment.at), fitness);
  const able = ready(m.state, fitness);
  const first = thoseThatFit(m.state, able, fitness);
  const moves = first.length > 0 || hostsIn(m.state, "swapping").length > 0;
  // Room would not help hosts that wait for a service.
  const lacksAll = able.length === 0 && waitingIn(m.state).some((h) => lacks(fitness, h.host));
  if (moves || lacksAll || lacksImages(m.state, fitness)) return waitOrMove(start(m, first, moment.at), fitness);
  const mended = change(m, withRepairs(m.state, fitness));
  const repairs = thoseThatFit(mended.state, ready(mended.state, fitness), fitness);
  return waitOrMove(start(mended, repairs, moment.at), fitness);
}

function waitingIn(state: RolloutState): readonly HostState[] {
  return batchOf(state).filter((h) => h.status === "waiting");
}

/** Hosts of the batch that may start if there is room. The first of them wait until the whole batch has the image. */
function ready(state: RolloutState, fitness: Fitness): readonly HostState[] {
  const hasBegun = batchOf(state).some((h) => h.attempt > 0);
  if (!hasBegun && lacksImages(state, fitness)) return [];
  const canBegin = (host: string) => !fitness.away.includes(host) && !lacks(fitness, host);
  return waitingIn(state).filter((h) => h.image === "present" && canBegin(h.host));
}

function lacksImages(state: RolloutState, { away }: Fitness): boolean {
  return waitingIn(state).some((h) => h.image !== "present" && !away.includes(h.host));
}

function start(m: Moved, hosts: readonly HostState[], at: number): Moved {
  if (hosts.length === 0) return m;
  const { release, kind, policy, startedAt } = m.state;
  const begun = withHosts(m.state, namesOf(hosts), (h) => ({ ...touched(h, at), status: "swapping" }));
  const effects = hosts.flatMap((h): Effect[] => [
    { kind: "desire", host: h.host, release, ...(kind === "restart" || hadIt(h) ? { fresh: true } : {}) },
    { kind: "set_timer", name: `host:${h.host}`, at: at + policy.hostDeadlineMs },
  ]);
  const next = also({ state: begun, effects: m.effects }, ...effects);
  return progressed(change(next, { phase: "rolling", startedAt: startedAt ?? at }), at);
}

/** It served the release before the rollout, and broke: the same container would not mend it. */
function hadIt(h: HostState): boolean {
  return h.attempt === 0 && h.served === true;
}

/** While something swaps it moves. When nothing does, what the batch waits for. */
function waitOrMove(m: Moved, fitness: Fitness): Moved {
  if (hostsIn(m.state, "swapping").length > 0) return change(m, { reason: null, detail: null });
  return change(m, waitOf(m.state, fitness));
}

function waitOf(state: RolloutState, fitness: Fitness): { reason: ReasonCode; detail: string | null } {
  const waiting = waitingIn(state);
  const within = waiting.filter((h) => !fitness.away.includes(h.host));
  const bare = within.filter((h) => h.image !== "present");
  if (bare.length > 0) return { reason: "awaiting_images", detail: names(bare.map((h) => h.host)) };
  if (within.length === 0) return { reason: "awaiting_host", detail: names(waiting.map((h) => h.host)) };
  const lacking = (fitness.lacking ?? []).filter((one) => within.some((h) => h.host === one.host));
  if (lacking.length > 0) return { reason: "awaiting_service", detail: lackingNames(lacking) };
  return { reason: "over_budget", detail: names([...outOf(state, fitness)].sort()) };
}

// ------------------------------------------------------------ after a batch

/** No host of the batch is under way or to come. It soaks; a rollback does not, and neither does a batch without a healthy host. */
function batchDone(m: Moved, moment: Moment): Moved {
  const { state } = m;
  const isLast = isLastBatch(state);
  const proving = isLast ? state.hosts : batchOf(state);
  if (state.kind === "rollback" || proving.every((h) => h.status !== "healthy")) return nextBatch(m, moment);
  return soak(m, moment.at);
}

/** The soak of the present batch, or of the whole after the last one, from the beginning. */
export function soak(m: Moved, at: number): Moved {
  const { endSoakMs, soakMs } = m.state.policy;
  const ms = isLastBatch(m.state) ? endSoakMs : soakMs;
  const soaking = change(m, { phase: "soaking", reason: "soaking", detail: null, endSoakSkipped: false });
  return runClocks(soaking, { soakMs: ms, progressMs: null }, at);
}

export function nextBatch(m: Moved, moment: Moment): Moved {
  if (isLastBatch(m.state)) return finish(m, moment);
  return enter(change(m, { batch: m.state.batch + 1 }), moment);
}

/** Goes on with the batch that `batch` names now. */
export function enter(m: Moved, moment: Moment): Moved {
  const phase = m.state.startedAt === null ? "queued" : "rolling";
  return goOn(progressed(change(m, { phase, reason: null, detail: null }), moment.at), moment);
}

function finish(m: Moved, moment: Moment): Moved {
  const { state } = m;
  const { at } = moment;
  const left = hostsIn(state, "failed", "skipped");
  const first = left[0];
  if (first === undefined) {
    const end = ended(m, { phase: "succeeded", at, reason: null, detail: null });
    return proves(state) ? also(end, verdict({ release: state.release, verdict: "good" })) : end;
  }
  const who = names(left.map((h) => h.host));
  if (state.kind === "rollback") {
    return ended(m, { phase: "stuck", at, reason: first.reason, detail: `${who} could not be rolled back` });
  }
  // A release that no host serves is not live, however many may fail.
  if (hostsIn(state, "healthy", "unchanged").length === 0) {
    return goBack(m, { target: asBefore, reason: first.reason ?? "host_lost", detail: `no host could get it: ${who}` }, moment);
  }
  const without = left.length === 1 ? "does not have" : "do not have";
  return ended(m, { phase: "incomplete", at, reason: "left_incomplete", detail: `${who} ${without} r${state.release}` });
}

/** Every host has soaked with it to the end. A restart says nothing about a release. */
function proves(state: RolloutState): boolean {
  return state.kind !== "restart" && !state.endSoakSkipped && state.blamed !== true;
}
