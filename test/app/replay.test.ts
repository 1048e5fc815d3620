// A log that does not explain its snapshot stops the start: it names the rollout and the event, and skips nothing.
import assert from "node:assert/strict";
import { test } from "node:test";
import { ReplayError } from "../../src/app/replay.ts";
import { aCommit, type TestApp } from "../kit/app.ts";
import { runs } from "./hosts-kit.ts";
import type { OpenStore } from "./kit.ts";
import { aFleet } from "./line-kit.ts";

async function underWay(): Promise<TestApp> {
  const fleet = aFleet(["a", "b"]);
  await fleet.ships(aCommit(1));
  await fleet.asks(aCommit(2));
  fleet.hasImage("a");
  return fleet;
}

/** Writes into the file what no code of ours would: the guards of the table are taken off. */
function damage(fleet: TestApp, sql: string): void {
  const { db } = fleet.store as OpenStore;
  const guards = db.prepare<[], string>("select name from sqlite_master where type = 'trigger'").pluck().all();
  for (const name of guards) db.exec(`drop trigger "${name}"`);
  db.exec(sql);
}

test("a rollout under way is the sum of its events, at every start", async () => {
  const fleet = await underWay();
  fleet.restart();
  fleet.app.recover();
  await runs(fleet, 2);
  assert.equal(fleet.state(2).phase, "succeeded");
});

test("an event that cannot be replayed is named, and the server does not start", async () => {
  const fleet = await underWay();
  damage(fleet, "update rollout_event set body = json_replace(body, '$.type', 'teleported') where rollout = 2 and seq = 2");
  assert.throws(
    () => fleet.restart(),
    (error) => {
      assert.ok(error instanceof ReplayError);
      assert.deepEqual([error.rollout, error.seq, error.type], [2, 2, "teleported"]);
      assert.match(error.message, /^rollout #2: event 2 \(teleported\) cannot be replayed: .* nothing was sent to any host\.$/);
      return true;
    },
  );
});

test("so is a snapshot that its events do not come to", async () => {
  const fleet = await underWay();
  damage(fleet, "update rollout set state = json_replace(state, '$.batch', 7) where number = 2");
  assert.throws(() => fleet.restart(), /rollout #2: its snapshot is not what its events come to: `batch` differs/);
});

test("what has ended long ago is not looked at", async () => {
  const fleet = aFleet(["a"], { watch: { forMs: 0, onUnwell: "raise" } });
  await fleet.ships(aCommit(1));
  damage(fleet, "update rollout set state = json_replace(state, '$.batch', 7) where number = 1");
  fleet.restart();
  assert.equal(fleet.state(1).phase, "succeeded");
});
