/** Hosts that nobody hears of, hosts that leave, and time without progress. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { RolloutPolicy } from "../../src/core/plan.ts";
import { aRequest, noon, rolling, Told } from "../kit/rollouts.ts";
import { mayEndPause } from "./draws.ts";

/** Two hosts at once, of which prod-2 cannot be reached when it is its turn. */
function withoutTwo(policy: Partial<RolloutPolicy>): Told {
  const rollout = new Told(aRequest({ canary: 0, batch: 2, hostNames: ["prod-1", "prod-2"], policy }));
  rollout.images("prod-1");
  rollout.fitness = { unwell: [], away: ["prod-2"] };
  rollout.approved();
  return rollout;
}

test("wait: the others of its batch go on; the batch waits for the host, and takes it up when it is back", () => {
  const rollout = withoutTwo({ unreachable: "wait" });
  assert.deepEqual(rollout.goals(), { "prod-1": 42 });
  rollout.swapped("prod-1");
  assert.equal(rollout.state.phase, "rolling");
  assert.equal(rollout.state.reason, "awaiting_host");
  assert.equal(rollout.state.detail, "prod-2");
  rollout.fitness = { unwell: [], away: [] };
  rollout.hear({ type: "hosts_changed" });
  assert.equal(rollout.state.reason, "awaiting_images");
  rollout.images("prod-2");
  assert.deepEqual(rollout.goals(), { "prod-2": 42 });
});

test("wait: the clock of progress decides in the end", () => {
  const rollout = withoutTwo({ unreachable: "wait", onFailure: "restore" });
  rollout.swapped("prod-1");
  rollout.stalled();
  assert.equal(rollout.state.phase, "restoring");
  assert.equal(rollout.state.reason, "host_lost");
  assert.equal(rollout.state.detail, "prod-2: no connection, and nothing moved for 15 min");
  assert.deepEqual(rollout.goals(), { "prod-1": 41 }, "prod-2 was never touched");
  assert.deepEqual(rollout.verdicts(), []);
});

test("skip: it is left out, the rollout ends incomplete and names it", () => {
  const rollout = withoutTwo({ unreachable: "skip" });
  assert.deepEqual(rollout.status(), { "prod-1": "swapping", "prod-2": "skipped" });
  rollout.swapped("prod-1");
  rollout.soaked();
  assert.equal(rollout.state.phase, "incomplete");
  assert.equal(rollout.state.detail, "prod-2 does not have r42");
  assert.deepEqual(rollout.verdicts(), []);
});

test("skip and fail: whoever is away is given up, and named, when the first batch begins, and not when it is its turn", () => {
  const away = (policy: Partial<RolloutPolicy>) => {
    const rollout = new Told(aRequest({ batch: 1, policy: { maxUnavailable: { hosts: 2 }, ...policy } }));
    rollout.fitness = { unwell: [], away: ["prod-3"] };
    rollout.approved();
    assert.deepEqual(
      rollout.status(),
      { "prod-1": "waiting", "prod-2": "waiting", "prod-3": "waiting" },
      "no image, no beginning",
    );
    rollout.images("prod-1", "prod-2");
    return rollout;
  };
  assert.deepEqual(away({ unreachable: "skip" }).status(), { "prod-1": "swapping", "prod-2": "waiting", "prod-3": "skipped" });
  const fail = away({ unreachable: "fail", onFailure: "pause" });
  assert.deepEqual(fail.status(), { "prod-1": "waiting", "prod-2": "waiting", "prod-3": "failed" });
  assert.deepEqual(fail.desired(), {}, "it has failed before anything was touched");
  assert.deepEqual(away({ unreachable: "wait" }).status(), { "prod-1": "swapping", "prod-2": "waiting", "prod-3": "waiting" });
});

test("skip: what was skipped still counts as out of service, and when there is no room for it that is what is said", () => {
  const rollout = new Told(aRequest({ batch: 1, policy: { unreachable: "skip", onFailure: "pause" } }));
  rollout.fitness = { unwell: [], away: ["prod-3"] };
  rollout.approved();
  rollout.images("prod-1", "prod-2");
  assert.equal(rollout.status()["prod-3"], "skipped");
  assert.equal(rollout.state.reason, "over_budget");
  assert.equal(rollout.state.detail, "prod-3");
  rollout.stalled();
  assert.equal(rollout.state.pauses[0]?.why, "out of service for 15 min, so that no other could go: prod-3");
});

