/** How many may fail, and what happens with one more. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { RolloutPolicy } from "../../src/core/plan.ts";
import { failureText } from "../../src/messages/rollout-pauses.ts";
import { bo, eva, noon, rolling } from "../kit/rollouts.ts";

const pause = { onFailure: "pause" } as const;
const restore = { onFailure: "restore" } as const;
const rollback = { onFailure: "rollback" } as const;
const cont = { type: "continued", by: bo, why: "prod-1 is being replaced" } as const;
const retry = { type: "retried", by: bo } as const;

/** Three hosts at once. */
function all(policy: Partial<RolloutPolicy> = {}, change: Parameters<typeof rolling>[0] = {}) {
  return rolling({ canary: 0, batch: 3, policy, ...change });
}

test("restore: every touched host goes back to what it served, untouched ones get nothing, the release is bad", () => {
  const hosts = [
    { host: "prod-1", from: 41, unchanged: false },
    { host: "prod-2", from: 39, unchanged: false },
    { host: "prod-3", from: null, unchanged: false },
    { host: "prod-4", from: 41, unchanged: false },
  ];
  const hostNames = hosts.map((h) => h.host);
  const rollout = all({ ...restore, rollbackBatch: { percent: 100 } }, { hosts, hostNames });
  rollout.swapped("prod-1");
  rollout.failed("prod-2");
  assert.equal(rollout.state.phase, "restoring");
  assert.equal(rollout.state.reason, "unhealthy");
  assert.equal(rollout.state.detail, "prod-2: 503 from /healthz");
  assert.deepEqual(rollout.goals(), { "prod-1": 41, "prod-2": 39, "prod-3": null });
  assert.deepEqual(rollout.verdicts(), ["r42 bad"]);
  rollout.back("prod-1", "prod-2", "prod-3");
  assert.equal(rollout.state.phase, "restored");
  assert.deepEqual(rollout.status(), { "prod-1": "restored", "prod-2": "restored", "prod-3": "restored", "prod-4": "waiting" });
  assert.deepEqual(rollout.timers(), []);
});

test("rollback: every touched host goes to the newest good release of the environment", () => {
  const rollout = all(rollback, { back: 38, policy: { ...rollback, rollbackBatch: { percent: 100 } } });
  rollout.swapped("prod-1");
  rollout.failed("prod-2");
  assert.deepEqual(rollout.goals(), { "prod-1": 38, "prod-2": 38, "prod-3": 38 });
  const first = all(rollback, { back: null });
  first.failed("prod-2");
  assert.deepEqual(first.goals(), { "prod-1": 41, "prod-2": 41, "prod-3": 41 }, "there is none: what served before");
});

test("a failing canary leaves the other hosts untouched", () => {
  const rollout = rolling();
  rollout.failed("prod-1");
  assert.deepEqual(rollout.desired(), { "prod-1": 41 });
  rollout.back("prod-1");
  assert.deepEqual(rollout.status(), { "prod-1": "restored", "prod-2": "waiting", "prod-3": "waiting" });
});

test("a host's own fault brands no release, whatever happens to the hosts", () => {
  for (const policy of [restore, rollback]) {
    for (const reason of ["disk_full", "engine_down", "port_in_use", "env_file_missing"] as const) {
      const rollout = all(policy);
      rollout.failed("prod-1", reason);
      assert.equal(rollout.state.phase, "restoring");
      assert.deepEqual(rollout.verdicts(), [], reason);
    }
  }
});

test("a crash after the health check passed is caught while soaking", () => {
  const rollout = rolling({ hostNames: ["one"] });
  rollout.swapped("one");
  rollout.unwell("one");
  assert.equal(rollout.state.phase, "restoring");
  assert.deepEqual(rollout.verdicts(), ["r42 bad"]);
  assert.equal(rollout.hear({ type: "soaked" }), "ignored", "a late soak timer changes nothing");
});

