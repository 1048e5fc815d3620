// Restart: new containers of what is live, on every host.
import assert from "node:assert/strict";
import { test } from "node:test";
import { eva } from "../kit/app.ts";
import { aFleet, approves, deploys, edits, goesWell, place, restarts, rollsBack, zed } from "./line-kit.ts";

test("every host gets a new container of the live release", async () => {
  const fleet = aFleet();
  await fleet.ships("1".repeat(40));
  const before = ["a", "b"].map((host) => fleet.store.slots.get(host, place)?.generation ?? 0);
  assert.equal(await restarts(fleet), "#2");
  assert.deepEqual(
    fleet.state(2).hosts.map((h) => h.status),
    ["waiting", "waiting"],
  );
  assert.equal(fleet.state(2).kind, "restart");
  assert.equal(await goesWell(fleet, 2), "succeeded");
  for (const [n, host] of ["a", "b"].entries()) {
    const slot = fleet.store.slots.get(host, place);
    assert.equal(slot?.release, 1);
    assert.equal(slot?.fresh, true);
    assert.ok((slot?.generation ?? 0) > (before[n] ?? 0));
  }
});

test("it needs the role and the approvals of a deploy", async () => {
  const fleet = aFleet();
  await fleet.ships("1".repeat(40));
  assert.match(await restarts(fleet, zed), /^not_allowed: Only deployers may restart api prod/);
  edits(fleet, { approvals: { required: 1, from: ["captains"], notRequester: true, expireMs: 1_800_000 } });
  assert.equal(await restarts(fleet), "#2");
  assert.equal(fleet.state(2).phase, "awaiting_approval");
  assert.equal(await approves(fleet, 2, { kind: "slack", id: "U0CAP", name: "cap" }), "queued");
});

test("where nothing is live there is nothing to restart", async () => {
  const fleet = aFleet();
  assert.match(
    await restarts(fleet),
    /^nothing_live: Nothing is live in api prod\. Deploy something first: `\/deploy api prod <commit>`\.$/,
  );
});

test("what was judged bad is not restarted", async () => {
  const fleet = aFleet();
  await fleet.ships("1".repeat(40));
  fleet.store.verdicts.add({
    ...place,
    release: 1,
    verdict: "bad",
    reason: "rolled_back",
    detail: "rolled back by eva",
    rollout: 1,
    at: fleet.clock.now(),
    by: eva,
  });
  assert.match(await restarts(fleet), /^bad_release: r1 \(1111111\) was judged bad in prod/);
});

test("a deploy is refused while it goes on, and a rollback stops it", async () => {
  const fleet = aFleet();
  await fleet.ships("1".repeat(40));
  await fleet.ships("2".repeat(40));
  await restarts(fleet);
  assert.match(await deploys(fleet, 3), /^busy: api prod is busy with #3 \(restart of r2 by ana, queued\)/);
  fleet.hasImage("a");
  assert.equal(fleet.state(3).phase, "rolling");
  assert.equal(await rollsBack(fleet), "#3");
  assert.equal(fleet.desired("a"), 1);
});
