/**
 * Which hosts go when, given who serves well at this moment. Promise 3: never more than the plan allows is out of service
 * at once, counting hosts that were out already; putting those right costs nothing, so they go first.
 */
import { amountOf } from "./plan.ts";
import { batchOf } from "./rollout-change.ts";
import type { Fitness, HostState, RolloutState } from "./rollout-state.ts";

/**
 * Hosts that are out of service: those that swap, those of the environment that do not serve well, and those nobody hears
 * of. A host on which nothing ran before was never in, so it is not out: it counts while it swaps, and once it has served.
 */
export function outOf(state: RolloutState, fitness: Fitness): ReadonlySet<string> {
  const out = new Set([...fitness.unwell, ...fitness.away]);
  for (const h of state.hosts) {
    if (h.status === "swapping" || h.status === "restoring") out.add(h.host);
    else if (h.from === null && h.served !== true) out.delete(h.host);
  }
  return out;
}

/**
 * For events of before plans had a budget: how many may be out of service at once, judged by the plan alone. Hosts of the
 * environment that are no part of it count against it all the same, so a budget is of the environment now.
 */
export function budgetOf(plan: Pick<RolloutState, "policy" | "batches" | "hosts">): number {
  const { maxUnavailable } = plan.policy;
  const largest = Math.max(1, ...plan.batches.map((batch) => batch.length));
  if (maxUnavailable === null) return largest;
  return Math.max(1, "hosts" in maxUnavailable ? maxUnavailable.hosts : amountOf(maxUnavailable, plan.hosts.length));
}

/** As many of these as may start now: those that are out first, since they cost nothing. Where a spread keeps hosts apart, it does so from whatever is out. */
export function thoseThatFit(state: RolloutState, hosts: readonly HostState[], fitness: Fitness): readonly HostState[] {
  const out = outOf(state, fitness);
  const { unsure = [] } = fitness;
  const mayServe = hosts.filter((h) => out.has(h.host) && unsure.includes(h.host));
  const broken = hosts.filter((h) => out.has(h.host) && !mayServe.includes(h));
  const well = hosts.filter((h) => !out.has(h.host));
  // Counted as out already: they need no room of their own, but no more may be out than the plan allows.
  const counted = out.size > state.budget ? [] : keptApart(state, mayServe, without(out, mayServe));
  return [...broken, ...counted, ...keptApart(state, well, out).slice(0, Math.max(0, state.budget - out.size))];
}

/** Something that the service stands on does not serve there. */
export function lacks({ lacking = [] }: Fitness, host: string): boolean {
  return lacking.some((one) => one.host === host);
}

function without(out: ReadonlySet<string>, hosts: readonly HostState[]): ReadonlySet<string> {
  return new Set([...out].filter((host) => !hosts.some((h) => h.host === host)));
}

/** One host of a value at a time, and none while another of that value is out. */
function keptApart(state: RolloutState, hosts: readonly HostState[], out: ReadonlySet<string>): readonly HostState[] {
  if (state.policy.spread?.order !== "apart") return hosts;
  const taken = new Set(state.hosts.filter((h) => out.has(h.host)).map((h) => h.spread));
  return hosts.filter(({ spread }) => {
    if (spread === undefined) return true;
    const isFree = !taken.has(spread);
    taken.add(spread);
    return isFree;
  });
}

/**
 * Before anything is touched: hosts that do not serve go first, those that cannot be reached, or lack what the service stands
 * on, last, in batches of the same sizes. Where a spread keeps hosts apart the batches stay as they are.
 */
export function worstFirst(state: RolloutState, fitness: Fitness): RolloutState {
  if (state.policy.spread !== null && state.kind !== "rollback") return state;
  const out = outOf(state, fitness);
  const all = state.batches.flat();
  const { unsure = [] } = fitness;
  const cannotBegin = (host: string) => fitness.away.includes(host) || lacks(fitness, host);
  const rank = (host: string) => (cannotBegin(host) ? 2 : out.has(host) && !unsure.includes(host) ? 0 : 1);
  const order = [...all].sort((a, b) => rank(a) - rank(b) || all.indexOf(a) - all.indexOf(b));
  const sizes = state.batches.map((batch) => batch.length);
  // A rollback puts right all that is out at once, in addition to its first batch.
  const repairs = order.filter((host) => rank(host) === 0).length;
  if (state.kind === "rollback" && repairs > (sizes[0] ?? 0)) sizes[0] = repairs;
  let at = 0;
  const batches = sizes.map((size) => {
    at += size;
    return order.slice(at - size, at);
  });
  return { ...state, batches: batches.filter((batch) => batch.length > 0) };
}

