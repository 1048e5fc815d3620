// The line: who waits for a busy or locked environment, when their turn comes, and when it does not.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { People } from "../../src/app/people.ts";
import { refuse } from "../../src/core/reasons.ts";
import { ana, eva, type TestApp } from "../kit/app.ts";
import { settled } from "./kit.ts";
import {
  aFleet,
  approves,
  bo,
  cancels,
  deploys,
  edits,
  editsPolicy,
  goesWell,
  happens,
  line,
  locks,
  notices,
  people,
  phases,
  place,
  reboots,
  restarts,
  resumes,
  rollsBack,
  unlocks,
  zed,
} from "./line-kit.ts";

/** r1 is live, and r2 (#2) is on its way. */
async function underWay(hosts?: readonly string[]): Promise<TestApp> {
  const fleet = aFleet(hosts, { onFailure: "restore" });
  await fleet.ships("1".repeat(40));
  assert.equal(await deploys(fleet, 2), "#2");
  fleet.hasImage("a");
  assert.equal(fleet.state(2).phase, "rolling");
  return fleet;
}

function breaks(fleet: TestApp, rollout: number, host: string): void {
  const failure = { reason: "unhealthy" as const, detail: "503", logTail: [] };
  happens(fleet, rollout, { type: "host_failed", at: fleet.clock.now(), host, ...failure });
}

