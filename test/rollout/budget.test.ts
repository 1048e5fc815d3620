/** Promise 3: never more out of service than the plan allows, whatever put them out. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { aRequest, bo, rolling, Told } from "../kit/rollouts.ts";

const four = ["prod-1", "prod-2", "prod-3", "prod-4"];

/** All images there, one decision away from the start. */
function ready(change: Parameters<typeof aRequest>[0] = {}): Told {
  const rollout = new Told(aRequest({ canary: 0, batch: 2, hostNames: four, ...change }));
  rollout.images();
  return rollout;
}

test("a host that is out counts; one that is out itself costs nothing and goes first", () => {
  const rollout = ready();
  rollout.fitness = { unwell: ["prod-3"], away: [] };
  rollout.approved();
  assert.deepEqual(rollout.goals(), { "prod-3": 42, "prod-1": 42 }, "the repair and one more: two out in all");
});

test("a host that may serve well for all that is known counts as out, and is not free", () => {
  const rollout = ready();
  rollout.fitness = { unwell: ["prod-3", "old-1"], away: ["old-2"], unsure: ["prod-3"] };
  rollout.approved();
  assert.deepEqual(rollout.goals(), {}, "three are out: it must not be a fourth");
  rollout.fitness = { unwell: ["prod-3"], away: ["old-2"], unsure: ["prod-3"] };
  rollout.hear({ type: "hosts_changed" });
  assert.deepEqual(rollout.goals(), {}, "it does not come forward, and leaves no room for another");
  rollout.fitness = { unwell: ["prod-2"], away: ["old-2"], unsure: ["prod-2"] };
  rollout.hear({ type: "hosts_changed" });
  assert.deepEqual(rollout.goals(), { "prod-2": 42 }, "in its own batch it may go as one of two");
});

test("unsure hosts of one label value do not go at once, nor beside another that is out", () => {
  const zones = ["a", "a", "b", "b"];
  const hosts = four.map((host, i) => ({ host, from: 41, unchanged: false, spread: zones[i] as string }));
  const policy = { spread: { label: "zone", order: "apart" }, maxUnavailable: { hosts: 4 } } as const;
  const rollout = ready({ hosts, batches: [four], policy });
  rollout.fitness = { unwell: ["prod-1", "prod-2", "prod-3"], away: ["prod-4"], unsure: ["prod-1", "prod-2", "prod-3"] };
  rollout.approved();
  assert.deepEqual(rollout.goals(), { "prod-1": 42 });
});

test("the budget is the one of the environment, whatever is left of the batches; events of before had to judge it by the plan", () => {
  const one = { batches: [["prod-1"], ["prod-2"]], batch: 1 };
  const rollout = ready({ ...one, budget: 2 });
  rollout.fitness = { unwell: [], away: ["drained-9"] };
  rollout.approved();
  assert.deepEqual(rollout.goals(), { "prod-1": 42 });
  const old = ready(one);
  old.fitness = { unwell: [], away: ["drained-9"] };
  old.approved();
  assert.deepEqual([old.goals(), old.state.reason], [{}, "over_budget"]);
});

test("hosts outside of the rollout count as well", () => {
  const rollout = ready();
  rollout.fitness = { unwell: [], away: ["drained-9"] };
  rollout.approved();
  assert.deepEqual(rollout.goals(), { "prod-1": 42 }, "part of the batch: there is room for one");
  assert.equal(rollout.state.reason, null);
  rollout.swapped("prod-1");
  assert.deepEqual(rollout.goals(), { "prod-2": 42 }, "the rest of the batch follows when there is room");
  rollout.swapped("prod-2");
  assert.equal(rollout.state.phase, "soaking", "and only then the batch soaks");
});

test("without room it waits, says so, names who is out, and goes on when one is back", () => {
  const rollout = ready();
  rollout.fitness = { unwell: ["old-1"], away: ["old-2"] };
  rollout.approved();
  assert.deepEqual(rollout.desired(), {});
  assert.equal(rollout.state.phase, "queued");
  assert.equal(rollout.state.reason, "over_budget");
  assert.equal(rollout.state.detail, "old-1 and old-2");
  assert.deepEqual(rollout.timers(), ["progress"]);
  assert.equal(rollout.hear({ type: "hosts_changed" }), "ignored", "nothing follows from it");
  rollout.fitness = { unwell: [], away: ["old-2"] };
  assert.equal(rollout.hear({ type: "hosts_changed" }), "moved");
  assert.deepEqual(rollout.desired(), { "prod-1": 42 });
});

test("maxUnavailable counts, and not the batch", () => {
  const rollout = ready({ batch: 2, policy: { maxUnavailable: { hosts: 3 } } });
  rollout.fitness = { unwell: ["old-1"], away: [] };
  rollout.approved();
  assert.deepEqual(rollout.goals(), { "prod-1": 42, "prod-2": 42 });
});

test("a number of hosts is not cut to those of the plan: others count against it as well", () => {
  const rollout = ready({ hostNames: ["prod-1"], policy: { maxUnavailable: { hosts: 2 } } });
  rollout.fitness = { unwell: [], away: ["cordoned-and-dead"] };
  rollout.approved();
  assert.deepEqual(rollout.goals(), { "prod-1": 42 });
  const share = ready({ hostNames: ["prod-1"], policy: { maxUnavailable: { percent: 100 } } });
  share.fitness = { unwell: [], away: ["cordoned-and-dead"] };
  share.approved();
  assert.equal(share.state.reason, "over_budget", "a share is one of the hosts of the plan");
});