test("skip: with nobody left it has failed, with nothing touched", () => {
  const rollout = new Told(aRequest({ policy: { unreachable: "skip" }, batch: 3 }));
  rollout.fitness = { unwell: [], away: ["prod-1", "prod-2", "prod-3"] };
  rollout.approved();
  assert.equal(rollout.state.phase, "restored");
  assert.equal(rollout.state.reason, "host_lost");
  assert.deepEqual(rollout.desired(), {});
});

test("fail: it counts as failed", () => {
  const rollout = withoutTwo({ unreachable: "fail", onFailure: "pause" });
  assert.deepEqual(rollout.status(), { "prod-1": "waiting", "prod-2": "failed" });
  assert.deepEqual(rollout.pauses(), ["paused_on_failure"]);
  const borne = withoutTwo({ unreachable: "fail", maxFailed: { hosts: 1 } });
  assert.deepEqual(borne.status(), { "prod-1": "swapping", "prod-2": "failed" });
});

test("nobody is given up whom a server that has just started could not have heard yet", () => {
  for (const unreachable of ["skip", "fail"] as const) {
    const rollout = new Told(aRequest({ canary: 0, batch: 3, policy: { unreachable } }));
    rollout.images();
    rollout.fitness = { unwell: [], away: ["prod-2", "prod-3"], unheard: ["prod-2"] };
    rollout.approved();
    assert.equal(rollout.state.hosts[1]?.status, "waiting");
    assert.notEqual(rollout.state.hosts[2]?.status, "waiting");
  }
});

test("wait: a host lost in mid-swap is not failed by its own deadline", () => {
  const rollout = rolling({ policy: { onFailure: "restore" } });
  rollout.wait(120_000);
  assert.equal(rollout.overdue("prod-1", false), "moved");
  assert.equal(rollout.state.hosts[0]?.status, "swapping");
  assert.equal(rollout.state.hosts[0]?.reason, "host_lost");
  assert.deepEqual(rollout.last, [{ kind: "set_timer", name: "host:prod-1", at: noon + 240_000 }]);
  rollout.swapped("prod-1");
  assert.equal(rollout.state.hosts[0]?.reason, null);
  assert.equal(rollout.state.phase, "soaking");
});

test("wait: one that is connected and late has failed, and so has any lost one under skip and fail", () => {
  const late = rolling({ policy: { onFailure: "restore" } });
  late.overdue("prod-1", true);
  assert.equal(late.state.reason, "deadline_passed");
  for (const unreachable of ["skip", "fail"] as const) {
    const lost = rolling({ policy: { unreachable, onFailure: "restore" } });
    lost.overdue("prod-1", false);
    assert.equal(lost.state.phase, "restoring");
    assert.equal(lost.state.reason, "host_lost");
    assert.deepEqual(lost.verdicts(), []);
  }
});

test("a host lost in mid-swap and never heard of again fails with the clock of progress", () => {
  const rollout = rolling({ policy: { onFailure: "restore" } });
  rollout.overdue("prod-1", false);
  rollout.fitness = { unwell: [], away: ["prod-1"] };
  rollout.stalled();
  assert.equal(rollout.state.phase, "restoring");
  assert.equal(rollout.state.hosts[0]?.status, "restoring");
  assert.deepEqual(rollout.goals(), { "prod-1": 41 });
  assert.equal(rollout.overdue("prod-1", false), "moved");
  assert.equal(rollout.state.phase, "stuck");
});

test("AG27: late success: a host that was only silent is healthy after all", () => {
  const rollout = rolling({ policy: { onFailure: "pause" } });
  rollout.overdue("prod-1", true);
  assert.deepEqual(rollout.pauses(), ["paused_on_failure"]);
  assert.deepEqual(rollout.swapped("prod-1"), ["moved"]);
  assert.equal(rollout.state.hosts[0]?.status, "healthy");
  assert.deepEqual(rollout.pauses(), [], "nobody is left whom a person could retry or go on without");
  assert.equal(rollout.state.phase, "soaking");
  assert.equal(rollout.state.soakEndsAt, noon + 30_000);
});

test("late success that ends the pause lets the next one begin, and the properties know that it may", () => {
  const rollout = withoutTwo({ onFailure: "pause" });
  rollout.overdue("prod-1", true);
  rollout.images("prod-2");
  rollout.fitness = { unwell: [], away: [] };
  const before = rollout.state;
  const late = { type: "host_swapped", host: "prod-1", tookMs: 400 } as const;
  assert.deepEqual([rollout.pauses(), rollout.goals()], [["paused_on_failure"], {}]);
  assert.equal(rollout.hear(late), "moved");
  assert.deepEqual(rollout.goals(), { "prod-2": 42 });
  assert.equal(mayEndPause(before, late), true);
  assert.equal(mayEndPause(before, { ...late, host: "prod-2" }), false, "it has not failed");
  const reported = rolling({ policy: { onFailure: "pause" } });
  reported.failed("prod-1");
  assert.equal(mayEndPause(reported.state, late), false, "it said itself that it failed");
});