/**
 * When too many are out for the batch to go on: hosts of later batches that are out themselves come forward, or they would
 * keep out of service what would mend them.
 */
export function withRepairs(state: RolloutState, fitness: Fitness): RolloutState {
  const out = outOf(state, fitness);
  const { unsure = [] } = fitness;
  const later = state.batches.slice(state.batch + 1).flat();
  const repairs = state.hosts
    .filter((h) => later.includes(h.host) && h.status === "waiting" && h.image === "present")
    .map((h) => h.host)
    .filter((host) => out.has(host) && !fitness.away.includes(host) && !unsure.includes(host) && !lacks(fitness, host));
  if (repairs.length === 0) return state;
  const batches = state.batches.map((batch, i) =>
    i === state.batch ? [...batch, ...repairs] : batch.filter((host) => !repairs.includes(host)),
  );
  return { ...state, batches: batches.filter((batch) => batch.length > 0) };
}

/**
 * Nobody hears of the first batch, and it was left out: as many of the next one stand in for it, or that would follow
 * without anything having been shown. They are of one batch, so that a spread holds.
 */
export function withStandIns(state: RolloutState): RolloutState {
  const first = batchOf(state);
  const isGone = state.batch === 0 && first.length > 0 && first.every((h) => h.status === "skipped");
  if (!isGone || state.standIns !== true || state.kind === "rollback") return state;
  const waits = (host: string) => state.hosts.some((h) => h.host === host && h.status === "waiting");
  const next = state.batches.slice(1).find((batch) => batch.some(waits)) ?? [];
  const standIns = next.filter(waits).slice(0, first.length);
  const batches = state.batches.map((batch, i) =>
    i === 0 ? [...batch, ...standIns] : batch.filter((host) => !standIns.includes(host)),
  );
  return { ...state, batches: batches.filter((batch) => batch.length > 0) };
}

/** Nothing of it is under way or still to come. */
export function isBatchDone(state: RolloutState): boolean {
  return batchOf(state).every((h) => h.status !== "waiting" && h.status !== "swapping");
}

export function isLastBatch(state: RolloutState): boolean {
  return state.batch >= state.batches.length - 1;
}

/** The rollout as if the host had never been part of it. `batch` then names what comes where its batch was. */
export function withoutHost(state: RolloutState, host: string): RolloutState {
  const without = state.batches.map((batch) => batch.filter((h) => h !== host));
  const gone = without.slice(0, state.batch).filter((batch) => batch.length === 0).length;
  return {
    ...state,
    hosts: state.hosts.filter((h) => h.host !== host),
    accepted: state.accepted.filter((h) => h !== host),
    batches: without.filter((batch) => batch.length > 0),
    batch: state.batch - gone,
  };
}

/**
 * Failed hosts get another turn: those of the present batch in it, those of earlier ones in batches of their own right
 * after it, and so each that had the release before the rollout. Hosts of different batches are not mixed, so that a spread holds.
 */
export function withRetries(state: RolloutState, failed: readonly string[]): RolloutState {
  const isFailed = (host: string) => failed.includes(host);
  const earlier = state.batches.slice(0, state.batch);
  const before = earlier.map((batch) => batch.filter((host) => !isFailed(host))).filter((batch) => batch.length > 0);
  const planned = state.batches.flat();
  const again = [
    ...earlier.map((batch) => batch.filter(isFailed)),
    ...failed.filter((h) => !planned.includes(h)).map((h) => [h]),
  ];
  const present = state.batches.slice(state.batch, state.batch + 1);
  const later = state.batches.slice(state.batch + 1);
  const batches = [...before, ...present, ...again.filter((batch) => batch.length > 0), ...later];
  return { ...state, batches, batch: before.length };
}
