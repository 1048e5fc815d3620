/** The way back: hosts that were touched return to what they served, and the rollout ends. Told as a whole in rollout.ts. */
import type { ReasonCode } from "./reasons.ts";
import {
  type Effect,
  type Failure,
  type HostState,
  hostOf,
  type Person,
  type Phase,
  type RolloutState,
  type Step,
} from "./rollout-state.ts";

export type Moved = { readonly state: RolloutState; readonly effects: readonly Effect[] };

export function moved(m: Moved): Step {
  return { kind: "moved", ...m };
}

/** Every host that was touched goes back to what it served; one that was not touched is left alone. */
export function goBack(state: RolloutState, at: number): Moved {
  let next: RolloutState = { ...state, phase: "restoring", soakEndsAt: null };
  const effects: Effect[] = [
    { kind: "clear_timer", name: "soak" },
    { kind: "clear_timer", name: "progress" },
  ];
  for (const h of state.hosts) {
    if (h.status !== "swapping" && h.status !== "healthy" && h.status !== "failed") continue;
    next = withHost(next, h.host, { status: "restoring" });
    effects.push({ kind: "desire", host: h.host, release: h.from });
    effects.push({ kind: "set_timer", name: `host:${h.host}`, at: at + state.policy.hostDeadlineMs });
  }
  return backDone({ state: next, effects }, at);
}

export function restored(state: RolloutState, host: string, at: number): Step {
  if (state.phase !== "restoring" || hostOf(state, host)?.status !== "restoring") return { kind: "ignored" };
  const next = withHost(state, host, { status: "restored", endedAt: at });
  return moved(backDone({ state: next, effects: [{ kind: "clear_timer", name: `host:${host}` }] }, at));
}

export function restoreFailed(state: RolloutState, host: string, failure: Failure, at: number): Step {
  if (state.phase !== "restoring" || hostOf(state, host)?.status !== "restoring") return { kind: "ignored" };
  const next = withHost(state, host, {
    status: "stuck",
    endedAt: at,
    reason: failure.reason,
    detail: failure.detail,
    logTail: failure.logTail,
  });
  return moved(backDone({ state: next, effects: [{ kind: "clear_timer", name: `host:${host}` }] }, at));
}

function backDone(m: Moved, at: number): Moved {
  const { state } = m;
  if (state.hosts.some((h) => h.status === "restoring")) return m;
  const stuck = state.hosts.some((h) => h.status === "stuck");
  const facts = { at, reason: state.reason, detail: state.detail, by: null };
  const end = ended(state, { ...facts, phase: stuck ? "stuck" : "restored" });
  return { state: end.state, effects: [...m.effects, ...end.effects] };
}

export function ended(
  state: RolloutState,
  facts: { phase: Phase; at: number; reason: ReasonCode | null; detail: string | null; by: Person | null },
): Moved {
  const { phase, at, reason, detail, by } = facts;
  return {
    state: { ...state, phase, reason, detail, endedBy: by ?? state.endedBy, endedAt: at, soakEndsAt: null },
    effects: [
      { kind: "clear_timer", name: "expiry" },
      { kind: "clear_timer", name: "progress" },
      { kind: "clear_timer", name: "soak" },
    ],
  };
}

export function verdictOf(release: number, verdict: "good" | "bad", reason: ReasonCode | null, detail: string | null): Effect {
  return { kind: "verdict", release, verdict, reason, detail, by: null };
}

export function withHost(state: RolloutState, host: string, change: Partial<HostState>): RolloutState {
  return { ...state, hosts: state.hosts.map((h) => (h.host === host ? { ...h, ...change } : h)) };
}
