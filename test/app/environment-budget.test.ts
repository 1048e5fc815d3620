/** How many hosts may be out of service at once is a number of the environment, not of what a plan happens to touch. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { mostOut } from "../../src/app/budget.ts";
import { defaultPolicy, type RolloutPolicy } from "../../src/core/plan.ts";
import { aCommit, eva, type TestApp } from "../kit/app.ts";
import { fails, goes, passes, runs, statuses } from "./hosts-kit.ts";
import { aFleet, deploys } from "./line-kit.ts";

const eight = ["a", "b", "c", "d", "e", "f", "g", "h"];
const quarter: Partial<RolloutPolicy> = {
  canary: { hosts: 1 },
  batch: { percent: 25 },
  maxFailed: { hosts: 2 },
  onFailure: "pause",
};

async function live(policy: Partial<RolloutPolicy>, hosts = eight): Promise<TestApp> {
  const fleet = aFleet(hosts, { ...quarter, ...policy });
  await fleet.ships(aCommit(1));
  await fleet.clock.advance(1000);
  return fleet;
}

async function drains(fleet: TestApp, host: string): Promise<void> {
  assert.equal((await fleet.app.gantry.drain({ host, why: "new kernel", actor: eva })).kind, "done");
  fleet.reports(host, { gone: true });
}

test("one of eight drained, a quarter at a time: two may be out and one is, so a deploy goes on without waiting", async () => {
  const fleet = await live({});
  await drains(fleet, "h");
  assert.equal(await deploys(fleet, 2), "#2");
  assert.equal(fleet.state(2).budget, 2);
  const waits = new Set<string | null>();
  for (const host of eight) fleet.hasImage(host);
  for (let turn = 0; turn < 400 && fleet.state(2).endedAt === null; turn += 1) {
    waits.add(fleet.state(2).reason);
    for (const h of fleet.state(2).hosts) if (h.status === "swapping") fleet.reports(h.host);
    await passes(fleet, 1000);
  }
  assert.equal(fleet.state(2).phase, "succeeded");
  assert.equal(waits.has("over_budget"), false, [...waits].join());
});

test("two of twelve drained, and a share for maxUnavailable: the same", async () => {
  const twelve = Array.from({ length: 12 }, (_, i) => `m${10 + i}`);
  const fleet = await live({ maxUnavailable: { percent: 25 }, batch: { percent: 25 } }, twelve);
  await drains(fleet, "m20");
  await drains(fleet, "m21");
  await deploys(fleet, 2);
  assert.equal(fleet.state(2).budget, 3);
  await runs(fleet, 2);
  assert.equal(fleet.state(2).phase, "succeeded");
});

test("what an incomplete rollout left can be finished while another host is dead", async () => {
  const fleet = await live({ unreachable: "skip" });
  goes(fleet, "h");
  await passes(fleet, 60_000);
  await deploys(fleet, 2);
  for (const host of fleet.connected) fleet.hasImage(host);
  for (let turn = 0; turn < 400 && fleet.state(2).endedAt === null; turn += 1) {
    for (const { host, status } of fleet.state(2).hosts) {
      if (status !== "swapping") continue;
      if (host === "g") fails(fleet, "g", "disk_full");
      else fleet.reports(host);
    }
    await passes(fleet, 1000);
  }
  assert.equal(fleet.state(2).phase, "incomplete");
  assert.equal(await deploys(fleet, 2), "#3");
  assert.deepEqual([fleet.state(3).batches, fleet.state(3).budget], [[["g"], ["h"]], 2]);
  fleet.hasImage("g");
  assert.match(statuses(fleet, 3), /g: swapping/);
  await runs(fleet, 3);
  assert.match(statuses(fleet, 3), /g: healthy, h: skipped$/);
  assert.equal(fleet.state(3).phase, "incomplete");
});

test("the number: of all hosts, in batches as the spread makes them, and never none", () => {
  const zones = ["x", "x", "x", "x", "x", "x", "y", "y"];
  const hosts = eight.map((name, i) => ({ name, labels: { zone: zones[i] ?? "" } }));
  const most = (policy: Partial<RolloutPolicy>, of = hosts) => mostOut({ ...defaultPolicy, ...policy }, of);
  assert.equal(most({}), 2);
  assert.equal(most({ batch: { hosts: 3 } }), 3);
  assert.equal(most({ maxUnavailable: { percent: 50 } }), 4);
  assert.equal(most({ maxUnavailable: { hosts: 20 } }), 8);
  assert.equal(most({ batch: { hosts: 3 }, spread: { label: "zone", order: "in_turn" } }), 3);
  assert.equal(most({ batch: { hosts: 4 }, spread: { label: "zone", order: "apart" } }), 2);
  assert.equal(most({ maxUnavailable: { percent: 10 } }, []), 1);
});
