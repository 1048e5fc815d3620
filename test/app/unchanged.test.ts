// A host that served the release already is part of the proof: it is heard like the others before anything is called good.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { aCommit, type TestApp } from "../kit/app.ts";
import { comes, fails, goes, passes, repeats, runs, statuses } from "./hosts-kit.ts";
import { aFleet, approves, deploys, edits, place } from "./line-kit.ts";

const minute = 60_000;

/** r2 is live on a, and has failed on b, which serves r1: #2 ended incomplete. */
async function incomplete(): Promise<TestApp> {
  const fleet = aFleet(["a", "b"], {
    maxFailed: { hosts: 1 },
    maxUnavailable: { hosts: 2 },
    watch: { forMs: 0, onUnwell: "raise" },
  });
  await fleet.ships(aCommit(1));
  await deploys(fleet, 2);
  for (let turn = 0; turn < 40 && fleet.state(2).endedAt === null; turn += 1) {
    for (const host of ["a", "b"]) fleet.hasImage(host);
    fleet.reports("a", { restarts: 3 });
    if (fleet.state(2).hosts[1]?.status === "swapping") fails(fleet, "b");
    else repeats(fleet, "b");
    await fleet.clock.advance(1000);
  }
  assert.equal(fleet.state(2).phase, "incomplete");
  return fleet;
}

function verdict(fleet: TestApp): string | null {
  return fleet.store.verdicts.newest({ ...place, release: 2 })?.verdict ?? null;
}

/** b does what it is told, and every host says now and then how it is. */
async function bServes(fleet: TestApp, number: number): Promise<void> {
  fleet.hasImage("b");
  fleet.reports("b");
  for (let turn = 0; turn < 20 && fleet.state(number).endedAt === null; turn += 1) {
    for (const host of fleet.connected) repeats(fleet, host);
    await fleet.clock.advance(1000);
  }
}

describe("the second deploy of a release that is live on a", () => {
  test("leaves a alone and is good when both have said so, however often a was restarted before", async () => {
    const fleet = await incomplete();
    await deploys(fleet, 2);
    assert.equal(statuses(fleet, 3), "a: unchanged, b: waiting");
    await bServes(fleet, 3);
    assert.deepEqual([fleet.state(3).phase, verdict(fleet)], ["succeeded", "good"]);
  });

  test("does not count on a when nobody hears of it: a must be swapped as well", async () => {
    const fleet = await incomplete();
    goes(fleet, "a");
    await passes(fleet, 10 * minute);
    await deploys(fleet, 2);
    assert.equal(statuses(fleet, 3), "a: waiting, b: waiting");
    await bServes(fleet, 3);
    assert.deepEqual([fleet.state(3).endedAt, verdict(fleet)], [null, null]);
  });

  test("is not good when a goes silent in the middle of it", async () => {
    const fleet = await incomplete();
    await deploys(fleet, 2);
    goes(fleet, "a");
    await bServes(fleet, 3);
    assert.deepEqual([fleet.state(3).phase, verdict(fleet)], ["soaking", null]);
    comes(fleet, "a");
    repeats(fleet, "a");
    assert.deepEqual([fleet.state(3).phase, verdict(fleet)], ["succeeded", "good"]);
  });

  test("is not good when the container of a restarts in the middle of it", async () => {
    const fleet = await incomplete();
    await deploys(fleet, 2);
    fleet.reports("a", { restarts: 4 });
    assert.equal(fleet.state(3).hosts[0]?.reason, "crash_loop");
    await runs(fleet, 3);
    assert.notEqual(verdict(fleet), "good");
  });

  test("is asked for anew when a fell silent while it waited for approval", async () => {
    const fleet = await incomplete();
    edits(fleet, { approvals: { required: 1, from: ["captains"], notRequester: true, expireMs: 60 * minute } });
    await deploys(fleet, 2);
    goes(fleet, "a");
    await passes(fleet, minute);
    const cap = { kind: "slack" as const, id: "U0CAP", name: "cap" };
    assert.match(await approves(fleet, 3, cap), /^plan_changed: .*: a has to be swapped too\./);
  });
});
