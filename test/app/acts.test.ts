// Pause, resume, retry, continue, skip the soak, abort: who may, what it does, and what survives a restart.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Gantry } from "../../src/app/gantry.ts";
import type { Actor } from "../../src/app/ports.ts";
import { aCommit, ana, eva, type TestApp } from "../kit/app.ts";
import { desires, fails, goes, obey, passes, runs, statuses } from "./hosts-kit.ts";
import { aFleet, approves, bo, cancels, edits, editsPolicy, inWords, place, reboots, zed } from "./line-kit.ts";

type Verb = "pause" | "resume" | "retry" | "proceed" | "skipSoak";
type How = {
  readonly by?: Actor;
  readonly why?: string | null;
  readonly planHash?: string;
  readonly hosts?: readonly string[];
  readonly batch?: number;
};

/** `decided`, or the refusal in words. */
async function does(fleet: TestApp, verb: Verb, how: How = {}): Promise<string> {
  const { by = ana, why = null, planHash = null, ...shown } = how;
  const act: Gantry[Verb] = fleet.app.gantry[verb];
  const answer = await act({ rollout: fleet.state().number, planHash, why, actor: by, ...shown });
  return answer.kind === "decided" ? "decided" : inWords(answer.refusal);
}

/** r1 is live on a, b and c; #2 brings r2, and a swaps. */
async function underWay(policy: Parameters<typeof aFleet>[1] = {}): Promise<TestApp> {
  const fleet = aFleet(["a", "b", "c"]);
  await fleet.ships(aCommit(1));
  editsPolicy(fleet, policy);
  await fleet.asks(aCommit(2));
  for (const host of ["a", "b", "c"]) fleet.hasImage(host);
  assert.equal(desires(fleet, "a"), "a: 2");
  return fleet;
}

const weekendMs = 60 * 60 * 60_000;

