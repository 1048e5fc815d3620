/**
 * Which hosts go when, given who serves well at this moment. Promise 3: never more than the plan allows is out of service
 * at once, counting hosts that were out already; putting those right costs nothing, so they go first.
 */
import type { Effect, Fitness, RolloutState } from "./rollout-state.ts";
import { type Moved, withHost } from "./rollout-undo.ts";

export const everyoneFit: Fitness = { unwell: [], away: [] };

/** The same hosts in batches of the same sizes: those that do not serve first, those that cannot be reached last. */
export function worstFirst(state: RolloutState, fitness: Fitness): RolloutState {
  const all = state.batches.flat();
  const rank = (host: string) => (fitness.away.includes(host) ? 2 : fitness.unwell.includes(host) ? 0 : 1);
  const order = [...all].sort((a, b) => rank(a) - rank(b) || all.indexOf(a) - all.indexOf(b));
  let from = 0;
  const batches = state.batches.map((batch) => {
    from += batch.length;
    return order.slice(from - batch.length, from);
  });
  return { ...state, batches };
}

/** True when the current batch may be taken out of service besides what is out already. */
export function hasRoom(state: RolloutState, fitness: Fitness): boolean {
  const batch = state.batches[state.batch] ?? [];
  const out = [...fitness.unwell, ...fitness.away];
  if (batch.every((host) => out.includes(host))) return true;
  const others = state.hosts.filter((h) => out.includes(h.host) && !batch.includes(h.host));
  const allowed = Math.max(...state.batches.map((b) => b.length));
  return others.length + batch.length <= allowed;
}

/**
 * A rollback does not wait for hosts that nobody hears of: they are told what to serve, so that they come along when they
 * are back, and they count as not rolled back.
 */
export function leaveAwayBehind(state: RolloutState, event: { readonly at: number; readonly fitness?: Fitness }): Moved {
  const away = state.batches.flat().filter((host) => event.fitness?.away.includes(host) ?? false);
  let next = state;
  const effects: Effect[] = [];
  for (const host of away) {
    const gone = { reason: "host_lost" as const, detail: "no connection; it goes back by itself when it returns" };
    next = withHost(next, host, { ...gone, status: "failed", startedAt: event.at, endedAt: event.at });
    effects.push({ kind: "desire", host, release: state.release });
  }
  const batches = state.batches.map((batch) => batch.filter((host) => !away.includes(host))).filter((b) => b.length > 0);
  return { state: { ...next, batches }, effects };
}

/** The rollout as if the host, which has not been touched, had never been part of it. */
export function withoutHost(state: RolloutState, host: string): RolloutState {
  const current = state.batches[state.batch] ?? [];
  const batches = state.batches.map((batch) => batch.filter((h) => h !== host)).filter((b) => b.length > 0);
  const at = batches.findIndex((batch) => batch.some((h) => current.includes(h)));
  return { ...state, hosts: state.hosts.filter((h) => h.host !== host), batches, batch: at === -1 ? state.batch : at };
}