test("as many as maxFailed may fail: the batch goes on, and it ends incomplete, naming them, without a verdict", () => {
  const rollout = all({ ...restore, maxFailed: { hosts: 1 } });
  rollout.failed("prod-2");
  assert.equal(rollout.state.phase, "rolling");
  rollout.swapped("prod-1", "prod-3");
  assert.equal(rollout.state.phase, "soaking");
  rollout.soaked();
  assert.equal(rollout.state.phase, "incomplete");
  assert.equal(rollout.state.reason, "left_incomplete");
  assert.equal(rollout.state.detail, "prod-2 does not have r42");
  assert.deepEqual(rollout.verdicts(), []);
  assert.deepEqual(rollout.desired(), { "prod-1": 42, "prod-2": 42, "prod-3": 42 }, "nobody is sent back");
});

test("with one more than maxFailed it has failed, and those that failed go back with the others", () => {
  const rollout = all({ ...restore, maxFailed: { percent: 34 }, rollbackBatch: { percent: 100 } });
  rollout.failed("prod-1", "disk_full");
  rollout.wait(1_000);
  rollout.failed("prod-2", "unhealthy");
  assert.equal(rollout.state.reason, "unhealthy");
  assert.deepEqual(rollout.goals(), { "prod-1": 41, "prod-2": 41, "prod-3": 41 });
});

test("a share of hosts that may fail rounds down, also to none", () => {
  const hostNames = ["a", "b"];
  const rollout = rolling({ hostNames, batch: 1, policy: { ...restore, maxFailed: { percent: 10 } } });
  rollout.failed("a");
  assert.equal(rollout.state.phase, "restoring", "10% of two is none");
  const half = rolling({ hostNames, canary: 0, batch: 2, policy: { ...restore, maxFailed: { percent: 50 } } });
  half.failed("a");
  assert.equal(half.state.phase, "rolling");
});

test("a canary that failed is not followed by the others, however many may fail; a person may say that it is", () => {
  const rollout = rolling({ policy: { ...pause, maxFailed: { hosts: 2 } } });
  rollout.failed("prod-1");
  assert.deepEqual(rollout.pauses(), ["paused_on_failure"]);
  rollout.hear(cont);
  assert.deepEqual(rollout.goals(), { "prod-2": 42, "prod-3": 42 });
  const soaking = rolling({ policy: { ...restore, maxFailed: { hosts: 2 } } });
  soaking.swapped("prod-1");
  soaking.unwell("prod-1");
  assert.equal(soaking.state.phase, "restoring");
  const partly = rolling({ canary: 2, batch: 1, policy: { ...restore, maxFailed: { hosts: 1 } } });
  partly.swapped("prod-1");
  partly.failed("prod-2");
  assert.equal(partly.state.phase, "soaking", "one of the two serves it");
  partly.hear({ type: "host_left", host: "prod-1" });
  assert.equal(partly.state.phase, "restoring", "and now none does");
});

test("a release that no host could get is not live, however many may fail", () => {
  const rollout = all({ ...restore, maxFailed: { percent: 100 } });
  for (const host of ["prod-1", "prod-2", "prod-3"]) rollout.failed(host);
  assert.equal(rollout.state.phase, "restoring");
  assert.deepEqual(rollout.goals(), { "prod-1": 41, "prod-2": 41, "prod-3": 41 });
  rollout.back("prod-1", "prod-2", "prod-3");
  assert.equal(rollout.state.phase, "restored");
});

test("pause: nothing is sent back; hosts in mid-swap finish; the clock stands still; no verdict", () => {
  const rollout = all(pause);
  rollout.failed("prod-1");
  assert.deepEqual(rollout.pauses(), ["paused_on_failure"]);
  assert.equal(rollout.state.pauses[0]?.why, "prod-1: 503 from /healthz");
  assert.equal(rollout.state.phase, "rolling");
  rollout.swapped("prod-2", "prod-3");
  assert.deepEqual(rollout.goals(), {});
  assert.equal(rollout.state.phase, "rolling", "the batch is over, and nothing goes on");
  assert.deepEqual(rollout.timers(), []);
  assert.deepEqual(rollout.verdicts(), []);
});

test("pause, then abort or continue: the person who answers the failure does not unsay it, and the release is bad", () => {
  for (const answer of [{ type: "cancelled", by: bo, why: null, blame: false }, cont] as const) {
    const rollout = all(pause);
    rollout.failed("prod-1", "crash_loop");
    rollout.hear(answer);
    assert.deepEqual(rollout.verdicts(), ["r42 bad"], answer.type);
    const innocent = all(pause);
    innocent.failed("prod-1", "disk_full");
    innocent.hear(answer);
    assert.deepEqual(innocent.verdicts(), [], "a full disk says nothing about a release");
  }
  const borne = all({ ...pause, maxFailed: { hosts: 1 } });
  borne.failed("prod-1", "crash_loop");
  borne.hear({ type: "cancelled", by: bo, why: null, blame: false });
  assert.deepEqual(borne.verdicts(), [], "as many as may fail are no failure of the whole");
});

