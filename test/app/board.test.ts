// What a board shows of everything is what it shows of each place, however it was read.
import assert from "node:assert/strict";
import { test } from "node:test";
import { aFleet, deploys, line, locks } from "./line-kit.ts";

test("everything at once says the same as one place: live, under way, in line, locked, gone", async () => {
  const fleet = aFleet(["a", "b"], { onFailure: "restore" });
  await fleet.ships("1".repeat(40));
  await fleet.ships("2".repeat(40));
  assert.equal(await deploys(fleet, 3), "#3");
  await locks(fleet, "a migration runs");
  await deploys(fleet, 4, { wait: true });
  const status = fleet.app.gantry.status;
  const [seen] = status({ service: null, environment: null });
  assert.deepEqual(line(fleet), ["#4"]);
  assert.deepEqual([seen?.live?.number, seen?.active?.number, seen?.line.length, seen?.lock?.why !== undefined], [2, 3, 1, true]);
  assert.deepEqual(status({ service: null, environment: null }), status({ service: "api", environment: "prod" }));
  assert.deepEqual(status({ service: "api", environment: null }), status({ service: "api", environment: "prod" }));
});
