/** A host that joins while a rollout runs was never missed by anybody: it takes no room of it, and cannot fail it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { aCommit, eva, type TestApp } from "../kit/app.ts";
import { comes, desires, fails, goes, joins, passes, runs, statuses } from "./hosts-kit.ts";
import { aFleet, inWords } from "./line-kit.ts";

/** r2 is live on a and b, and #3 is about to swap a; one host may be out. */
async function underWay(): Promise<TestApp> {
  const fleet = aFleet(["a", "b"], { onFailure: "pause" });
  await fleet.ships(aCommit(1));
  await fleet.ships(aCommit(2));
  await fleet.clock.advance(1000);
  await fleet.asks(aCommit(3));
  fleet.hasImage("a");
  fleet.hasImage("b");
  return fleet;
}

/** a serves the new release, and its soak is over. */
async function nextBatch(fleet: TestApp): Promise<void> {
  fleet.reports("a");
  await passes(fleet, 8_000);
}

test("one that pulls, or whose first swap failed, leaves the room to the rollout", async () => {
  const fleet = await underWay();
  joins(fleet, "c");
  assert.equal(desires(fleet, "c"), "c: 2", "it gets what is live at once");
  fails(fleet, "c", "disk_full");
  await nextBatch(fleet);
  assert.equal(statuses(fleet, 3), "a: healthy, b: swapping");
  await runs(fleet, 3);
  assert.equal(fleet.state(3).phase, "succeeded");
});

test("one that went away again before it ever served, or that a person took out, leaves it as well", async () => {
  const fleet = await underWay();
  joins(fleet, "c");
  goes(fleet, "c");
  joins(fleet, "d");
  await fleet.app.gantry.cordon({ host: "d", why: "not yet", actor: eva });
  await nextBatch(fleet);
  assert.equal(statuses(fleet, 3), "a: healthy, b: swapping");
});

test("one that has served since is missed when it breaks, also after a restart of the server", async () => {
  const fleet = await underWay();
  joins(fleet, "c");
  fleet.reports("c");
  fleet.reports("c", { health: "failing" });
  fleet.restart();
  for (const host of ["a", "b", "c"]) comes(fleet, host);
  await nextBatch(fleet);
  assert.deepEqual([fleet.state(3).reason, fleet.state(3).detail], ["over_budget", "c"]);
  fleet.reports("c");
  assert.equal(statuses(fleet, 3), "a: healthy, b: swapping");
});

test("nor does it stand in for one that is to be drained, and to drain it costs nothing", async () => {
  const fleet = aFleet(["a"]);
  await fleet.ships(aCommit(1));
  joins(fleet, "c");
  fails(fleet, "c", "disk_full");
  const drained = await fleet.app.gantry.drain({ host: "a", why: "new disk", actor: eva });
  assert.ok(drained.kind === "refused");
  assert.match(inWords(drained.refusal), /^over_budget: a is the only host that serves api prod/);
  goes(fleet, "a");
  assert.equal((await fleet.app.gantry.drain({ host: "c", why: "wrong machine", actor: eva })).kind, "done");
});

test("one of the plan that never served leaves its room to the others as soon as it is taken out", async () => {
  const fleet = aFleet(["a", "b"], { maxUnavailable: { hosts: 1 } });
  await fleet.ships(aCommit(1));
  joins(fleet, "z");
  goes(fleet, "z");
  await fleet.asks(aCommit(2));
  fleet.hasImage("a");
  assert.deepEqual([fleet.state(2).reason, fleet.state(2).detail], ["over_budget", "z"]);
  await fleet.app.gantry.cordon({ host: "z", why: null, actor: eva });
  assert.equal(statuses(fleet, 2), "a: swapping, b: waiting");
});