test("what was judged bad is judged once: a rollback says it no second time, and a late success does not make it good", () => {
  const twice = all(pause);
  twice.failed("prod-1");
  twice.hear(cont);
  twice.hear({ type: "cancelled", by: eva, why: null, blame: true });
  assert.deepEqual(twice.verdicts(), ["r42 bad"]);
  const late = all({ ...pause, endSoakMs: 0 });
  late.failed("prod-1");
  late.hear(cont);
  late.hear(retry);
  late.swapped("prod-1", "prod-2", "prod-3");
  late.soaked();
  assert.equal(late.state.phase, "succeeded");
  assert.deepEqual(late.verdicts(), ["r42 bad"]);
});

test("pause, then retry: the failed hosts only, and the rollout goes on by itself", () => {
  const rollout = all(pause);
  rollout.failed("prod-1");
  rollout.swapped("prod-2", "prod-3");
  assert.equal(rollout.hear(retry), "moved");
  assert.deepEqual(rollout.goals(), { "prod-1": 42 });
  assert.deepEqual(rollout.pauses(), []);
  assert.equal(rollout.state.hosts[0]?.attempt, 2);
  rollout.swapped("prod-1");
  rollout.soaked();
  assert.equal(rollout.state.phase, "succeeded");
  assert.deepEqual(rollout.verdicts(), ["r42 good"]);
});

test("pause, then continue: those hosts count no more, and it ends incomplete", () => {
  const rollout = rolling({ batch: 1, policy: pause });
  rollout.swapped("prod-1");
  rollout.soaked();
  rollout.failed("prod-2");
  assert.equal(rollout.hear(cont), "moved");
  assert.equal(rollout.state.phase, "rolling");
  assert.deepEqual(rollout.goals(), { "prod-3": 42 }, "its batch had nobody left to soak");
  rollout.failed("prod-3");
  assert.deepEqual(rollout.pauses(), ["paused_on_failure"], "the next failure is another one");
  rollout.hear({ ...cont, by: eva });
  assert.equal(rollout.state.phase, "soaking", "the end soak of the whole");
  rollout.soaked();
  assert.equal(rollout.state.phase, "incomplete");
  assert.equal(rollout.state.detail, "prod-2 and prod-3 do not have r42");
});

test("continue accepts the hosts that the person saw, and no other that failed while they wrote", () => {
  const rollout = all({ ...pause, endSoakMs: 0 });
  rollout.failed("prod-1", "disk_full");
  rollout.failed("prod-2", "disk_full");
  rollout.swapped("prod-3");
  rollout.hear({ ...cont, hosts: ["prod-1"] });
  assert.deepEqual(rollout.state.accepted, ["prod-1"]);
  assert.deepEqual(rollout.pauses(), ["paused_on_failure"]);
  assert.equal(rollout.state.pauses[0]?.why, "prod-2: 503 from /healthz");
  assert.deepEqual(rollout.timers(), []);
  assert.equal(rollout.hear({ ...cont, hosts: ["prod-1", "prod-3"] }), "nothing_failed", "said already, or did not fail");
  rollout.hear({ ...cont, hosts: ["prod-2"] });
  assert.deepEqual(rollout.state.accepted, ["prod-1", "prod-2"]);
  assert.equal(rollout.state.phase, "soaking");
});

test("a continue in a person's pause leaves what it did not name to be acted on at the resume", () => {
  const rollout = all(restore);
  rollout.paused();
  rollout.failed("prod-1", "disk_full");
  rollout.failed("prod-2", "disk_full");
  rollout.hear({ ...cont, hosts: ["prod-1"] });
  assert.notEqual(rollout.state.owed, null);
  rollout.resumed();
  assert.equal(rollout.state.phase, "restoring");
});

