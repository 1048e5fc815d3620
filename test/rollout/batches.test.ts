import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { amountOf, batchesOf, defaultPolicy, type RolloutPolicy } from "../../src/core/plan.ts";

const names = (n: number) => Array.from({ length: n }, (_, i) => `h${String(i + 1).padStart(2, "0")}`);

function sizes(n: number, policy: Partial<RolloutPolicy>, kind: "deploy" | "rollback" = "deploy"): number[] {
  return batchesOf({ hosts: names(n), policy: { ...defaultPolicy, ...policy }, kind }).map((batch) => batch.length);
}

test("percentages round down, but never to nothing", () => {
  assert.equal(amountOf({ percent: 25 }, 3), 1);
  assert.equal(amountOf({ percent: 33 }, 2), 1);
  assert.equal(amountOf({ percent: 50 }, 5), 2);
  assert.equal(amountOf({ percent: 100 }, 5), 5);
  assert.equal(amountOf({ percent: 0 }, 5), 0);
  assert.equal(amountOf({ hosts: 9 }, 5), 5);
});

for (const [what, got, wanted] of [
  ["a canary, then a quarter at a time", sizes(8, {}), [1, 2, 2, 2, 1]],
  ["no canary when it is 0", sizes(8, { canary: { hosts: 0 } }), [2, 2, 2, 2]],
  ["a canary as a share", sizes(8, { canary: { percent: 50 }, batch: { percent: 100 } }), [4, 4]],
  ["two hosts and a third of them", sizes(2, { batch: { percent: 33 } }), [1, 1]],
  ["one host", sizes(1, {}), [1]],
  ["no host", sizes(0, {}), []],
  [
    "a list is its own canary",
    sizes(40, { batch: [{ hosts: 1 }, { percent: 10 }, { percent: 25 }, { percent: 100 }] }),
    [1, 3, 6, 30],
  ],
  ["shares that come to the same are one batch", sizes(3, { batch: [{ hosts: 1 }, { percent: 10 }, { percent: 100 }] }), [1, 2]],
  ["a list that asks for more than there is", sizes(2, { batch: [{ hosts: 5 }, { percent: 100 }] }), [2]],
  ["a budget smaller than the batch cuts it", sizes(8, { maxUnavailable: { hosts: 1 } }), [1, 1, 1, 1, 1, 1, 1, 1]],
  ["and the canary", sizes(6, { canary: { hosts: 4 }, maxUnavailable: { hosts: 3 }, batch: { hosts: 3 } }), [3, 1, 2]],
  ["and steps of a list", sizes(10, { batch: [{ hosts: 1 }, { percent: 100 }], maxUnavailable: { percent: 40 } }), [1, 4, 4, 1]],
  ["a budget that rounds to nothing is one host", sizes(3, { batch: { hosts: 3 }, maxUnavailable: { percent: 10 } }), [1, 1, 1]],
  [
    "a rollback has its own size and no canary",
    sizes(5, { rollbackBatch: { percent: 50 }, batch: { hosts: 1 } }, "rollback"),
    [2, 2, 1],
  ],
] as const) {
  test(`batches: ${what}`, () => assert.deepEqual(got, wanted));
}

const zones = { a: ["h01", "h02", "h05"], b: ["h03", "h04"] };
const labels = Object.fromEntries(Object.entries(zones).flatMap(([zone, hosts]) => hosts.map((host) => [host, { zone }])));
const spread = (order: "apart" | "in_turn", policy: Partial<RolloutPolicy> = {}) =>
  batchesOf({
    hosts: names(6),
    policy: { ...defaultPolicy, canary: { hosts: 1 }, batch: { hosts: 3 }, spread: { label: "zone", order }, ...policy },
    kind: "deploy",
    labels,
  });

test("spread apart: never two hosts of one zone in a batch; a host without the label is a zone of its own", () => {
  assert.deepEqual(spread("apart"), [["h01"], ["h02", "h03", "h06"], ["h05", "h04"]]);
});

test("spread in turn: one zone after the other; those without the label first, each for itself", () => {
  assert.deepEqual(spread("in_turn"), [["h06"], ["h01", "h02", "h05"], ["h03", "h04"]]);
});

const amount = fc.oneof(
  fc.record({ hosts: fc.integer({ min: 1, max: 12 }) }),
  fc.record({ percent: fc.integer({ min: 1, max: 100 }) }),
);

test("whatever the policy: every host is in one batch, none is too large, spreads hold, equal inputs give equal batches", () => {
  const facts = fc.record({
    n: fc.integer({ min: 1, max: 30 }),
    zoneCount: fc.integer({ min: 1, max: 5 }),
    canary: amount,
    batch: fc.oneof(amount, fc.array(amount, { minLength: 1, maxLength: 4 })),
    maxUnavailable: fc.option(amount, { nil: null }),
    order: fc.constantFrom("apart" as const, "in_turn" as const, null),
    kind: fc.constantFrom("deploy" as const, "rollback" as const),
  });
  fc.assert(
    fc.property(facts, ({ n, zoneCount, order, kind, ...rest }) => {
      const hosts = names(n);
      const zoneOf = (host: string) => `z${Number(host.slice(1)) % zoneCount}`;
      const policy = { ...defaultPolicy, ...rest, spread: order === null ? null : { label: "zone", order } };
      const given = { hosts, policy, kind, labels: Object.fromEntries(hosts.map((h) => [h, { zone: zoneOf(h) }])) };
      const batches = batchesOf(given);
      assert.deepEqual([...batches.flat()].sort(), hosts);
      assert.ok(batches.every((batch) => batch.length > 0));
      assert.deepEqual(batchesOf(given), batches);
      if (kind === "rollback") return;
      const most = policy.maxUnavailable === null ? n : Math.max(1, amountOf(policy.maxUnavailable, n));
      for (const batch of batches) {
        assert.ok(batch.length <= most, `${batch.length} in a batch, ${most} may be out`);
        const values = new Set(batch.map(zoneOf));
        if (order === "apart") assert.equal(values.size, batch.length);
        if (order === "in_turn") assert.equal(values.size, 1);
      }
      const turns = batches.map((batch) => zoneOf(batch[0] ?? ""));
      if (order === "in_turn") assert.deepEqual(turns, [...turns].sort());
    }),
    { numRuns: 1000, seed: 20261122 },
  );
});