describe("waiting", () => {
  test("who is refused hears of the line and how many wait there", async () => {
    const fleet = await underWay();
    assert.match(
      await deploys(fleet, 3, { by: bo }),
      /^busy: api prod is busy with #2 \(deploy of r2 by ana, rolling\).*`\/gantry cancel 2`\. To wait in line: the same with `--wait` \(nobody waits yet\)\.$/,
    );
    assert.equal(await deploys(fleet, 3, { by: bo, wait: true }), "#3");
    assert.match(await deploys(fleet, 4), /\(1 waits already\)\.$/);
    assert.equal(await deploys(fleet, 4, { wait: true }), "#4");
    assert.match(await deploys(fleet, 5), /\(2 wait already\)\.$/);
    assert.deepEqual(line(fleet), ["#3", "#4"]);
    assert.deepEqual(phases(fleet, 2, 3, 4), ["#2 rolling", "#3 in_line", "#4 in_line"]);
  });

  test("nobody waits where nothing is in the way", async () => {
    const fleet = aFleet();
    assert.equal(await deploys(fleet, 1, { wait: true }), "#1");
    assert.deepEqual(phases(fleet, 1), ["#1 queued"]);
  });

  test("each has their turn, with a plan of that moment, and the next is told", async () => {
    const fleet = await underWay();
    await deploys(fleet, 3, { by: bo, wait: true });
    await deploys(fleet, 4, { wait: true });
    const planned = fleet.state(3).planHash;
    assert.equal(fleet.state(3).from, 1);
    assert.deepEqual(notices(fleet), [], "whoever asked first sees on the card that they are next");
    assert.equal(await goesWell(fleet, 2), "succeeded");
    assert.deepEqual(phases(fleet, 3, 4), ["#3 queued", "#4 in_line"]);
    assert.equal(fleet.state(3).from, 2, "what is live has changed");
    assert.notEqual(fleet.state(3).planHash, planned);
    assert.equal(fleet.store.rollouts.find(3)?.plan.from, 2);
    assert.deepEqual(notices(fleet), ["#3 turn", "#4 next"]);
    assert.equal(await goesWell(fleet, 3), "succeeded");
    assert.equal(await goesWell(fleet, 4), "succeeded");
    assert.deepEqual([fleet.desired("a"), fleet.desired("b")], [4, 4]);
  });

  test("whoever leaves the line makes room, and the next is told", async () => {
    const fleet = await underWay();
    await deploys(fleet, 3, { by: bo, wait: true });
    await deploys(fleet, 4, { wait: true });
    assert.match(await cancels(fleet, 3, zed), /^not_allowed/);
    assert.equal(await cancels(fleet, 3, bo), "cancelled");
    assert.deepEqual(line(fleet), ["#4"]);
    assert.deepEqual(notices(fleet), ["#4 next"]);
  });

  test("the same release is not waited for twice by one person, and not behind itself", async () => {
    const fleet = await underWay();
    assert.match(
      await deploys(fleet, 2, { by: bo, wait: true }),
      /^busy: #2 brings r2 to api prod already; there is nothing to wait for\./,
    );
    assert.equal(await deploys(fleet, 3, { wait: true }), "#3");
    assert.match(await deploys(fleet, 3, { wait: true }), /^in_line: You wait in line with #3 for r3 in api prod already\./);
    assert.equal(await deploys(fleet, 3, { by: bo, wait: true }), "#4", "another person may");
  });

  test("twenty wait, more are not taken", async () => {
    const fleet = await underWay();
    const many = Array.from({ length: 30 }, (_, n) => ({ kind: "slack" as const, id: `U0${n}`, name: `p${n}` }));
    people(fleet, { deployers: many.map((p) => p.id) });
    const answers: string[] = [];
    for (const by of many) answers.push(await deploys(fleet, 3, { by, wait: true }));
    assert.equal(answers.filter((a) => a.startsWith("#")).length, 20);
    assert.match(answers[20] ?? "", /^line_full: 20 wait in line for api prod already; more are not taken\./);
    assert.equal(line(fleet).length, 20);
  });

  test("of a hundred who ask in the same moment one begins; with --wait twenty more wait", async () => {
    const fleet = aFleet();
    const crowd = Array.from({ length: 100 }, (_, n) => ({ kind: "slack" as const, id: `U0${n}`, name: `p${n}` }));
    people(fleet, { deployers: crowd.map((p) => p.id) });
    const first = await Promise.all(crowd.map((by, n) => deploys(fleet, (n % 9) + 1, { by })));
    assert.equal(first.filter((a) => a.startsWith("#")).length, 1);
    assert.equal(first.filter((a) => a.startsWith("busy: ")).length, 99);
    const release = fleet.state().release;
    const other = (n: number) => ((n + release) % 9) + 1;
    const second = await Promise.all(crowd.map((by, n) => deploys(fleet, other(n % 8), { by, wait: true })));
    assert.equal(second.filter((a) => a.startsWith("#")).length, 20);
    assert.equal(fleet.store.rollouts.allActive().length, 1);
  });

  test("the same delivery served twice waits once", async () => {
    const fleet = await underWay();
    assert.equal(await deploys(fleet, 3, { wait: true, key: "once" }), "#3");
    assert.equal(await deploys(fleet, 3, { wait: true, key: "once" }), "#3");
    assert.deepEqual(line(fleet), ["#3"]);
  });

  test("a restart does not wait in line, and does not push in", async () => {
    const fleet = await underWay();
    assert.match(await restarts(fleet), /^busy: api prod is busy with #2/);
  });
});

describe("the turn", () => {
  test("approvals given in line count when the plan is still the same", async () => {
    const fleet = aFleet();
    await fleet.ships("1".repeat(40));
    edits(fleet, { approvals: { required: 1, from: ["captains"], notRequester: true, expireMs: 1_800_000 } });
    await locks(fleet, "release day", { by: eva });
    assert.equal(await deploys(fleet, 2, { wait: true }), "#2");
    assert.equal(await approves(fleet, 2, { kind: "slack", id: "U0CAP", name: "cap" }), "in_line");
    await unlocks(fleet, eva);
    assert.deepEqual(phases(fleet, 2), ["#2 queued"]);
  });

  test("and are void when it is not: it asks again", async () => {
    const fleet = await underWay();
    edits(fleet, { approvals: { required: 1, from: ["captains"], notRequester: true, expireMs: 1_800_000 } });
    await deploys(fleet, 3, { wait: true });
    assert.equal(await approves(fleet, 3, { kind: "slack", id: "U0CAP", name: "cap" }), "in_line");
    await goesWell(fleet, 2);
    assert.deepEqual(phases(fleet, 3), ["#3 awaiting_approval"]);
    assert.deepEqual(fleet.state(3).approvals, []);
    assert.equal(await approves(fleet, 3, { kind: "slack", id: "U0CAP2", name: "cap2" }), "queued");
  });

  test("while Slack does not say who holds a role, the turn waits and comes when it does", async () => {
    const fleet = await underWay();
    await deploys(fleet, 3, { by: bo, wait: true });
    const roles = fleet.app.people as { refusal: People["refusal"] };
    const { refusal } = roles;
    roles.refusal = async () => refuse("chat_unreachable", "Slack does not say now who that is.");
    await goesWell(fleet, 2);
    assert.deepEqual(phases(fleet, 3), ["#3 in_line"]);
    roles.refusal = refusal;
    await fleet.clock.advance(60_000);
    await settled();
    assert.deepEqual(phases(fleet, 3), ["#3 queued"]);
  });

  test("goes by the rules of the day: policy and approvals may have been edited meanwhile", async () => {
    const fleet = await underWay();
    await deploys(fleet, 3, { wait: true });
    editsPolicy(fleet, { soakMs: 7_000 });
    edits(fleet, { approvals: { required: 1, from: ["captains"], notRequester: true, expireMs: 1_800_000 } });
    await goesWell(fleet, 2);
    assert.deepEqual(phases(fleet, 3), ["#3 awaiting_approval"]);
    assert.equal(fleet.state(3).policy.soakMs, 7_000);
    assert.equal(fleet.state(3).approvalsRequired, 1);
  });

  test("a release that was judged bad meanwhile is thrown out, and the one behind it has its turn", async () => {
    const fleet = await underWay();
    await deploys(fleet, 3, { wait: true });
    await deploys(fleet, 3, { by: bo, wait: true });
    await deploys(fleet, 4, { wait: true });
    await goesWell(fleet, 2);
    fleet.hasImage("a");
    fleet.hasImage("b");
    breaks(fleet, 3, "a");
    fleet.reports("a");
    await settled();
    assert.deepEqual(phases(fleet, 3), ["#3 restored"]);
    assert.deepEqual(line(fleet), ["#4 held", "#5 held"], "what comes next did not know of that");
    assert.equal(await resumes(fleet, 4, bo), "in_line");
    assert.equal(fleet.state(4).reason, "bad_release");
    assert.match(fleet.state(4).detail ?? "", /^r3 \(3333333\) was judged bad in prod by #3 at .* UTC: a: 503\.$/);
    assert.notEqual(fleet.state(4).endedAt, null);
    assert.deepEqual(phases(fleet, 5), ["#5 queued"]);
  });

  test("one that was asked for as bad goes on; a second verdict throws it out", async () => {
    for (const again of [false, true]) {
      const fleet = aFleet();
      await fleet.ships("1".repeat(40));
      await fleet.ships("2".repeat(40));
      assert.equal(await rollsBack(fleet), "#3");
      await goesWell(fleet, 3);
      await locks(fleet, "hands off", { by: eva });
      assert.equal(await deploys(fleet, 2, { wait: true, allowBad: true, why: "the alarm was false" }), "#4");
      if (again) {
        const verdict = { verdict: "bad" as const, reason: "unhealthy" as const, detail: "again", by: null };
        fleet.store.verdicts.add({ ...place, ...verdict, release: 2, rollout: 3, at: fleet.clock.now() + 60_000 });
      }
      await unlocks(fleet, eva);
      if (again) assert.equal(fleet.state(4).reason, "bad_release");
      else assert.deepEqual(phases(fleet, 4), ["#4 awaiting_approval"], "a second person decides");
    }
  });

  test("what is live already when its turn comes is thrown out", async () => {
    const fleet = await underWay();
    await deploys(fleet, 3, { wait: true });
    await deploys(fleet, 3, { by: bo, wait: true });
    await goesWell(fleet, 2);
    await goesWell(fleet, 3);
    assert.equal(fleet.state(4).reason, "already_live");
  });

  test("a requester who lost the role is thrown out", async () => {
    const fleet = await underWay();
    await deploys(fleet, 3, { by: bo, wait: true });
    people(fleet, { deployers: [ana.id] });
    await goesWell(fleet, 2);
    assert.equal(fleet.state(3).reason, "not_allowed");
    assert.match(fleet.state(3).detail ?? "", /^Only deployers may deploy to api prod/);
  });

  test("without hosts there is no turn", async () => {
    const fleet = aFleet();
    await fleet.ships("1".repeat(40));
    await locks(fleet, "moving house");
    await deploys(fleet, 2, { by: bo, wait: true });
    for (const host of ["a", "b"]) {
      fleet.store.hosts.setIntent(host, { kind: "cordoned", by: eva, at: fleet.clock.now(), why: "disk" });
    }
    await unlocks(fleet);
    assert.equal(fleet.state(2).reason, "cordoned");
    assert.match(fleet.state(2).detail ?? "", /a \(cordoned by eva: disk\), b \(cordoned by eva: disk\)/);
  });

  test("a service file that was edited meanwhile is another release: ask again", async () => {
    const fleet = await underWay();
    await deploys(fleet, 3, { wait: true });
    const service = fleet.app.gantry.config.services[0] as { spec: unknown };
    service.spec = { ...(service.spec as object), health: { probe: { kind: "none" }, intervalMs: 1, deadlineMs: 1 } };
    await goesWell(fleet, 2);
    assert.equal(fleet.state(3).reason, "plan_changed");
    assert.match(fleet.state(3).detail ?? "", /service file of api was edited/);
  });
});

describe("a line is held", () => {
  test("after a rollback, until somebody lets the first go on", async () => {
    const fleet = await underWay();
    await deploys(fleet, 3, { by: bo, wait: true });
    await deploys(fleet, 4, { wait: true });
    assert.equal(await rollsBack(fleet), "#2");
    assert.deepEqual(line(fleet), ["#3 held", "#4 held"]);
    assert.deepEqual(notices(fleet), ["#3 held", "#4 held"]);
    await goesWell(fleet, 2);
    assert.deepEqual(line(fleet), ["#3 held", "#4 held"]);
    assert.equal(await deploys(fleet, 5), "#5", "a fix need not wait behind them");
    await goesWell(fleet, 5);
    assert.deepEqual(line(fleet), ["#3 held", "#4 held"]);
    await resumes(fleet, 3, bo);
    assert.deepEqual(phases(fleet, 3, 4), ["#3 queued", "#4 in_line"]);
    assert.deepEqual(line(fleet), ["#4"], "those behind it are let go with it");
  });

  test("and whoever joins a held line is held with it", async () => {
    const fleet = await underWay();
    await deploys(fleet, 3, { by: bo, wait: true });
    await rollsBack(fleet);
    assert.equal(await deploys(fleet, 4, { wait: true }), "#4");
    assert.deepEqual(line(fleet), ["#3 held", "#4 held"]);
  });

  test("once for each cause: what was let go is not held again by the same end", async () => {
    const fleet = await underWay();
    await deploys(fleet, 3, { by: bo, wait: true });
    await rollsBack(fleet);
    await resumes(fleet, 3, bo);
    assert.deepEqual(line(fleet), ["#3"]);
    await goesWell(fleet, 2);
    assert.deepEqual(phases(fleet, 2, 3), ["#2 restored", "#3 queued"]);
  });

  test("not for those who asked when all was over", async () => {
    const fleet = await underWay();
    await rollsBack(fleet);
    await goesWell(fleet, 2);
    await fleet.clock.advance(1000);
    await locks(fleet, "hands off", { by: eva });
    await deploys(fleet, 3, { wait: true });
    fleet.app.recover();
    await settled();
    assert.deepEqual(line(fleet), ["#3"]);
    await unlocks(fleet, eva);
    assert.deepEqual(phases(fleet, 3), ["#3 queued"]);
  });
});

describe("what the line survives", () => {
  test("a restart of the server: it goes on where it was", async () => {
    const fleet = await underWay();
    await deploys(fleet, 3, { by: bo, wait: true });
    await deploys(fleet, 4, { wait: true });
    await reboots(fleet);
    assert.deepEqual(line(fleet), ["#3", "#4"]);
    await goesWell(fleet, 2);
    assert.deepEqual(phases(fleet, 3, 4), ["#3 queued", "#4 in_line"]);
    assert.deepEqual(
      notices(fleet).filter((n) => n.endsWith("next")),
      ["#4 next"],
      "told once",
    );
  });

  test("a lock whose time passed meanwhile: hosts that could not be heard yet throw nobody out", async () => {
    const fleet = aFleet(["a", "b"], { unreachable: "fail" });
    await fleet.ships("1".repeat(40));
    await locks(fleet, "hands off", { forMs: 10 * 60_000 });
    await deploys(fleet, 2, { wait: true });
    await fleet.clock.advance(9 * 60_000);
    fleet.app.stop();
    await fleet.clock.advance(2 * 60_000);
    fleet.connected.clear();
    await reboots(fleet);
    await settled();
    assert.deepEqual(phases(fleet, 2), ["#2 queued"]);
    for (const host of ["a", "b"]) fleet.connected.add(host);
    assert.equal(await goesWell(fleet, 2), "succeeded");
  });

  test("an end whose turn was lost with the process: the start looks again", async () => {
    const fleet = await underWay();
    await deploys(fleet, 3, { by: bo, wait: true });
    // The process ends between the commit and the look at the line.
    people(fleet, { deployers: [ana.id, bo.id] });
    fleet.connected.delete("b");
    await cancels(fleet, 2);
    fleet.reports("a");
    await reboots(fleet);
    assert.deepEqual(line(fleet), ["#3 held"]);
  });

  test("a rollback that overtakes it: numbers are not the order of what happened", async () => {
    const fleet = aFleet();
    await fleet.ships("1".repeat(40));
    await fleet.ships("2".repeat(40));
    await locks(fleet, "hands off", { by: eva });
    assert.equal(await deploys(fleet, 3, { wait: true }), "#3");
    assert.equal(await rollsBack(fleet), "#4");
    await goesWell(fleet, 4);
    await unlocks(fleet, eva);
    await resumes(fleet, 3);
    assert.deepEqual(phases(fleet, 3), ["#3 queued"]);
    assert.equal(await goesWell(fleet, 3), "succeeded");
    assert.equal(fleet.store.rollouts.live(place.service, place.environment)?.state.release, 3);
    assert.equal(await rollsBack(fleet), "#5");
    assert.deepEqual([fleet.state(5).from, fleet.state(5).release], [3, 1]);
  });
});
