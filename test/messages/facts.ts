/** Facts for messages, made by the real reducer: a rollout of r42 over r41 on three hosts of `api prod`. */
import type { ReleaseFacts, RolloutFacts } from "../../src/core/facts.ts";
import { defaultPolicy, type Plan, type RolloutPolicy } from "../../src/core/plan.ts";
import { begin, step } from "../../src/core/rollout.ts";
import type { LaterEvent, Person, Requested, RolloutState } from "../../src/core/rollout-state.ts";

export const noon = Date.UTC(2026, 10, 22, 12, 0, 0);
export const ana: Person = { kind: "slack", id: "U0ANA", name: "ana" };
export const bo: Person = { kind: "slack", id: "U0BO", name: "bo" };

export const r41: ReleaseFacts = { number: 41, commit: "9d8e7f6".padEnd(40, "0"), digest: `sha256:${"41".repeat(32)}` };
export const r42: ReleaseFacts = { number: 42, commit: "3f9c1e2".padEnd(40, "0"), digest: `sha256:${"42".repeat(32)}` };

export const policy: RolloutPolicy = { ...defaultPolicy, batch: { percent: 50 }, onFailure: "restore" };

export function requested(change: Partial<Requested> = {}): Requested {
  const hosts = ["web-1", "web-2", "web-3"];
  return {
    type: "requested",
    at: noon,
    number: 142,
    service: "api",
    environment: "prod",
    kind: "deploy",
    release: 42,
    from: 41,
    planHash: "a1b2c3d4e5f6",
    requester: ana,
    expireMs: 30 * 60_000,
    approvalsRequired: 1,
    batches: [["web-1"], ["web-2", "web-3"]],
    back: 41,
    policy,
    inLine: false,
    hosts: hosts.map((host) => ({ host, from: 41, unchanged: false })),
    ...change,
  };
}

/** The state after these events; every one of them must count. */
export function after(events: readonly LaterEvent[], first: Requested = requested()): RolloutState {
  return events.reduce((state, event) => {
    const result = step(state, event);
    if (result.kind !== "moved") throw new Error(`${event.type} did not move a rollout that is ${state.phase}: ${result.kind}`);
    return result.state;
  }, begin(first).state);
}

export function factsOf(state: RolloutState, change: Partial<RolloutFacts> = {}): RolloutFacts {
  const rollback = state.kind === "rollback";
  return {
    state,
    plan: planOf(state),
    release: rollback ? r41 : r42,
    from: state.from === null ? null : rollback ? r42 : r41,
    ref: null,
    change: null,
    notSetUp: [],
    steps: {},
    away: [],
    approvers: ["release-captains"],
    notRequester: true,
    allowBad: null,
    healthDeclared: true,
    notSoakedIn: null,
    readiness: { ready: 3, total: 3, release: 41, expectedMs: 4_000 },
    why: null,
    position: null,
    behind: null,
    leftOut: [],
    head: null,
    now: noon + 60_000,
    ...change,
  };
}

function planOf(state: RolloutState): Plan {
  const { service, environment, kind, release, from, batches } = state;
  return {
    service,
    environment,
    kind,
    release,
    digest: r42.digest,
    commit: r42.commit,
    specHash: "0".repeat(64),
    from,
    hosts: state.hosts.map((h) => ({ host: h.host, from: h.from, labels: {} })),
    leftOut: [],
    batches,
    policy: state.policy,
  };
}

// The story of one rollout, in steps that tests pick from. Times are seconds after noon.

const at = (seconds: number) => noon + seconds * 1000;
export const approved: LaterEvent = { type: "approved", at: at(20), by: bo };
export const images: readonly LaterEvent[] = ["web-1", "web-2", "web-3"].map((host) => ({
  type: "image_present",
  at: at(10),
  host,
}));
export const swapped = (host: string, seconds: number): LaterEvent => ({
  type: "host_swapped",
  at: at(seconds),
  host,
  tookMs: 4000,
});
const soaked = (seconds: number): LaterEvent => ({ type: "soaked", at: at(seconds) });
export const backOn = (host: string, seconds: number): LaterEvent => ({ type: "host_restored", at: at(seconds), host });
export const unhealthy = (
  host: string,
  seconds: number,
  logTail: readonly string[] = ["listening on :8080", "GET /healthz 500"],
): LaterEvent => ({
  type: "host_failed",
  at: at(seconds),
  host,
  reason: "unhealthy",
  detail: "GET http://127.0.0.1:8080/healthz answered 500",
  logTail,
});
export const cancelledBy = (by: Person, seconds: number, why: string | null = null): LaterEvent => ({
  type: "cancelled",
  at: at(seconds),
  by,
  why,
  blame: false,
});

export const rolling = [...images, approved];
export const canarySoaks = [...rolling, swapped("web-1", 24)];
export const secondBatch = [...canarySoaks, soaked(54)];
export const succeeded = [...secondBatch, swapped("web-2", 58), swapped("web-3", 59), soaked(89)];
export const failed = [...secondBatch, swapped("web-2", 58), unhealthy("web-3", 60)];
export const restored = [...failed, backOn("web-1", 62), backOn("web-2", 62), backOn("web-3", 63)];
