import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { begin, step } from "../../src/core/rollout.ts";
import { hasEnded, type LaterEvent, type Phase, type Requested, type RolloutState } from "../../src/core/rollout-state.ts";
import { ana, aRequest, bo, eva, noon, Told } from "../kit/rollouts.ts";

const people = [ana, bo, eva];

const everyPhase: readonly Phase[] = [
  "awaiting_approval",
  "queued",
  "rolling",
  "soaking",
  "succeeded",
  "restoring",
  "restored",
  "stuck",
  "rejected",
  "expired",
  "cancelled",
];

type Draw = { readonly pick: number; readonly host: number; readonly wild: boolean };

const draws = fc.array(fc.record({ pick: fc.nat(1000), host: fc.nat(9), wild: fc.boolean() }), { minLength: 5, maxLength: 60 });
const request = fc
  .record({
    hosts: fc.integer({ min: 1, max: 6 }),
    canary: fc.integer({ min: 0, max: 2 }),
    batch: fc.integer({ min: 1, max: 6 }),
    approvals: fc.integer({ min: 0, max: 2 }),
    kind: fc.constantFrom("deploy" as const, "promote" as const, "rollback" as const),
  })
  .map((r) =>
    aRequest({
      hostNames: Array.from({ length: r.hosts }, (_, i) => `host-${i + 1}`),
      canary: r.canary,
      batch: r.batch,
      kind: r.kind,
      approvalsRequired: r.kind === "rollback" ? 0 : r.approvals,
    }),
  );

const fault = { reason: "unhealthy", detail: "no", logTail: [] } as const;

/** Events that the phase is waiting for; nine draws in ten come from here, or most runs would end before they began. */
function expected(state: RolloutState, draw: Draw): LaterEvent {
  const at = noon;
  const inStatus = (status: string) => state.hosts.filter((h) => h.status === status);
  const one = (status: string) => inStatus(status)[draw.host % Math.max(1, inStatus(status).length)]?.host ?? "host-1";
  const by = people[draw.pick % 3] ?? ana;
  switch (state.phase) {
    case "awaiting_approval":
      return draw.pick % 8 === 0 ? { type: "rejected", at, by, why: "no" } : { type: "approved", at, by };
    case "queued":
      return { type: "image_present", at, host: missingImage(state, draw) };
    case "rolling":
      if (state.reason === "awaiting_images") return { type: "image_present", at, host: missingImage(state, draw) };
      if (draw.pick % 12 === 0) return { type: "host_failed", at, host: one("swapping"), ...fault };
      return { type: "host_swapped", at, host: one("swapping"), tookMs: 1 };
    case "soaking":
      return draw.pick % 12 === 0 ? { type: "host_unwell", at, host: one("healthy"), ...fault } : { type: "soaked", at };
    case "restoring":
      if (draw.pick % 9 === 0) return { type: "host_restore_failed", at, host: one("restoring"), ...fault };
      return { type: "host_restored", at, host: one("restoring") };
    case "in_line":
    case "succeeded":
    case "incomplete":
    case "restored":
    case "stuck":
    case "rejected":
    case "expired":
    case "cancelled":
      return wild(draw);
  }
}

function missingImage(state: RolloutState, draw: Draw): string {
  const missing = state.hosts.filter((h) => h.image !== "present");
  return missing[draw.host % Math.max(1, missing.length)]?.host ?? "host-1";
}

function wild(draw: Draw): LaterEvent {
  const at = noon;
  const host = `host-${(draw.host % 7) + 1}`;
  const by = people[draw.host % 3] ?? ana;
  const all: LaterEvent[] = [
    { type: "approved", at, by },
    { type: "rejected", at, by, why: "x" },
    { type: "cancelled", at, by, why: null, blame: draw.host % 2 === 0 },
    { type: "plan_changed", at, detail: "x" },
    { type: "expired", at },
    { type: "image_present", at, host },
    { type: "image_failed", at, host, reason: "pull_failed", detail: "x" },
    { type: "stalled", at },
    { type: "host_swapped", at, host, tookMs: 1 },
    { type: "host_failed", at, host, ...fault },
    { type: "host_unwell", at, host, ...fault },
    { type: "host_overdue", at, host, connected: draw.host % 2 === 0 },
    { type: "soaked", at },
    { type: "host_restored", at, host },
    { type: "host_restore_failed", at, host, ...fault },
  ];
  return all[draw.pick % all.length] ?? { type: "expired", at };
}