test("late success of one of two that failed: the pause is still about the other; a person's pause is a person's", () => {
  const rollout = rolling({ canary: 0, batch: 3, policy: { onFailure: "pause" } });
  rollout.overdue("prod-1", true);
  rollout.failed("prod-2");
  rollout.swapped("prod-1", "prod-3");
  assert.deepEqual(rollout.pauses(), ["paused_on_failure"]);
  rollout.paused();
  rollout.hear({ type: "host_left", host: "prod-2" });
  assert.deepEqual(rollout.pauses(), ["paused"]);
  assert.equal(rollout.state.phase, "rolling");
  rollout.resumed();
  assert.equal(rollout.state.phase, "soaking");
});

test("late success while the others soak: all of them soak again", () => {
  const rollout = rolling({ canary: 0, batch: 3, policy: { maxFailed: { hosts: 1 } } });
  rollout.overdue("prod-1", true);
  rollout.swapped("prod-2", "prod-3");
  rollout.wait(29_000);
  rollout.swapped("prod-1");
  assert.equal(rollout.state.soakEndsAt, noon + 59_000);
  rollout.soaked();
  assert.equal(rollout.state.phase, "succeeded");
});

test("late success after a pause noted the failure: nothing is owed any more", () => {
  const rollout = rolling({ policy: { onFailure: "restore" } });
  rollout.paused();
  rollout.overdue("prod-1", true);
  assert.notEqual(rollout.state.owed, null);
  rollout.swapped("prod-1");
  assert.equal(rollout.state.owed, null);
  rollout.resumed();
  assert.equal(rollout.state.phase, "soaking");
});

test("no late success for a host that reported its failure, that was never touched, or that is on its way back", () => {
  const reported = rolling({ policy: { onFailure: "pause" } });
  reported.failed("prod-1");
  assert.deepEqual(reported.swapped("prod-1"), ["ignored"]);
  const untouched = withoutTwo({ unreachable: "fail", maxFailed: { hosts: 1 } });
  assert.deepEqual(untouched.swapped("prod-2"), ["ignored"]);
  const back = rolling({ policy: { onFailure: "restore" } });
  back.overdue("prod-1", true);
  assert.deepEqual(back.swapped("prod-1"), ["ignored"]);
});

test("time without progress: images, room, swaps; each named", () => {
  const images = new Told(aRequest({ approvalsRequired: 0, policy: { onFailure: "restore" } }));
  images.stalled();
  assert.equal(images.state.detail, "prod-1: no image after 15 min");
  assert.equal(images.state.phase, "restored");
  const paused = new Told(aRequest({ approvalsRequired: 0, policy: { onFailure: "pause" } }));
  paused.stalled();
  assert.deepEqual(paused.pauses(), ["paused_on_failure"]);
  const swap = rolling({ policy: { onFailure: "restore" } });
  swap.stalled();
  assert.equal(swap.state.detail, "prod-1: its swap did not end in 15 min");
  assert.deepEqual(swap.verdicts(), [], "no release is bad because nothing moved");
});

test("every progress puts the deadline off", () => {
  const rollout = rolling();
  rollout.wait(5 * 60_000);
  rollout.swapped("prod-1");
  assert.equal(rollout.state.progressBy, null, "a soak has a clock of its own");
  rollout.soaked();
  assert.equal(rollout.state.progressBy, rollout.now + 15 * 60_000);
  rollout.wait(5 * 60_000);
  rollout.swapped("prod-2");
  assert.equal(rollout.state.progressBy, rollout.now + 15 * 60_000);
  assert.equal(rollout.hear({ type: "stalled" }), "ignored", "a timer that rings too early fails nobody");
});

