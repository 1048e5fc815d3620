/**
 * Rollouts at random. Nine draws in ten are something that the present phase is waiting for, or most runs would end before
 * they began; one in ten is anything at all.
 */
import fc from "fast-check";
import type { Amount, RolloutPolicy } from "../../src/core/plan.ts";
import {
  type Fitness,
  type HostStatus,
  hasEnded,
  isPaused,
  type LaterEvent,
  type Phase,
  type Requested,
  type RolloutState,
} from "../../src/core/rollout-state.ts";
import { watchRule } from "../../src/core/watch.ts";
import { ana, aRequest, bo, eva, noon, Told } from "../kit/rollouts.ts";

export const everyPhase: readonly Phase[] = [
  "in_line",
  "awaiting_approval",
  "queued",
  "rolling",
  "soaking",
  "succeeded",
  "incomplete",
  "restoring",
  "restored",
  "stuck",
  "rejected",
  "expired",
  "cancelled",
];

const people = [ana, bo, eva];

export type Draw = {
  readonly pick: number;
  readonly host: number;
  readonly wild: number;
  readonly afterMs: number;
  /** Bits of hosts that do not serve; most of the time there are none. */
  readonly unwell: number;
  readonly away: number;
};

const bits = fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, fc.nat(255));

export const draws = fc.array(
  fc.record({
    // Without bias towards small numbers: a tenth must be a tenth.
    pick: fc.noBias(fc.nat(10_000)),
    host: fc.noBias(fc.nat(9)),
    wild: fc.noBias(fc.nat(9)),
    afterMs: fc.constantFrom(0, 1_000, 10_000, 40_000, 200_000),
    unwell: bits,
    away: bits,
  }),
  { minLength: 10, maxLength: 80, size: "max" },
);

const amount: fc.Arbitrary<Amount> = fc.oneof(
  fc.integer({ min: 1, max: 4 }).map((hosts) => ({ hosts })),
  fc.integer({ min: 1, max: 100 }).map((percent) => ({ percent })),
);

const policy: fc.Arbitrary<Partial<RolloutPolicy>> = fc.record({
  canary: fc.integer({ min: 0, max: 2 }).map((hosts) => ({ hosts })),
  batch: amount,
  soakMs: fc.constantFrom(0, 30_000),
  endSoakMs: fc.constantFrom(0, 30_000, 60_000),
  maxFailed: fc.integer({ min: 0, max: 2 }).map((hosts) => ({ hosts })),
  maxUnavailable: fc.option(amount, { nil: null }),
  onFailure: fc.constantFrom("pause" as const, "restore" as const, "rollback" as const),
  unreachable: fc.constantFrom("wait" as const, "skip" as const, "fail" as const),
  rollbackBatch: amount,
  spread: fc.constantFrom(null, null, { label: "zone", order: "apart" as const }, { label: "zone", order: "in_turn" as const }),
  watch: fc.record({
    forMs: fc.constantFrom(0, 100_000, 100_000, 100_000),
    onUnwell: fc.constantFrom("raise" as const, "rollback" as const),
  }),
});

/** Hosts that a spread would keep apart are in one batch now and then: it must hold there, too. */
const zones = ["a", "b", "a", undefined];

