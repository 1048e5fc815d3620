// The host that failed is taken out: what becomes of the rollout, who may let it go on, and what its answer says.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { makeToken } from "../../src/app/enrolment.ts";
import type { Actor } from "../../src/app/ports.ts";
import type { ReasonCode } from "../../src/core/reasons.ts";
import { pauseLines } from "../../src/messages/rollout-pauses.ts";
import { aCommit, ana, eva, type TestApp } from "../kit/app.ts";
import { desires, fails, passes, runs, statuses } from "./hosts-kit.ts";
import { aFleet, approves, edits, editsPolicy, inWords, place, reboots, resumes } from "./line-kit.ts";

const cap: Actor = { kind: "slack", id: "U0CAP", name: "cap" };
const hosts = ["a", "b", "c", "d"];
const approvals = { required: 1, from: ["captains"], notRequester: true, expireMs: 60 * 60_000 };

async function cordons(fleet: TestApp, host: string, by: Actor = ana): Promise<string> {
  const answer = await fleet.app.gantry.cordon({ host, why: "let me look at it", actor: by });
  return answer.kind === "done" ? answer.text : inWords(answer.refusal);
}

function verdict(fleet: TestApp): string | undefined {
  return fleet.store.verdicts.newest({ ...place, release: 2 })?.verdict;
}

/** ana asked for #2, cap approved it, and the canary failed. */
async function failedCanary(reason: ReasonCode = "crash_loop"): Promise<TestApp> {
  const fleet = aFleet(hosts);
  await fleet.ships(aCommit(1));
  editsPolicy(fleet, { onFailure: "pause", canary: { hosts: 1 }, batch: { hosts: 3 }, maxUnavailable: { hosts: 3 } });
  edits(fleet, { approvals });
  await fleet.asks(aCommit(2));
  await approves(fleet, 2, cap);
  for (const host of hosts) fleet.hasImage(host);
  await passes(fleet, 1000);
  fails(fleet, "a", reason);
  return fleet;
}

function standsStill(fleet: TestApp): void {
  assert.deepEqual(
    fleet.state(2).pauses.map((p) => p.reason),
    ["paused_on_failure"],
  );
  assert.equal(statuses(fleet, 2), "b: waiting, c: waiting, d: waiting");
  assert.equal(desires(fleet, "b", "c", "d"), "b: 1, c: 1, d: 1");
  assert.equal(verdict(fleet), "bad");
  const facts = fleet.app.gantry.rollout(2);
  const said = facts === null ? [] : pauseLines(facts).map(({ text }) => text);
  assert.match(said[0] ?? "", /^Paused because hosts failed at [^:]+:\d\d[^:]*: a: GET \/healthz: 503\.$/);
}

describe("the host on which the release failed is taken out", () => {
  test("by a cordon: nothing follows by itself, and to go on is not for who asked", async () => {
    const fleet = await failedCanary();
    assert.equal(
      await cordons(fleet, "a"),
      "a is cordoned: nothing new comes there, and what serves goes on. It leaves #2, which stays paused, since what failed " +
        "there was the release's own fault: `/gantry resume 2` goes on with the others, `/gantry abort 2` stops it.",
    );
    await passes(fleet, 60_000);
    standsStill(fleet);
    await reboots(fleet);
    standsStill(fleet);
    assert.match(await resumes(fleet, 2, ana), /^own_request: You asked for #2; someone else of oncall or captains must resume/);
    assert.equal(await resumes(fleet, 2, cap), "rolling");
    await runs(fleet, 2);
    assert.equal(fleet.state(2).phase, "succeeded");
    assert.equal(verdict(fleet), "bad");
  });

  test("by revoking it, or by enrolling it under other labels", async () => {
    const revoked = await failedCanary();
    const answer = revoked.app.revoke("a", eva);
    assert.match(answer?.join(" ") ?? "", /^It leaves #2, which stays paused/);
    standsStill(revoked);
    const relabelled = await failedCanary();
    const token = makeToken(relabelled.store, { name: "a", labels: { env: "staging" }, at: relabelled.clock.now() });
    relabelled.desk.enrol({ token, name: "a", publicKey: "a2", labels: {} });
    standsStill(relabelled);
  });

  test("while somebody has paused it: the policy still sends back what was touched", async () => {
    const fleet = aFleet(hosts);
    await fleet.ships(aCommit(1));
    editsPolicy(fleet, { onFailure: "restore", canary: { hosts: 2 }, batch: { hosts: 2 }, maxUnavailable: { hosts: 3 } });
    await fleet.asks(aCommit(2));
    for (const host of hosts) fleet.hasImage(host);
    fleet.reports("b");
    await fleet.app.gantry.pause({ rollout: 2, planHash: null, why: "look first", actor: eva });
    fails(fleet, "a", "crash_loop");
    assert.match(await cordons(fleet, "a"), /It leaves #2, which is still paused; .* `\/gantry resume 2` sends it back\.$/);
    assert.equal(await resumes(fleet, 2, eva), "restoring");
    assert.equal(desires(fleet, "b", "c", "d"), "b: 1, c: 1, d: 1");
    assert.equal(verdict(fleet), "bad");
  });

  test("for a fault of its own: the others go on, as before", async () => {
    const fleet = await failedCanary("disk_full");
    assert.match(await cordons(fleet, "a"), /goes on\. It leaves #2\.$/);
    assert.equal(desires(fleet, "b", "c", "d"), "b: 2, c: 2, d: 2");
    assert.equal(verdict(fleet), undefined);
  });
});

test("a host that leaves before the approval: the plan is another one, and the answer says so", async () => {
  const fleet = aFleet(["a", "b"]);
  await fleet.ships(aCommit(1));
  edits(fleet, { approvals });
  await fleet.asks(aCommit(2));
  assert.equal(fleet.state(2).phase, "awaiting_approval");
  assert.match(
    await cordons(fleet, "b"),
    /It leaves #2, whose plan is another one now: `\/gantry cancel 2`, and ask for it anew\.$/,
  );
});
