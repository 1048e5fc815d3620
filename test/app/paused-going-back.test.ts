/** A rollback that somebody paused does not end by itself: whoever wants it is told who stopped it, and how it goes on. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Decided, Opened, Refused } from "../../src/app/gantry.ts";
import { aCommit, ana, eva } from "../kit/app.ts";
import { aFleet, edits, inWords, place, resumes, rollsBack } from "./line-kit.ts";

function told(answer: Opened | Decided | Refused): string {
  return answer.kind === "refused" ? inWords(answer.refusal) : answer.kind;
}

test("a paused rollback: abort, rollback and deploy say that it must be resumed", async () => {
  const fleet = aFleet(["a", "b"]);
  await fleet.ships(aCommit(1));
  await fleet.ships(aCommit(2));
  const back = { ...place, to: null, shown: null, why: null, actor: eva };
  assert.equal(told(await fleet.app.gantry.rollback({ ...back, origin: { key: "back-1", channel: null } })), "opened");
  const number = fleet.state().number;
  const act = { rollout: number, planHash: null, why: "wait", actor: ana };
  assert.equal(told(await fleet.app.gantry.pause(act)), "decided");
  const stopped = told(await fleet.app.gantry.cancel({ rollout: number, why: null, actor: eva }));
  assert.match(stopped, /is a rollback that has begun, and is paused, by ana since .*`\/gantry resume 3` lets it go on/);
  const again = told(await fleet.app.gantry.rollback({ ...back, origin: { key: "back-2", channel: null } }));
  assert.match(again, /^busy: .*It is paused, .*`\/gantry resume 3`/);
});

test("where people approve, whoever rolled back resumes it, too: going back is not asked for twice", async () => {
  const fleet = aFleet(["a", "b"]);
  await fleet.ships(aCommit(1));
  await fleet.ships(aCommit(2));
  edits(fleet, { approvals: { required: 1, from: ["captains"], notRequester: true, expireMs: 60 * 60_000 } });
  assert.equal(await rollsBack(fleet), "#3");
  assert.equal(told(await fleet.app.gantry.pause({ rollout: 3, planHash: null, why: "wait", actor: ana })), "decided");
  assert.equal(await resumes(fleet, 3, eva), "rolling");
});