export const request: fc.Arbitrary<Requested> = fc
  .record({
    hosts: fc.integer({ min: 1, max: 6 }),
    approvals: fc.integer({ min: 0, max: 2 }),
    kind: fc.constantFrom("deploy" as const, "deploy" as const, "promote" as const, "rollback" as const, "restart" as const),
    inLine: fc.nat(4).map((n) => n === 0),
    back: fc.constantFrom(39, 41, null),
    /** Bits of hosts on which nothing runs. */
    empty: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, fc.nat(63)),
    /** Bits of hosts that have the release already. */
    had: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, fc.nat(63)),
    policy,
  })
  .map(({ hosts, approvals, kind, inLine, back, empty, had, policy }) => {
    const hostNames = Array.from({ length: hosts }, (_, i) => `host-${i + 1}`);
    const release = kind === "restart" ? 41 : 42;
    const isRollback = kind === "rollback";
    const hasIt = (i: number) => kind !== "restart" && (had >> i) % 2 === 1;
    const asked = aRequest({
      ...{ hostNames, kind, back, policy, release },
      from: isRollback ? 43 : 41,
      inLine: isRollback ? false : inLine,
      approvalsRequired: isRollback ? 0 : approvals,
      hosts: hostNames.map((host, i) => {
        const zone = zones[i % zones.length];
        const spread = policy.spread == null || zone === undefined ? {} : { spread: zone };
        if (hasIt(i)) return { host, from: release, unchanged: true, ...spread };
        return { host, from: (empty >> i) % 2 === 1 ? null : 41, unchanged: false, ...spread };
      }),
    });
    const batches = asked.batches.map((batch) => batch.filter((host) => !hasIt(hostNames.indexOf(host))));
    return { ...asked, batches: batches.filter((batch) => batch.length > 0) };
  });

const fault = { reason: "unhealthy", detail: "no", logTail: [] } as const;
const full = { reason: "disk_full", detail: "no space", logTail: [] } as const;

type Bare<E> = E extends { readonly at: number } ? Omit<E, "at"> : never;
export type BareEvent = Bare<LaterEvent>;

function fitnessOf(state: RolloutState, draw: Draw): Fitness {
  const names = [...state.hosts.map((h) => h.host), "old-1"];
  const away = names.filter((_, i) => (draw.away >> i) % 2 === 1);
  return { away, unwell: names.filter((host, i) => (draw.unwell >> i) % 2 === 1 && !away.includes(host)) };
}

function any(state: RolloutState, draw: Draw, ...statuses: readonly HostStatus[]): string {
  const fitting = state.hosts.filter((h) => statuses.includes(h.status));
  return fitting[draw.host % Math.max(1, fitting.length)]?.host ?? "host-1";
}

function expected(state: RolloutState, draw: Draw): BareEvent {
  const by = people[draw.pick % 3] ?? ana;
  if (isPaused(state) && draw.pick % 5 < 2) return unpausing(state, draw);
  if (draw.pick % 15 === 0) return { type: "paused", reason: "paused", by, why: null };
  switch (state.phase) {
    case "in_line":
      return draw.pick % 3 === 0 ? approvalOf(draw) : turnOf(state, draw);
    case "awaiting_approval":
      return draw.pick % 12 === 0 ? { type: "rejected", by, why: "no" } : approvalOf(draw);
    case "queued":
    case "rolling":
      return forward(state, draw);
    case "soaking":
      return soaking(state, draw);
    case "restoring":
      return back(state, draw);
    case "succeeded":
    case "incomplete":
    case "restored":
    case "stuck":
    case "rejected":
    case "expired":
    case "cancelled":
      return draw.pick % 8 === 0 ? wild(state, draw) : afterwards(draw);
  }
}

/** Some carry where it goes back to by then. */
function approvalOf(draw: Draw): BareEvent {
  const by = people[draw.pick % 3] ?? ana;
  return draw.host % 3 === 0 ? { type: "approved", by, back: 39 } : { type: "approved", by };
}

function unpausing(state: RolloutState, draw: Draw): BareEvent {
  const by = people[draw.pick % 3] ?? ana;
  if (state.pauses.some((p) => p.reason === "server_behind")) return { type: "resumed", reason: "server_behind", by: null };
  if (state.pauses.some((p) => p.reason !== "paused_on_failure")) return { type: "resumed", reason: null, by };
  if (draw.pick % 7 === 0) return { type: "cancelled", by, why: null, blame: draw.host % 2 === 0 };
  if (state.hosts.every((h) => h.status !== "failed")) return { type: "resumed", reason: null, by };
  if (draw.pick % 7 === 1) return { type: "host_left", host: any(state, draw, "failed"), answers: false };
  return draw.pick % 2 === 0 ? { type: "retried", by } : going(state, draw);
}

