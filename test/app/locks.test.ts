// Locks: who holds an environment, why, until when, and who may take that away.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ana, eva } from "../kit/app.ts";
import { settled } from "./kit.ts";
import {
  acts,
  aFleet,
  bo,
  deploys,
  goesWell,
  line,
  locks,
  phases,
  place,
  reboots,
  restarts,
  rollsBack,
  unlocks,
  zed,
} from "./line-kit.ts";

const hour = 3_600_000;
const day = /\d{4}-\d\d-\d\d \d\d:\d\d/.source;

describe("a lock", () => {
  test("refuses deploys and restarts, and says who, since when, why, until when and what to do", async () => {
    const fleet = aFleet();
    await fleet.ships("1".repeat(40));
    assert.match(
      await locks(fleet, "database migration", { forMs: 2 * hour }),
      new RegExp(`^api prod is locked by ana since ${day} UTC, until ${day} UTC: database migration\\.$`),
    );
    const refusal = new RegExp(
      `^locked: api prod is locked by ana since ${day} UTC, until ${day} UTC: database migration\\. ` +
        "Ask ana, or `/gantry unlock api prod` \\(ana, or oncall\\)\\. To wait in line: the same with `--wait` \\(nobody waits yet\\)\\.$",
    );
    assert.match(await deploys(fleet, 2, { by: bo }), refusal);
    assert.match(await deploys(fleet, 2), refusal, "also to whoever locked it");
    assert.match(await restarts(fleet), /^locked: /);
  });

  test("does not stop a rollback", async () => {
    const fleet = aFleet();
    await fleet.ships("1".repeat(40));
    await fleet.ships("2".repeat(40));
    await locks(fleet, "hands off");
    assert.equal(await rollsBack(fleet), "#3");
    assert.equal(await goesWell(fleet, 3), "succeeded");
  });

  test("stops nothing that has begun, and says so", async () => {
    const fleet = aFleet();
    await deploys(fleet, 1);
    assert.match(await locks(fleet, "hands off"), /#1 is under way and goes on; nothing new begins\.$/);
    assert.equal(await goesWell(fleet, 1), "succeeded");
  });

  test("needs a role and a reason", async () => {
    const fleet = aFleet();
    assert.match(await locks(fleet, "because", { by: zed }), /^not_allowed: Only deployers or oncall may lock api prod/);
    assert.match(await locks(fleet, "  "), /^missing_word: A lock needs a reason.*--for 2h/);
    assert.equal(await locks(fleet, "on call", { by: eva }).then((t) => t.startsWith("api prod is locked by eva")), true);
    assert.deepEqual(acts(fleet), ["locked by eva"]);
  });

  test("is not taken over by another person, but changed by its own", async () => {
    const fleet = aFleet();
    await locks(fleet, "database migration");
    assert.match(
      await locks(fleet, "mine", { by: eva }),
      /^locked: api prod is locked by ana since .*, until it is unlocked: database migration\. Only ana, or oncall can take it away/,
    );
    assert.match(await locks(fleet, "still migrating", { forMs: hour }), /locked by ana .*: still migrating\.$/);
    assert.equal(fleet.store.locks.find(place)?.why, "still migrating");
  });
});

describe("unlocking", () => {
  test("is for its owner and for on-call; nobody else, and that is said plainly", async () => {
    const fleet = aFleet();
    await locks(fleet, "database migration");
    assert.match(
      await unlocks(fleet, bo),
      /^not_allowed: Only oncall may take away the lock of ana; you are not one of them\. api prod is locked by ana .*: database migration\./,
    );
    assert.equal(await unlocks(fleet, eva), "api prod is not locked any more.");
    await locks(fleet, "again");
    assert.equal(await unlocks(fleet, ana), "api prod is not locked any more.");
    assert.equal(await unlocks(fleet, ana), "api prod is not locked.");
    assert.deepEqual(acts(fleet), ["locked by ana", "unlocked by eva", "locked by ana", "unlocked by ana"]);
  });

  test("lets the first in line begin", async () => {
    const fleet = aFleet();
    await fleet.ships("1".repeat(40));
    await locks(fleet, "hands off");
    await deploys(fleet, 2, { by: bo, wait: true });
    await deploys(fleet, 3, { wait: true });
    assert.deepEqual(line(fleet), ["#2", "#3"]);
    assert.equal(await unlocks(fleet), "api prod is not locked any more. #2 is first in line.");
    assert.deepEqual(phases(fleet, 2, 3), ["#2 queued", "#3 in_line"]);
  });
});

describe("a lock with a time", () => {
  test("ends by itself, and the line goes on", async () => {
    const fleet = aFleet();
    await fleet.ships("1".repeat(40));
    await locks(fleet, "lunch", { forMs: hour });
    await deploys(fleet, 2, { by: bo, wait: true });
    await fleet.clock.advance(hour - 1);
    await settled();
    assert.deepEqual(phases(fleet, 2), ["#2 in_line"]);
    await fleet.clock.advance(1);
    await settled();
    assert.deepEqual(phases(fleet, 2), ["#2 queued"]);
    assert.equal(fleet.store.locks.find(place), null);
    assert.deepEqual(acts(fleet), ["locked by ana", "lock_expired by Gantry"]);
  });

  test("still stands after a restart, and ends also when the process was down at its time", async () => {
    const fleet = aFleet();
    await fleet.ships("1".repeat(40));
    await locks(fleet, "lunch", { forMs: hour });
    await deploys(fleet, 2, { by: bo, wait: true });
    await reboots(fleet);
    assert.deepEqual(phases(fleet, 2), ["#2 in_line"], "not before its time");
    fleet.app.stop();
    await fleet.clock.advance(2 * hour);
    assert.deepEqual(phases(fleet, 2), ["#2 in_line"], "nobody was there");
    await reboots(fleet);
    assert.deepEqual(phases(fleet, 2), ["#2 queued"]);
    assert.deepEqual(acts(fleet), ["locked by ana", "lock_expired by Gantry"]);
  });

  test("holds nothing after its time, even when it could not be cleared away yet", async () => {
    const fleet = aFleet();
    const now = fleet.clock.now();
    fleet.store.locks.put(place, { by: ana, at: now - hour, why: "lunch", until: now - 1 });
    assert.equal(await deploys(fleet, 1), "#1");
  });

  test("of two locks in a row only the second one's time counts", async () => {
    const fleet = aFleet();
    await locks(fleet, "lunch", { forMs: hour });
    await locks(fleet, "a long lunch", { forMs: 3 * hour });
    await fleet.clock.advance(2 * hour);
    await settled();
    assert.match(await deploys(fleet, 1), /^locked: .*a long lunch/);
  });
});
