// Where a rollout that fails goes back to is what is good when it is decided, not what was good when it was asked for.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { aCommit, eva, type TestApp } from "../kit/app.ts";
import { comes, fails, passes } from "./hosts-kit.ts";
import { aFleet, approves, deploys, edits, locks, place, unlocks } from "./line-kit.ts";

const minute = 60_000;
const cap = { kind: "slack" as const, id: "U0CAP", name: "cap" };

/** r1 was live and good, r2 is; the next rollout waits for cap. */
async function twoReleases(): Promise<TestApp> {
  const fleet = aFleet(["a", "b"], { onFailure: "rollback", watch: { forMs: 10 * minute, onUnwell: "raise" } });
  await fleet.ships(aCommit(1));
  await fleet.ships(aCommit(2));
  edits(fleet, { approvals: { required: 1, from: ["captains"], notRequester: true, expireMs: 30 * minute } });
  return fleet;
}

/** The watch of r2 is raised by b, which is well again after. */
async function raisesTheWatch(fleet: TestApp): Promise<void> {
  fleet.reports("b", { health: "failing" });
  await passes(fleet, 25_000);
  assert.equal(fleet.state(2).watch?.finding?.host, "b");
  fleet.reports("b");
}

function judges(fleet: TestApp, verdict: "good" | "bad", release: number): void {
  const reason = verdict === "bad" ? ("unhealthy" as const) : null;
  const facts = { ...place, release, verdict, reason, detail: null, by: null };
  fleet.store.verdicts.add({ ...facts, rollout: release, at: fleet.clock.now() });
}

describe("what is good when it is approved", () => {
  test("not the release whose watch was raised while it waited: hosts that have r3 go to r1", async () => {
    const fleet = await twoReleases();
    await deploys(fleet, 3);
    assert.equal(fleet.state(3).back, 2);
    await raisesTheWatch(fleet);
    assert.equal(await approves(fleet, 3, cap), "queued");
    assert.equal(fleet.state(3).back, 1);
    for (const host of ["a", "b"]) fleet.hasImage(host);
    fails(fleet, "a");
    assert.equal(fleet.state(3).phase, "restoring");
    assert.equal(fleet.desired("a"), 1);
  });

  test("not one that was judged bad meanwhile", async () => {
    const fleet = await twoReleases();
    await deploys(fleet, 3);
    judges(fleet, "bad", 2);
    await approves(fleet, 3, cap);
    assert.equal(fleet.state(3).back, 1);
  });

  test("also one that has become good since", async () => {
    const fleet = await twoReleases();
    judges(fleet, "bad", 2);
    await deploys(fleet, 3);
    assert.equal(fleet.state(3).back, 1);
    judges(fleet, "good", 2);
    await approves(fleet, 3, cap);
    assert.equal(fleet.state(3).back, 2);
  });

  test("a plan that was approved in line is looked at at its turn", async () => {
    const fleet = await twoReleases();
    await locks(fleet, "an hour", { by: eva });
    await deploys(fleet, 3, { wait: true });
    await approves(fleet, 3, cap);
    await raisesTheWatch(fleet);
    comes(fleet, "b");
    await unlocks(fleet, eva);
    assert.deepEqual([fleet.state(3).phase, fleet.state(3).back], ["queued", 1]);
  });
});

test("a host that failed before goes back to what serves there, not to what it never got", async () => {
  const fleet = aFleet(["a", "b"], { batch: { hosts: 1 }, canary: { hosts: 1 }, maxFailed: { hosts: 1 }, onFailure: "restore" });
  await fleet.ships(aCommit(1));
  await fleet.asks(aCommit(2));
  for (const host of ["a", "b"]) fleet.hasImage(host);
  fleet.reports("a");
  await passes(fleet, 10_000);
  fails(fleet, "b");
  await passes(fleet, 30_000);
  assert.deepEqual([fleet.state().phase, fleet.desired("b")], ["incomplete", 2]);
  await fleet.asks(aCommit(2));
  assert.equal(fleet.state().hosts.find((h) => h.host === "b")?.from, 1);
});