test("a repair can always begin: a broken host of a later batch comes forward when there is no room", () => {
  const rollout = ready({ batch: 1 });
  rollout.approved();
  rollout.swapped("prod-1");
  rollout.fitness = { unwell: ["prod-4"], away: [] };
  rollout.soaked();
  assert.deepEqual(rollout.goals(), { "prod-4": 42 }, "prod-2 would be the second that is out");
  rollout.fitness = { unwell: [], away: [] };
  rollout.swapped("prod-4");
  assert.deepEqual(rollout.goals(), { "prod-2": 42 });
  assert.deepEqual(rollout.state.batches, [["prod-1"], ["prod-2", "prod-4"], ["prod-3"]]);
});

test("a broken host that cannot be reached, or has no image, does not come forward", () => {
  const rollout = ready({ batch: 1 });
  rollout.approved();
  rollout.swapped("prod-1");
  rollout.fitness = { unwell: [], away: ["prod-4"] };
  rollout.soaked();
  assert.deepEqual(rollout.goals(), {});
  assert.equal(rollout.state.reason, "over_budget");
  assert.equal(rollout.stalled(), "moved", "the clock of progress ends the wait");
  assert.equal(rollout.state.phase, "restoring");
  assert.equal(rollout.state.reason, "over_budget");
  assert.equal(rollout.state.detail, "out of service for 15 min, so that no other could go: prod-4", "prod-2 only waited for it");
});

test("a first deploy has a budget, too: hosts where nothing runs are not out, and swap batch by batch", () => {
  const hosts = four.map((host) => ({ host, from: null, unchanged: false }));
  const rollout = ready({ from: null, back: null, hosts });
  rollout.fitness = { unwell: four, away: [] };
  rollout.approved();
  assert.deepEqual(rollout.goals(), { "prod-1": 42, "prod-2": 42 });
});

test("of hosts where nothing ran before, one that failed is as it was; one that served and broke is out", () => {
  const hosts = four.map((host) => ({ host, from: null, unchanged: false }));
  const rollout = ready({ from: null, back: null, hosts, batch: 1, policy: { maxFailed: { hosts: 2 }, onFailure: "pause" } });
  rollout.approved();
  rollout.fitness = { unwell: ["prod-1"], away: [] };
  rollout.failed("prod-1", "disk_full");
  rollout.hear({ type: "continued", by: bo, why: "its disk is being replaced" });
  assert.deepEqual(rollout.goals(), { "prod-2": 42 });
  rollout.swapped("prod-2");
  rollout.fitness = { unwell: ["prod-1", "prod-2"], away: [] };
  rollout.unwell("prod-2");
  rollout.soaked();
  assert.deepEqual(rollout.goals(), {}, "prod-2 served, and does not any more");
  assert.equal(rollout.state.reason, "over_budget");
});

test("before anything is touched broken hosts are first and unreachable ones last, unless a spread orders them", () => {
  const rollout = ready();
  rollout.fitness = { unwell: ["prod-4"], away: ["prod-1"] };
  rollout.approved();
  assert.deepEqual(rollout.state.batches, [
    ["prod-4", "prod-2"],
    ["prod-3", "prod-1"],
  ]);
  const apart = ready({
    policy: { spread: { label: "zone", order: "apart" } },
    batches: [
      ["prod-1", "prod-2"],
      ["prod-3", "prod-4"],
    ],
  });
  apart.fitness = { unwell: ["prod-4"], away: [] };
  apart.approved();
  assert.deepEqual(apart.goals(), { "prod-1": 42 });
  assert.deepEqual(apart.state.batches[0], ["prod-1", "prod-2"]);
});

test("spread: a well host waits while another of its value is out, whatever put that one out, also beside free room", () => {
  const zones = ["a", "b", "a", "b"];
  const hosts = four.map((host, i) => ({ host, from: 41, unchanged: false, spread: zones[i] as string }));
  const policy = { spread: { label: "zone", order: "apart" }, maxUnavailable: { hosts: 3 } } as const;
  const batches = [
    ["prod-1", "prod-2"],
    ["prod-3", "prod-4"],
  ];
  const rollout = ready({ hosts, batches, policy });
  rollout.approved();
  rollout.swapped("prod-1", "prod-2");
  rollout.fitness = { unwell: [], away: ["prod-1"] };
  rollout.soaked();
  assert.deepEqual(rollout.goals(), { "prod-4": 42 }, "prod-1 of zone a is lost");
  rollout.swapped("prod-4");
  assert.equal(rollout.state.reason, "over_budget");
  assert.equal(rollout.state.detail, "prod-1");
  rollout.fitness = { unwell: ["prod-3"], away: ["prod-1"] };
  rollout.hear({ type: "hosts_changed" });
  assert.deepEqual(rollout.goals(), { "prod-3": 42 }, "one that is out itself loses nothing by its swap");
});

test("spread: a host without the label is kept apart from nobody, and in-turn keeps its order by its batches", () => {
  const hosts = four.map((host, i) => ({ host, from: 41, unchanged: false, ...(i < 2 ? {} : { spread: "b" }) }));
  const spread = { label: "zone", order: "apart" } as const;
  const apart = ready({ hosts, batches: [four], policy: { spread } });
  apart.approved();
  assert.deepEqual(apart.goals(), { "prod-1": 42, "prod-2": 42, "prod-3": 42 });
  const inTurn = ready({ hosts, batches: [four], policy: { spread: { ...spread, order: "in_turn" } } });
  inTurn.approved();
  assert.deepEqual(Object.keys(inTurn.goals()), four);
});

test("a soak under way is no reason to count a host twice", () => {
  const rollout = rolling({ canary: 0, batch: 1 });
  rollout.fitness = { unwell: ["prod-1"], away: [] };
  rollout.hear({ type: "hosts_changed" });
  assert.deepEqual(rollout.status(), { "prod-1": "swapping", "prod-2": "waiting", "prod-3": "waiting" });
});