describe("a pause", () => {
  test("lets the host in mid-swap finish, begins no other, and the clocks stand still over a weekend", async () => {
    const fleet = await underWay();
    assert.equal(await does(fleet, "pause", { why: "errors in the logs" }), "decided");
    fleet.reports("a");
    await fleet.clock.advance(weekendMs);
    for (const host of ["a", "b", "c"]) fleet.reports(host);
    assert.equal(statuses(fleet), "a: healthy, b: waiting, c: waiting");
    assert.equal(desires(fleet, "b", "c"), "b: 1, c: 1");
    assert.equal(fleet.state().pauses[0]?.why, "errors in the logs");
    assert.equal(await does(fleet, "resume"), "decided");
    await runs(fleet, 2);
    assert.equal(fleet.state().phase, "succeeded");
  });

  test("keeps what was left of the soak", async () => {
    const fleet = await underWay();
    fleet.reports("a");
    assert.equal(fleet.state().phase, "soaking");
    await passes(fleet, 3000);
    await does(fleet, "pause");
    await passes(fleet, 60_000);
    assert.equal(fleet.state().phase, "soaking");
    await does(fleet, "resume");
    await passes(fleet, 1000);
    assert.equal(fleet.state().phase, "soaking", "two of its five seconds are left");
    await passes(fleet, 2000);
    assert.equal(desires(fleet, "b"), "b: 2");
  });

  test("survives a restart of the server", async () => {
    const fleet = await underWay();
    await does(fleet, "pause");
    await reboots(fleet);
    fleet.reports("a");
    await fleet.clock.advance(weekendMs);
    assert.equal(desires(fleet, "b"), "b: 1");
    assert.equal(await does(fleet, "resume"), "decided");
    await runs(fleet, 2);
    assert.equal(fleet.state().phase, "succeeded");
  });

  test("is for the requester and the roles; to lift it is for the roles only", async () => {
    const fleet = await underWay();
    assert.match(
      await does(fleet, "pause", { by: zed }),
      /^not_allowed: Only deployers or oncall may pause a rollout of api prod/,
    );
    assert.equal(await does(fleet, "pause", { by: eva, why: "an incident" }), "decided");
    assert.match(await does(fleet, "pause"), /^paused: #2 is paused already, by eva since 09:\d\d UTC: an incident\./);
    // Who asked for it has lost the role meanwhile.
    edits(fleet, { deployers: ["nobody"] });
    assert.match(await does(fleet, "resume", { by: ana }), /^not_allowed: Only nobody or oncall may resume/);
    assert.equal(await does(fleet, "resume", { by: eva }), "decided");
    assert.equal(await does(fleet, "pause", { by: ana }), "decided", "but may always hold what they asked for");
    assert.equal(await cancels(fleet, 2, ana), "restoring", "and stop it");
  });

  test("that is not there is not lifted, and one of an ended rollout says so", async () => {
    const fleet = await underWay();
    assert.match(await does(fleet, "resume"), /^not_paused: #2 is rolling now, and not paused\./);
    await runs(fleet, 2);
    assert.match(await does(fleet, "pause"), /^already_ended: #2 is succeeded now/);
  });

  test("a button of another plan does nothing", async () => {
    const fleet = await underWay();
    assert.match(await does(fleet, "pause", { planHash: "another" }), /^stale_click/);
    assert.equal(await does(fleet, "pause", { planHash: fleet.state().planHash }), "decided");
  });

  test("ends with an abort: the touched host goes back, at once", async () => {
    const fleet = await underWay();
    fleet.reports("a");
    await does(fleet, "pause");
    assert.equal(await cancels(fleet, 2, bo), "restoring");
    assert.equal(desires(fleet, "a", "b", "c"), "a: 1, b: 1, c: 1");
    await passes(fleet, 1000);
    obey(fleet);
    assert.equal(fleet.state().phase, "restored");
  });
});

describe("when a host failed and the policy is to pause", () => {
  async function broken(): Promise<TestApp> {
    const fleet = await underWay({ onFailure: "pause" });
    fails(fleet, "a");
    assert.equal(fleet.state().pauses[0]?.reason, "paused_on_failure");
    assert.equal(desires(fleet, "b", "c"), "b: 1, c: 1");
    return fleet;
  }

  test("retry swaps the failed host again, and no other", async () => {
    const fleet = await broken();
    const before = fleet.store.slots.get("a", place)?.generation ?? 0;
    assert.match(await does(fleet, "retry", { by: zed }), /^not_allowed/);
    assert.equal(await does(fleet, "retry"), "decided");
    assert.equal(fleet.store.slots.get("a", place)?.generation, before + 1);
    assert.equal(desires(fleet, "b", "c"), "b: 1, c: 1");
    await runs(fleet, 2);
    assert.equal(fleet.state().phase, "succeeded");
  });

  test("continue needs a reason, goes on past it, and the end names it", async () => {
    const fleet = await broken();
    assert.match(await does(fleet, "proceed"), /^missing_word: .*`\/gantry continue 2 <reason>`/);
    assert.equal(await does(fleet, "proceed", { why: "its disk is being replaced" }), "decided");
    await runs(fleet, 2);
    assert.equal(fleet.state().phase, "incomplete");
    assert.match(statuses(fleet), /a: failed, b: healthy, c: healthy/);
    await passes(fleet, 60_000);
    assert.equal(desires(fleet, "a"), "a: 2", "and nothing goes on about it by itself");
  });

  test("of two who decide at once one wins, and the other hears what is happening", async () => {
    const fleet = await broken();
    const both = await Promise.all([does(fleet, "retry", { by: bo }), does(fleet, "proceed", { by: eva, why: "go on" })]);
    assert.equal(both[0], "decided");
    assert.match(both[1] ?? "", /^nothing_failed: #2 is rolling now, and no host of it has failed\./);
  });

  test("retry and continue have nothing to do where nothing failed", async () => {
    const fleet = await underWay();
    assert.match(await does(fleet, "retry"), /^nothing_failed/);
    assert.match(await does(fleet, "proceed", { why: "x" }), /^nothing_failed/);
  });
});

describe("skip-soak", () => {
  test("ends the soak as soon as the hosts have said that they are well", async () => {
    const fleet = await underWay({ soakMs: 600_000, endSoakMs: 600_000 });
    assert.match(await does(fleet, "skipSoak"), /^not_soaking/);
    fleet.reports("a");
    assert.match(await does(fleet, "skipSoak", { by: zed }), /^not_allowed/);
    await fleet.clock.advance(1000);
    assert.equal(await does(fleet, "skipSoak"), "decided");
    await fleet.clock.advance(0);
    assert.equal(desires(fleet, "b"), "b: 1", "nobody has said anything yet");
    fleet.reports("a");
    assert.equal(desires(fleet, "b"), "b: 2");
  });

  test("at the end the release is called good only when the watch ended quietly", async () => {
    const fleet = await underWay({ endSoakMs: 600_000, batch: { percent: 100 }, maxUnavailable: { percent: 100 } });
    await passes(fleet, 1000);
    obey(fleet);
    await does(fleet, "skipSoak");
    await passes(fleet, 3000);
    assert.equal(fleet.state().phase, "succeeded");
    assert.equal(fleet.store.verdicts.newest({ ...place, release: 2 }), null);
    await passes(fleet, 11 * 60_000);
    assert.equal(fleet.store.verdicts.newest({ ...place, release: 2 })?.verdict, "good");
  });

  test("neither is a watch that has nobody left to look at", async () => {
    const fleet = await underWay({ endSoakMs: 600_000, batch: { percent: 100 }, maxUnavailable: { percent: 100 } });
    await passes(fleet, 1000);
    obey(fleet);
    await does(fleet, "skipSoak");
    await passes(fleet, 3000);
    assert.equal(fleet.state().phase, "succeeded");
    for (const host of ["a", "b", "c"]) fleet.app.revoke(host, eva);
    await passes(fleet, 12 * 60_000);
    assert.notEqual(fleet.state().watch?.endedAt, null);
    assert.equal(fleet.store.verdicts.newest({ ...place, release: 2 }), null);
  });

  test("silence at the end of such a watch is no proof", async () => {
    const fleet = await underWay({ endSoakMs: 600_000, batch: { percent: 100 }, maxUnavailable: { percent: 100 } });
    await passes(fleet, 1000);
    obey(fleet);
    await does(fleet, "skipSoak");
    await passes(fleet, 3000);
    goes(fleet, "c");
    await passes(fleet, 12 * 60_000);
    assert.notEqual(fleet.state().watch?.endedAt, null);
    assert.equal(fleet.store.verdicts.newest({ ...place, release: 2 }), null);
  });
});

describe("where people approve", () => {
  const cap: Actor = { kind: "slack", id: "U0CAP", name: "cap" };

  /** ana asked for #2 and cap approved it; a swaps. */
  async function approved(policy: Parameters<typeof aFleet>[1] = {}): Promise<TestApp> {
    const fleet = aFleet(["a", "b", "c"]);
    await fleet.ships(aCommit(1));
    editsPolicy(fleet, { onFailure: "pause", ...policy });
    edits(fleet, { approvals: { required: 1, from: ["captains"], notRequester: true, expireMs: 60 * 60_000 } });
    await fleet.asks(aCommit(2));
    await approves(fleet, 2, cap);
    for (const host of ["a", "b", "c"]) fleet.hasImage(host);
    return fleet;
  }

  test("to go on past a failure is for those who approve, or are on call; a retry is for all", async () => {
    const fleet = await approved();
    fails(fleet, "a");
    assert.match(
      await does(fleet, "proceed", { why: "ship it" }),
      /^own_request: You asked for #2; someone else of oncall or captains must continue it\. Ask someone of oncall or captains\.$/,
    );
    assert.match(await does(fleet, "proceed", { by: bo, why: "ship it" }), /^not_allowed: Only oncall or captains may continue/);
    assert.equal(await does(fleet, "retry"), "decided");
    fails(fleet, "a");
    assert.equal(await does(fleet, "proceed", { by: cap, why: "its disk" }), "decided");
  });

  test("so is a shorter soak", async () => {
    const fleet = await approved({ soakMs: 600_000 });
    fleet.reports("a");
    assert.match(await does(fleet, "skipSoak"), /^own_request/);
    assert.match(await does(fleet, "skipSoak", { by: bo }), /^not_allowed/);
    assert.equal(await does(fleet, "skipSoak", { by: eva }), "decided");
  });

  test("and the pause of another; their own they lift themselves", async () => {
    const fleet = await approved();
    await does(fleet, "pause", { by: ana });
    assert.equal(await does(fleet, "resume", { by: ana }), "decided");
    await does(fleet, "pause", { by: eva, why: "an incident" });
    assert.match(await does(fleet, "resume", { by: ana }), /^own_request: You asked for #2; .* must resume it/);
    assert.match(await does(fleet, "resume", { by: bo }), /^not_allowed/);
    assert.equal(await does(fleet, "resume", { by: cap }), "decided");
  });
});

describe("a slow click does no more than its presser saw", () => {
  test("continue accepts the hosts that were shown; one that has failed since keeps it paused", async () => {
    const fleet = await underWay({ onFailure: "pause", batch: { hosts: 2 }, maxUnavailable: { hosts: 3 } });
    for (const host of ["a", "b", "c"]) fleet.hasImage(host);
    fails(fleet, "a");
    fails(fleet, "b");
    await does(fleet, "proceed", { why: "a is being replaced", hosts: ["a"] });
    assert.deepEqual(fleet.state().accepted.includes("b"), false);
    assert.deepEqual(
      fleet.state().pauses.map((p) => p.reason),
      ["paused_on_failure"],
    );
  });

  test("skip-soak ends the soak that it was made for, and no other", async () => {
    const fleet = await underWay({ soakMs: 600_000 });
    fleet.reports("a");
    assert.match(
      await does(fleet, "skipSoak", { batch: 1 }),
      /^stale_click: That button was made for the soak of batch 2 of #2; batch 1 of 3 is in work now\./,
    );
    assert.equal(await does(fleet, "skipSoak", { batch: 0 }), "decided");
  });
});

describe("every act", () => {
  test("is in the log, with who and why", async () => {
    const fleet = await underWay();
    await does(fleet, "pause", { by: eva, why: "look first" });
    await does(fleet, "resume", { by: bo });
    const said = fleet.store.rollouts.events(2).flatMap((e) => ("by" in e ? [`${e.type} by ${e.by?.name}`] : []));
    assert.deepEqual(said, ["paused by eva", "resumed by bo"]);
  });
});