/** Half of the people name a host, as the form does. */
function going(state: RolloutState, draw: Draw): BareEvent {
  const by = people[draw.pick % 3] ?? ana;
  const named = draw.host % 2 === 0 ? {} : { hosts: [any(state, draw, "failed")] };
  return { type: "continued", by, why: "x", ...named };
}

function turnOf(state: RolloutState, draw: Draw): BareEvent {
  const { from, back, policy, approvalsRequired, batches } = state;
  const hosts = state.hosts.map((h) => ({
    host: h.host,
    from: h.from,
    unchanged: h.status === "unchanged",
    ...(h.spread && { spread: h.spread }),
  }));
  const planHash = draw.host % 3 === 0 ? "another" : state.planHash;
  const aged = draw.host % 2 === 0 ? { expireMs: 1_000 } : {};
  return { type: "turn_came", from, back, policy, approvalsRequired, batches, planHash, hosts, ...aged };
}

function forward(state: RolloutState, draw: Draw): BareEvent {
  const bare = state.hosts.find((h) => h.status === "waiting" && h.image !== "present");
  const swapping = state.hosts.some((h) => h.status === "swapping");
  if (bare !== undefined && (!swapping || draw.pick % 2 === 0) && state.kind !== "rollback") {
    if (draw.pick % 40 === 1) return { type: "image_failed", host: bare.host, reason: "registry_auth", detail: "401" };
    return { type: "image_present", host: bare.host };
  }
  if (!swapping) return draw.pick % 4 === 0 ? { type: "stalled" } : { type: "hosts_changed" };
  const host = any(state, draw, "swapping");
  if (draw.pick % 10 === 1 || (isPaused(state) && draw.pick % 2 === 0))
    return { type: "host_failed", host, ...(draw.host % 2 === 0 ? fault : full) };
  if (draw.pick % 10 === 2) return { type: "host_overdue", host, connected: draw.host % 2 === 0 };
  if (draw.pick % 10 === 3) return { type: "host_swapped", host: any(state, draw, "failed"), tookMs: 1 };
  return { type: "host_swapped", host, tookMs: 1 };
}

function soaking(state: RolloutState, draw: Draw): BareEvent {
  const by = people[draw.pick % 3] ?? ana;
  if (draw.pick % 16 === 0) return { type: "host_unwell", host: any(state, draw, "healthy", "unchanged"), ...fault };
  if (draw.pick % 3 === 1) return { type: "soak_skipped", by, why: null };
  if (draw.pick % 8 === 2) return { type: "retried", by };
  return { type: "soaked" };
}

function back(state: RolloutState, draw: Draw): BareEvent {
  const host = any(state, draw, "restoring");
  if (draw.pick % 9 === 0) return { type: "host_restore_failed", host, ...fault };
  if (draw.pick % 9 === 1) return { type: "host_unwell", host: any(state, draw, "returning"), ...fault };
  return { type: "host_restored", host };
}

function afterwards(draw: Draw): BareEvent {
  const finding = { host: "host-1", found: "unwell", rule: watchRule, samples: [], at: noon } as const;
  return draw.pick % 5 === 0 ? { type: "watch_raised", finding } : { type: "watch_ended", quiet: draw.host % 4 > 0 };
}