test("a host that leaves is no part of it: it has not failed, and blocks nothing", () => {
  const leave = (rollout: Told, host: string) => rollout.hear({ type: "host_left", host });
  const swapping = rolling({ canary: 0, batch: 3 });
  leave(swapping, "prod-1");
  assert.deepEqual(swapping.last, [{ kind: "clear_timer", name: "host:prod-1" }]);
  swapping.swapped("prod-2", "prod-3");
  swapping.soaked();
  assert.equal(swapping.state.phase, "succeeded");
  assert.deepEqual(Object.keys(swapping.status()), ["prod-2", "prod-3"]);

  const back = rolling({ canary: 0, batch: 3 });
  back.failed("prod-2");
  back.back("prod-2", "prod-3");
  leave(back, "prod-1");
  assert.equal(back.state.phase, "restored");

  const failed = rolling({ canary: 0, batch: 3, policy: { onFailure: "pause" } });
  failed.failed("prod-1");
  leave(failed, "prod-1");
  assert.deepEqual(failed.pauses(), [], "no button would do anything for it any more");
  failed.swapped("prod-2", "prod-3");
  failed.soaked();
  assert.equal(failed.state.phase, "succeeded");

  const waiting = new Told(aRequest({ approvalsRequired: 0, policy: { onFailure: "pause" } }));
  waiting.hear({ type: "image_failed", host: "prod-1", reason: "pull_failed", detail: "refused" });
  assert.deepEqual(waiting.pauses(), ["paused_on_failure"]);
  leave(waiting, "prod-1");
  assert.deepEqual(waiting.pauses(), []);
  assert.equal(waiting.state.reason, "awaiting_images");
  waiting.images();
  assert.deepEqual(waiting.goals(), { "prod-2": 42, "prod-3": 42 });
});

test("when the last host of a batch leaves, the next one begins; of the last batch, the whole soaks to the end", () => {
  const leave = (rollout: Told, host: string) => rollout.hear({ type: "host_left", host });
  const canary = rolling();
  leave(canary, "prod-1");
  assert.deepEqual(canary.goals(), { "prod-2": 42, "prod-3": 42 });
  const policy = { soakMs: 10_000, endSoakMs: 60_000 };
  const last = rolling({ policy, batch: 3 });
  last.swapped("prod-1");
  last.soaked();
  leave(last, "prod-2");
  leave(last, "prod-3");
  assert.equal(last.state.phase, "soaking");
  assert.equal(last.state.soakEndsAt, last.now + 60_000);
  const soaking = rolling({ policy, hostNames: ["prod-1", "prod-2"] });
  soaking.swapped("prod-1");
  leave(soaking, "prod-2");
  assert.equal(soaking.state.soakEndsAt, noon + 60_000, "it is the last batch now");
});

test("a host that leaves in a pause sets nothing going before the resume", () => {
  const rollout = rolling({ hostNames: ["prod-1", "prod-2"], policy: { maxFailed: { hosts: 1 } } });
  rollout.paused();
  rollout.failed("prod-1");
  rollout.hear({ type: "host_left", host: "prod-2" });
  assert.deepEqual(rollout.goals(), {});
  assert.equal(rollout.state.phase, "rolling");
  rollout.resumed();
  assert.deepEqual(rollout.goals(), { "prod-1": 41 }, "nobody is left who could have it");
});

test("when every host leaves there is nothing to succeed", () => {
  for (const rollout of [rolling({ hostNames: ["one"] }), new Told(aRequest({ hostNames: ["one"] }))]) {
    rollout.hear({ type: "host_left", host: "one" });
    assert.equal(rollout.state.phase, "cancelled");
    assert.equal(rollout.state.reason, "no_hosts");
    assert.deepEqual(rollout.timers(), []);
  }
});

test("a canary that nobody hears of has others stand in for it, where a spread keeps it the first", () => {
  const spread = { label: "rack", order: "apart" } as const;
  const policy = { spread, unreachable: "skip", onFailure: "pause", maxFailed: { hosts: 2 } } as const;
  const begins = (away: string[], budget?: number) => {
    const hostNames = ["a", "b", "c", "d", "e"];
    const rollout = new Told(aRequest({ approvalsRequired: 0, hostNames, batch: 3, policy, ...(budget && { budget }) }));
    rollout.fitness = { unwell: [], away };
    rollout.images("b", "c", "d", "e");
    rollout.hear({ type: "hosts_changed" });
    return rollout;
  };
  const rollout = begins(["a"], 5);
  assert.deepEqual(rollout.desired(), { b: 42 });
  assert.deepEqual(rollout.state.batches, [["a", "b"], ["c", "d"], ["e"]]);
  rollout.swapped("b");
  assert.equal(rollout.state.phase, "soaking");
  rollout.soaked();
  assert.deepEqual(rollout.goals(), { c: 42, d: 42 });

  const second = begins(["a", "b"], 5);
  assert.deepEqual(second.desired(), { c: 42 });
  second.failed("c");
  assert.deepEqual(second.pauses(), ["paused_on_failure"], "it has shown nothing");

  assert.deepEqual(begins(["a"]).desired(), { b: 42, c: 42 }, "in a log of before the next batch followed at once");
});
