/** Before anything begins: the line, and requests that end untouched. */
import { budgetOf } from "./rollout-batches.ts";
import { ended, type Moved, moved, quiet } from "./rollout-change.ts";
import { queue } from "./rollout-forward.ts";
import {
  type Effect,
  type HostState,
  isPaused,
  type LapsedApproval,
  type LaterEvent,
  type PlannedHostFacts,
  type RolloutState,
  type Step,
} from "./rollout-state.ts";

type Of<T extends LaterEvent["type"]> = Extract<LaterEvent, { type: T }>;

export function hostsOf(planned: readonly PlannedHostFacts[]): readonly HostState[] {
  return planned.map((h) => ({
    host: h.host,
    from: h.from,
    status: h.unchanged ? "unchanged" : "waiting",
    back: null,
    image: "unknown",
    reason: null,
    detail: null,
    logTail: [],
    startedAt: null,
    endedAt: null,
    restarts: h.restarts ?? 0,
    attempt: 0,
    ...(h.spread === undefined ? {} : { spread: h.spread }),
  }));
}

/** Nothing would be touched: such a rollout is never a success. */
export function endsEmpty(state: RolloutState, at: number): Moved {
  const reason = state.hosts.length === 0 ? "no_hosts" : "already_live";
  return ended(quiet(state), { phase: "cancelled", at, reason, detail: null });
}

/**
 * Its turn has come, with a plan of this moment. Approvals count for the plan that they were given to, and only as long as
 * a request would wait for them: whoever said yes last week does not expect it to happen tonight.
 */
export function turnCame(state: RolloutState, event: Of<"turn_came">): Step {
  if (state.phase !== "in_line" || isPaused(state)) return { kind: "ignored" };
  const { at, from, back, planHash, policy, approvalsRequired, batches } = event;
  const isSame = planHash === state.planHash;
  const expiresAt = at + (event.expireMs ?? patienceOf(state));
  const old = state.approvals.filter((a) => event.expireMs !== undefined && at - a.at >= event.expireMs);
  const gone = lapsedOf(state, event);
  const hosts = hostsOf(event.hosts);
  const budget = event.budget ?? budgetOf({ policy, batches, hosts });
  const rules = event.budget === undefined ? {} : ({ standIns: true } as const);
  const plan = { from, back, planHash, policy, approvalsRequired, batches, budget, ...rules, expiresAt, hosts };
  const next: RolloutState = { ...state, ...plan, approvals: isSame ? without(state.approvals, [...old, ...gone]) : [] };
  if (batches.length === 0) return moved(endsEmpty(next, at));
  if (next.approvals.length >= approvalsRequired) return moved(queue(quiet(next), event));
  const reason = isSame ? "awaiting_approval" : "plan_changed";
  const detail = isSame ? together(agedText(without(old, gone), at), lapsedText(event.lapsed)) : changed(state);
  const waits: RolloutState = { ...next, phase: "awaiting_approval", reason, detail };
  return moved({ state: waits, effects: [expiry(expiresAt)] });
}

/** How long people may take to decide about it. */
export function patienceOf({ expiresAt, requestedAt }: RolloutState): number {
  return expiresAt - requestedAt;
}

export function without(approvals: RolloutState["approvals"], left: RolloutState["approvals"]): RolloutState["approvals"] {
  return approvals.filter((a) => !left.includes(a));
}

/** Those given by whom the event names. */
export function lapsedOf(
  { approvals }: RolloutState,
  { lapsed = [] }: { readonly lapsed?: readonly LapsedApproval[] },
): RolloutState["approvals"] {
  return approvals.filter((a) => lapsed.some(({ by }) => by.kind === a.by.kind && by.id === a.by.id));
}

export function lapsedText(lapsed: readonly LapsedApproval[] = []): string | null {
  if (lapsed.length === 0) return null;
  return lapsed.map(({ by, why }) => `${by.name}'s approval counts no more (${why})`).join(" and ");
}

/** Reasons as one text; null when there is none. */
export function together(...texts: readonly (string | null)[]): string | null {
  const all = texts.filter((text) => text !== null);
  return all.length === 0 ? null : all.join("; ");
}

function agedText(old: RolloutState["approvals"], at: number): string | null {
  if (old.length === 0) return null;
  const given = old.map((a) => `${a.by.name} approved it ${ageText(at - a.at)} ago`);
  return `${given.join(" and ")}, while it waited in line: too long ago to count`;
}

function ageText(ms: number): string {
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 120) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h` : `${Math.floor(hours / 24)} days`;
}

function changed(before: RolloutState): string {
  const given = before.approvals.length;
  if (given === 0) return "the plan changed while it waited in line";
  return `the plan changed while it waited in line, so ${given === 1 ? "its approval does" : "its approvals do"} not count`;
}

export function expiry(at: number): Effect {
  return { kind: "set_timer", name: "expiry", at };
}

const untouched: readonly RolloutState["phase"][] = ["in_line", "awaiting_approval", "queued"];

export function throwOut(state: RolloutState, { at, reason, detail }: Of<"thrown_out">): Step {
  if (!untouched.includes(state.phase)) return { kind: "ignored" };
  return moved(ended(quiet(state), { phase: "cancelled", at, reason, detail }));
}

export function planChanged(state: RolloutState, { at, detail }: Of<"plan_changed">): Step {
  if (state.phase !== "awaiting_approval") return { kind: "ignored" };
  return moved(ended(quiet(state), { phase: "cancelled", at, reason: "plan_changed", detail }));
}

export function expire(state: RolloutState, { at }: Of<"expired">): Step {
  if (state.phase !== "awaiting_approval") return { kind: "ignored" };
  return moved(ended(quiet(state), { phase: "expired", at, reason: "request_expired", detail: null }));
}
