/** What the rooms of the rollout's reducer have in common: a state on its way, with the effects gathered so far. */
import type { ReasonCode } from "./reasons.ts";
import {
  type Effect,
  type Fitness,
  type HostState,
  type HostStatus,
  isPaused,
  type Person,
  type Phase,
  type RolloutState,
  type Step,
} from "./rollout-state.ts";

export type Moved = { readonly state: RolloutState; readonly effects: readonly Effect[] };

/** When an event happened, and which hosts did not serve well then. */
export type Moment = { readonly at: number; readonly fitness?: Fitness };

export const everyoneFit: Fitness = { unwell: [], away: [] };

export function moved(m: Moved): Step {
  return { kind: "moved", ...m };
}

export function quiet(state: RolloutState): Moved {
  return { state, effects: [] };
}

export function change(m: Moved, fields: Partial<RolloutState>): Moved {
  return { state: { ...m.state, ...fields }, effects: m.effects };
}

export function also(m: Moved, ...effects: readonly Effect[]): Moved {
  return { state: m.state, effects: [...m.effects, ...effects] };
}

export function withHost(state: RolloutState, host: string, fields: Partial<HostState>): RolloutState {
  return withHosts(state, [host], () => fields);
}

export function withHosts(
  state: RolloutState,
  hosts: readonly string[],
  fields: (host: HostState) => Partial<HostState>,
): RolloutState {
  if (hosts.length === 0) return state;
  return { ...state, hosts: state.hosts.map((h) => (hosts.includes(h.host) ? { ...h, ...fields(h) } : h)) };
}

export function namesOf(hosts: readonly HostState[]): readonly string[] {
  return hosts.map((h) => h.host);
}

/** All of them, in words: a fleet has more names than anyone reads. */
export function names(hosts: readonly string[]): string {
  const shown = hosts.slice(0, 8);
  const more = hosts.length - shown.length;
  if (more > 0) return `${shown.join(", ")} and ${more} more`;
  return [shown.slice(0, -1).join(", "), ...shown.slice(-1)].filter((part) => part !== "").join(" and ");
}

export function hostsIn(state: RolloutState, ...statuses: readonly HostStatus[]): readonly HostState[] {
  return state.hosts.filter((h) => statuses.includes(h.status));
}

export function batchOf(state: RolloutState): readonly HostState[] {
  const batch = state.batches[state.batch] ?? [];
  return state.hosts.filter((h) => batch.includes(h.host));
}

/** The wait for its turn is over for some of the hosts: there is a batch in work. */
export function goesForward(state: RolloutState): boolean {
  return state.phase === "queued" || state.phase === "rolling" || state.phase === "soaking";
}

export function verdict(facts: {
  release: number;
  verdict: "good" | "bad";
  reason?: ReasonCode;
  detail?: string;
  by?: Person;
}): Effect {
  const { release, reason = null, detail = null, by = null } = facts;
  return { kind: "verdict", release, verdict: facts.verdict, reason, detail, by };
}

type Clocks = { readonly soakMs: number | null; readonly progressMs: number | null };

/** The soak clock and the progress clock run for so long from now; null stops one. During a pause what they would have is kept. */
export function runClocks(m: Moved, clocks: Clocks, at: number): Moved {
  const { state } = m;
  const held = isPaused(state);
  const { soakMs, progressMs } = held ? { soakMs: null, progressMs: null } : clocks;
  const soakEndsAt = soakMs === null ? null : at + soakMs;
  const progressBy = progressMs === null ? null : at + progressMs;
  const effects: Effect[] = [];
  if (soakEndsAt !== null) effects.push({ kind: "set_timer", name: "soak", at: soakEndsAt });
  else if (state.soakEndsAt !== null) effects.push({ kind: "clear_timer", name: "soak" });
  if (progressBy !== null) effects.push({ kind: "set_timer", name: "progress", at: progressBy });
  else if (state.progressBy !== null) effects.push({ kind: "clear_timer", name: "progress" });
  return also(change(m, { soakEndsAt, progressBy, held: held ? clocks : null }), ...effects);
}

/** Something went on: the time without progress counts anew. */
export function progressed(m: Moved, at: number): Moved {
  return runClocks(m, { soakMs: null, progressMs: m.state.policy.deadlineMs }, at);
}

export type End = {
  readonly phase: Phase;
  readonly at: number;
  readonly reason: ReasonCode | null;
  readonly detail: string | null;
  readonly by?: Person;
};

/** The end, and the beginning of the watch where there is something to watch. */
export function ended(m: Moved, end: End): Moved {
  const { phase, at, reason, detail, by } = end;
  const calm = runClocks(change(m, { pauses: [], owed: null }), { soakMs: null, progressMs: null }, at);
  const timers: Effect[] = hostsIn(m.state, "swapping", "restoring").map((h) => clearTimerOf(h.host));
  if (m.state.phase === "awaiting_approval") timers.push({ kind: "clear_timer", name: "expiry" });
  const fields = { phase, reason, detail, endedAt: at, endedBy: by ?? m.state.endedBy };
  return watched(also(change(calm, fields), ...timers), at);
}

function watched(m: Moved, at: number): Moved {
  const { phase, policy } = m.state;
  if ((phase !== "succeeded" && phase !== "incomplete") || policy.watch.forMs <= 0) return m;
  const until = at + policy.watch.forMs;
  const watch = { until, finding: null, raisedAt: null, endedAt: null };
  return also(change(m, { watch }), { kind: "set_timer", name: "watch", at: until });
}

export function clearTimerOf(host: string): Effect {
  return { kind: "clear_timer", name: `host:${host}` };
}