test("a retry in a later batch gives hosts of earlier ones a batch of their own after it", () => {
  const hostNames = ["a", "b", "c", "d", "e"];
  const rollout = rolling({ hostNames, batch: 2, policy: pause });
  rollout.failed("a");
  rollout.hear({ ...cont, hosts: ["a"] });
  assert.deepEqual(rollout.goals(), { b: 42, c: 42 }, "the canary had nobody to soak");
  rollout.failed("b");
  assert.deepEqual(rollout.pauses(), ["paused_on_failure"]);
  rollout.swapped("c");
  rollout.hear(retry);
  assert.deepEqual(rollout.state.batches, [["b", "c"], ["a"], ["d", "e"]]);
  assert.deepEqual(rollout.goals(), { b: 42 });
  rollout.swapped("b");
  rollout.soaked();
  assert.deepEqual(rollout.goals(), { a: 42 });
  rollout.swapped("a");
  rollout.soaked();
  rollout.swapped("d", "e");
  rollout.soaked();
  assert.equal(rollout.state.phase, "succeeded");
});

test("a host that was accepted as failed, and is retried, counts again when it fails again", () => {
  const rollout = rolling({ batch: 1, policy: pause });
  rollout.failed("prod-1");
  rollout.hear(cont);
  assert.deepEqual(rollout.goals(), { "prod-2": 42 });
  rollout.hear(retry);
  assert.deepEqual(rollout.state.accepted, []);
  rollout.swapped("prod-2");
  rollout.soaked();
  assert.deepEqual(rollout.goals(), { "prod-1": 42 });
  rollout.failed("prod-1");
  assert.deepEqual(rollout.pauses(), ["paused_on_failure"]);
});

test("a retry while the whole soaks makes it soak again afterwards", () => {
  const rollout = all({ ...restore, maxFailed: { hosts: 1 } });
  rollout.failed("prod-2");
  rollout.swapped("prod-1", "prod-3");
  assert.equal(rollout.state.phase, "soaking");
  rollout.wait(29_000);
  assert.equal(rollout.hear(retry), "moved");
  assert.equal(rollout.state.phase, "rolling");
  rollout.swapped("prod-2");
  assert.equal(rollout.state.soakEndsAt, noon + 59_000);
  rollout.soaked();
  assert.equal(rollout.state.phase, "succeeded");
});

test("a retry asks anew for an image that could not be had", () => {
  const rollout = rolling({ policy: pause });
  rollout.swapped("prod-1");
  rollout.state = {
    ...rollout.state,
    hosts: rollout.state.hosts.map((h) => (h.host === "prod-2" ? { ...h, image: "unknown" } : h)),
  };
  rollout.hear({ type: "image_failed", host: "prod-2", reason: "registry_auth", detail: "401" });
  rollout.soaked();
  assert.deepEqual(rollout.pauses(), ["paused_on_failure"], "it is this batch's turn now");
  assert.deepEqual(rollout.goals(), {}, "and nothing of it was touched");
  rollout.hear(retry);
  assert.equal(rollout.state.reason, "awaiting_images");
  rollout.images("prod-2");
  assert.deepEqual(rollout.goals(), { "prod-2": 42, "prod-3": 42 });
});

test("refusals of retry and continue", () => {
  const fine = rolling();
  assert.equal(fine.hear(retry), "nothing_failed");
  assert.equal(fine.hear(cont), "nothing_failed");
  const within = all({ ...pause, maxFailed: { hosts: 1 } });
  within.failed("prod-1");
  assert.equal(within.hear(cont), "not_paused", "it goes on anyway");
  const back = all(restore);
  back.failed("prod-1");
  assert.equal(back.hear(retry), "already_decided");
  assert.equal(back.hear(cont), "already_decided");
  back.back("prod-1", "prod-2", "prod-3");
  assert.equal(back.hear(retry), "already_ended");
  assert.equal(back.hear(cont), "already_ended");
});

test("what a pause on failure is said to be for: too many, or a first batch of which none is healthy", () => {
  const many = all(pause);
  many.failed("prod-1");
  assert.equal(failureText(many.state), "1 of 3 hosts failed, 0 allowed: prod-1.");
  const start = rolling({ policy: { ...pause, maxFailed: { hosts: 1 } } });
  start.failed("prod-1");
  assert.equal(failureText(start.state), "1 of 3 hosts failed, none of the first batch is healthy: prod-1.");
});