type Seen = { readonly rollout: Told; readonly request: Requested };

function play(asked: Requested, list: readonly Draw[], check: (seen: Seen, before: RolloutState) => void): Told {
  const rollout = new Told(asked);
  check({ rollout, request: asked }, rollout.state);
  for (const draw of list) {
    const before = rollout.state;
    rollout.tell(draw.wild && draw.pick % 7 === 0 ? wild(draw) : expected(before, draw));
    check({ rollout, request: asked }, before);
  }
  return rollout;
}

function outOfService(state: RolloutState): string[] {
  const out = ["swapping", "failed", "restoring", "stuck"];
  return state.hosts.filter((h) => out.includes(h.status)).map((h) => h.host);
}

test("whatever happens, in whatever order, the promises hold", () => {
  const reached: Partial<Record<Phase, number>> = {};
  fc.assert(
    fc.property(request, draws, (asked, list) => {
      play(asked, list, ({ rollout: r }, before) => {
        const { state } = r;
        reached[state.phase] = (reached[state.phase] ?? 0) + 1;
        if (hasEnded(before)) assert.deepEqual(state, before, "an ended rollout never changes");
        const decided = state.approvals.length >= state.approvalsRequired;
        if (!decided) assert.deepEqual(r.desired(), {}, "nothing is touched before enough people approved");
        assert.equal(new Set(state.approvals.map((a) => a.by.id)).size, state.approvals.length, "approvers are distinct");
        const batch = state.batches[state.batch] ?? [];
        if (state.phase === "rolling" && state.kind !== "rollback") {
          for (const host of outOfService(state)) assert.ok(batch.includes(host), "only the current batch is under way");
        }
        if (state.phase === "restoring") {
          for (const h of state.hosts) if (h.status === "restoring") assert.equal(r.desired()[h.host], h.from);
        }
        if (state.kind === "rollback") {
          for (const release of Object.values(r.desired())) assert.equal(release, state.release, "a rollback is not undone");
        }
        if (state.phase === "succeeded") {
          for (const h of state.hosts) assert.ok(["healthy", "unchanged"].includes(h.status), "success means every host");
        }
        if (state.phase === "restored") {
          for (const h of state.hosts) assert.ok(["waiting", "restored", "unchanged"].includes(h.status));
        }
      });
    }),
    { numRuns: 3000, seed: 20261122 },
  );
  // A property that never sees a phase proves nothing about it.
  for (const phase of everyPhase) {
    assert.ok((reached[phase] ?? 0) >= 50, `${phase} was passed ${reached[phase] ?? 0} times in 3000 runs`);
  }
});

test("a good verdict is given at the very end only, and never beside a bad one", () => {
  fc.assert(
    fc.property(request, draws, (asked, list) => {
      const rollout = play(asked, list, () => {});
      const verdicts = rollout.verdicts().filter((v) => v.startsWith(`r${asked.release} `));
      assert.ok(verdicts.length <= 1, verdicts.join());
      if (verdicts[0]?.endsWith("good") === true) assert.equal(rollout.state.phase, "succeeded");
    }),
    { numRuns: 1500, seed: 7 },
  );
});

test("folding the events gives the same state again, and the same event twice changes nothing more", () => {
  fc.assert(
    fc.property(request, draws, (asked, list) => {
      const rollout = play(asked, list, () => {});
      let state = begin(asked).state;
      for (const event of rollout.events) {
        const next = step(state, event);
        assert.equal(next.kind, "moved");
        if (next.kind === "moved") state = next.state;
      }
      assert.deepEqual(state, rollout.state);
    }),
    { numRuns: 500, seed: 99 },
  );
});

test("every rollout that is left alone by people ends: no phase waits for nothing", () => {
  fc.assert(
    fc.property(request, draws, (asked, list) => {
      const rollout = play(asked, list, () => {});
      const timers = new Set<string>();
      for (const e of rollout.effects) {
        if (e.kind === "set_timer") timers.add(e.name);
        if (e.kind === "clear_timer") timers.delete(e.name);
      }
      if (!hasEnded(rollout.state)) assert.ok(timers.size > 0, `${rollout.state.phase} has no timer that would end it`);
    }),
    { numRuns: 1500, seed: 3 },
  );
});
