// What was approved in line, and then waited there for long.
import assert from "node:assert/strict";
import { test } from "node:test";
import { turnNotice } from "../../src/messages/turn-notice.ts";
import { eva } from "../kit/app.ts";
import { aFleet, approves, deploys, edits, locks, phases, unlocks } from "./line-kit.ts";

test("an approval given in line counts no more once it is older than a request may wait: its turn asks anew, and says so", async () => {
  const fleet = aFleet();
  await fleet.ships("1".repeat(40));
  edits(fleet, { approvals: { required: 1, from: ["captains"], notRequester: true, expireMs: 1_800_000 } });
  await locks(fleet, "release week", { by: eva });
  const cap = { kind: "slack" as const, id: "U0CAP", name: "cap" };
  assert.equal(await deploys(fleet, 2, { wait: true }), "#2");
  assert.equal(await approves(fleet, 2, cap), "in_line");
  await fleet.clock.advance(7 * 24 * 3_600_000);
  await unlocks(fleet, eva);
  assert.deepEqual(phases(fleet, 2), ["#2 awaiting_approval"]);
  assert.equal(fleet.state(2).detail, "cap approved it 7 days ago, while it waited in line: too long ago to count");
  const told = fleet.app.gantry.rollout(2);
  assert.ok(told !== null);
  assert.equal(
    turnNotice(told, "turn").text,
    `api prod 2222222 (#2): its turn has come, and it waits for approval: ${fleet.state(2).detail}. To decide: captains, not the requester, with \`/gantry approve 2\`.`,
  );
  assert.equal(await approves(fleet, 2, cap), "queued");
});
