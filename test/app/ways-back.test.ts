// What a host is told to keep: the images that the next rollback starts, so that it needs no registry.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestApp } from "../kit/app.ts";
import { aCommit } from "../kit/app.ts";
import { digestOf } from "../kit/stores.ts";
import { aFleet, deploys, goesWell, rollsBack } from "./line-kit.ts";

/** `r2` for each digest that host a is told to keep. */
function kept(fleet: TestApp): string[] {
  const named = new Map([1, 2, 3, 4].map((n) => [digestOf(aCommit(n)), `r${n}`]));
  return (fleet.desk.desired("a")?.slots[0]?.wayBack ?? []).map((digest) => named.get(digest) ?? digest).sort();
}

test("the first release has no way back, and the second goes back to the first", async () => {
  const fleet = aFleet(["a", "b"]);
  await fleet.ships(aCommit(1));
  assert.deepEqual(kept(fleet), []);
  await fleet.ships(aCommit(2));
  assert.deepEqual(kept(fleet), ["r1"]);
});

test("while a deploy goes on, the images of both ways back stay: hosts hear nothing of its end", async () => {
  const fleet = aFleet(["a", "b"]);
  for (const n of [1, 2]) await fleet.ships(aCommit(n));
  await deploys(fleet, 3);
  for (const host of fleet.connected) fleet.hasImage(host);
  await fleet.clock.advance(1000);
  assert.equal(fleet.desired("a"), 3);
  assert.deepEqual(kept(fleet), ["r1", "r2"]);
});

test("after a rollback it is the good one before, not the bad one that was left", async () => {
  const fleet = aFleet(["a", "b"]);
  for (const n of [1, 2, 3]) await fleet.ships(aCommit(n));
  const [answer] = (await rollsBack(fleet)).split(" ");
  assert.equal(await goesWell(fleet, Number(answer?.slice(1))), "succeeded");
  assert.equal(fleet.desired("a"), 2);
  assert.deepEqual(kept(fleet), ["r1"]);
});