function wild(state: RolloutState, draw: Draw): BareEvent {
  const host = `host-${(draw.host % 7) + 1}`;
  const by = people[draw.host % 3] ?? ana;
  const odd = draw.host % 2 === 0;
  const all: readonly BareEvent[] = [
    { type: "approved", by },
    { type: "rejected", by, why: "x" },
    { type: "cancelled", by, why: null, blame: odd, ...(draw.host % 3 === 0 ? { to: 40 } : {}) },
    { type: "paused", reason: odd ? "paused" : "line_held", by, why: null },
    { type: "paused", reason: "server_behind", by: null, why: null },
    { type: "resumed", reason: null, by },
    { type: "resumed", reason: "server_behind", by: null },
    { type: "retried", by },
    { type: "continued", by, why: "x" },
    { type: "soak_skipped", by, why: null },
    turnOf(state, draw),
    { type: "thrown_out", reason: "bad_release", detail: "x" },
    { type: "plan_changed", detail: "x" },
    { type: "expired" },
    { type: "image_present", host },
    { type: "image_failed", host, reason: "pull_failed", detail: "x" },
    { type: "hosts_changed" },
    { type: "host_left", host, answers: false },
    { type: "host_swapped", host, tookMs: 1 },
    { type: "host_failed", host, ...fault },
    { type: "host_unwell", host, ...full },
    { type: "host_overdue", host, connected: odd },
    { type: "host_restored", host },
    { type: "host_restore_failed", host, ...fault },
    { type: "soaked" },
    { type: "stalled" },
    afterwards(draw),
  ];
  return all[draw.pick % all.length] ?? { type: "expired" };
}

export type Move = {
  readonly before: RolloutState;
  readonly event: BareEvent;
  readonly rollout: Told;
  readonly result: string;
  /** Time in which nothing was paused, since the request. */
  readonly ranMs: number;
};

type FitnessAt = (state: RolloutState, draw: Draw) => Fitness;

/** Now and then something that the service stands on is missing on some hosts. */
export const withoutServices: FitnessAt = (state, draw) => {
  const fitness = fitnessOf(state, draw);
  if (draw.wild > 2 || state.kind === "rollback") return fitness;
  const without = state.hosts.filter((_, i) => (draw.pick >> i) % 2 === 1);
  return { ...fitness, lacking: without.map(({ host }) => ({ host, service: "metrics", environment: "prod", how: "absent" })) };
};

/** Plays the draws, and shows each move. */
export function play(
  asked: Requested,
  list: readonly Draw[],
  look: (move: Move) => void = () => {},
  fitnessAt: FitnessAt = fitnessOf,
): Told {
  const rollout = new Told(asked);
  let ranMs = 0;
  let afterEnd = 0;
  for (const draw of list) {
    const before = rollout.state;
    const event = draw.wild === 0 ? wild(before, draw) : expected(before, draw);
    const due = dueIn(rollout, event) ?? draw.afterMs;
    if (!isPaused(before)) ranMs += due;
    rollout.wait(due);
    rollout.fitness = fitnessAt(before, draw);
    const result = rollout.hear(event);
    look({ before, event, rollout, result, ranMs });
    if (hasEnded(before) && ++afterEnd > 6) break;
  }
  return rollout;
}

/** Clocks that are told to have run out have done so, most of the time. */
function dueIn({ state, now }: Told, event: BareEvent): number | null {
  if (event.type === "soaked" && state.soakEndsAt !== null) return Math.max(0, state.soakEndsAt - now);
  if (event.type === "stalled" && state.progressBy !== null) return Math.max(0, state.progressBy - now);
  if (event.type === "watch_ended" && hasEnded(state)) return 100_000;
  return null;
}

/** A person's answer; or the host leaves that failed by its own fault, or was only late: that leaves with it. Or that one serves after all. */
export function mayEndPause(before: RolloutState, event: BareEvent): boolean {
  if (event.type === "host_swapped") {
    const late = before.hosts.find((h) => h.host === event.host);
    return late?.status === "failed" && ["host_lost", "deadline_passed", "no_progress"].includes(late.reason ?? "");
  }
  if (event.type !== "host_left") return ["cancelled", "resumed", "retried", "continued"].includes(event.type);
  const leaver = before.hosts.find((h) => h.host === event.host);
  return leaver?.status === "failed" && leaver.reason !== "unhealthy";
}
