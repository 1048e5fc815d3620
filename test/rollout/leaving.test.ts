/** The host that showed the release's own fault leaves: that is no answer to what it has shown. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { ReasonCode } from "../../src/core/reasons.ts";
import { bo, rolling, type Told } from "../kit/rollouts.ts";

const hostNames = ["a", "b", "c", "d"];
const pause = { onFailure: "pause" } as const;
const restore = { onFailure: "restore", rollbackBatch: { percent: 100 } } as const;

function leaves(rollout: Told, host: string): string {
  return rollout.hear({ type: "host_left", host, answers: false });
}

/** The canary failed. */
function failedCanary(reason: ReasonCode = "crash_loop", change: Parameters<typeof rolling>[0] = {}): Told {
  const rollout = rolling({ hostNames, batch: 3, policy: pause, ...change });
  rollout.failed("a", reason);
  assert.deepEqual(rollout.pauses(), ["paused_on_failure"]);
  return rollout;
}

test("the release is bad, and nobody follows before a person says so", () => {
  const rollout = failedCanary();
  assert.equal(leaves(rollout, "a"), "moved");
  assert.deepEqual(rollout.verdicts(), ["r42 bad"]);
  assert.deepEqual(rollout.pauses(), ["paused_on_failure"]);
  assert.deepEqual(rollout.goals(), {});
  for (const again of ["hosts_changed", "image_present"] as const) rollout.hear({ type: again, host: "b" });
  assert.deepEqual(rollout.status(), { b: "waiting", c: "waiting", d: "waiting" });
  assert.equal(rollout.resumed(), "moved");
  assert.deepEqual(rollout.goals(), { b: 42, c: 42, d: 42 });
  rollout.swapped("b", "c", "d");
  rollout.soaked();
  assert.equal(rollout.state.phase, "succeeded");
  assert.deepEqual(rollout.verdicts(), ["r42 bad"], "it is not good after all");
});

test("a fault of the host leaves with it, as before", () => {
  for (const reason of ["disk_full", "host_lost"] as const) {
    const rollout = failedCanary(reason);
    leaves(rollout, "a");
    assert.deepEqual(rollout.pauses(), [], reason);
    assert.deepEqual(rollout.verdicts(), []);
    assert.deepEqual(rollout.goals(), { b: 42, c: 42, d: 42 });
  }
});

test("neither who leaves afterwards, nor a late success, nor a retry of others is an answer", () => {
  const two = () => {
    const rollout = rolling({ hostNames, canary: 2, batch: 2, policy: pause });
    rollout.failed("a");
    return rollout;
  };
  const left = two();
  left.failed("b", "disk_full");
  leaves(left, "a");
  leaves(left, "b");
  assert.deepEqual(left.pauses(), ["paused_on_failure"]);

  const late = two();
  late.overdue("b", true);
  leaves(late, "a");
  late.swapped("b");
  assert.deepEqual(late.pauses(), ["paused_on_failure"]);

  const retried = two();
  retried.failed("b", "disk_full");
  leaves(retried, "a");
  assert.equal(retried.hear({ type: "retried", by: bo }), "moved");
  assert.deepEqual(retried.goals(), {});
  assert.equal(retried.resumed(), "moved");
  assert.deepEqual(retried.goals(), { b: 42 });
});

test("continue answers for who has left, too; what fails afterwards is a story of its own", () => {
  const rollout = rolling({ hostNames, canary: 2, batch: 1, policy: pause });
  rollout.failed("a");
  rollout.failed("b", "disk_full");
  leaves(rollout, "a");
  assert.equal(rollout.hear({ type: "continued", by: bo, why: "ship it" }), "moved");
  assert.deepEqual(rollout.goals(), { c: 42 });
  rollout.failed("c", "disk_full");
  assert.deepEqual(rollout.pauses(), ["paused_on_failure"]);
  leaves(rollout, "c");
  assert.deepEqual(rollout.pauses(), []);
  assert.deepEqual(rollout.goals(), { d: 42 });
});

test("continue is an answer also where only hosts are left that were gone on without before", () => {
  const rollout = rolling({ hostNames, canary: 2, batch: 1, policy: pause });
  rollout.swapped("b");
  rollout.failed("a");
  rollout.hear({ type: "continued", by: bo, why: "a is old" });
  rollout.soaked();
  rollout.failed("c");
  leaves(rollout, "c");
  assert.deepEqual(rollout.pauses(), ["paused_on_failure"]);
  assert.equal(rollout.hear({ type: "continued", by: bo, why: "ship it" }), "moved");
  assert.deepEqual(rollout.pauses(), []);
  assert.deepEqual(rollout.goals(), { d: 42 });
  assert.match(rollout.hear({ type: "continued", by: bo, why: "again" }), /not_paused/);
});

test("restore: what was noted in a pause is still owed when its host has left, also after a retry", () => {
  for (const others of ["left alone", "retried"] as const) {
    const rollout = rolling({ hostNames, canary: 3, batch: 1, policy: restore });
    rollout.swapped("c");
    rollout.paused();
    rollout.failed("a");
    rollout.failed("b", "disk_full");
    leaves(rollout, "a");
    assert.deepEqual(rollout.verdicts(), ["r42 bad"]);
    if (others === "retried") rollout.hear({ type: "retried", by: bo });
    rollout.resumed();
    assert.equal(rollout.state.phase, "restoring", others);
    assert.deepEqual(rollout.goals(), { b: 41, c: 41 });
  }
});

test("restore: the failed host was the only one that was touched", () => {
  const rollout = rolling({ hostNames, batch: 3, policy: restore });
  rollout.paused();
  rollout.failed("a");
  leaves(rollout, "a");
  rollout.resumed();
  assert.equal(rollout.state.phase, "restored");
  assert.deepEqual(rollout.goals(), {});
  assert.equal(rollout.state.reason, "unhealthy");
});

test("when it was the last one the release is judged all the same; a restart judges nothing, and stands still", () => {
  const one = failedCanary("crash_loop", { hostNames: ["a"] });
  leaves(one, "a");
  assert.equal(one.state.phase, "cancelled");
  assert.deepEqual(one.verdicts(), ["r42 bad"]);
  const restart = failedCanary("crash_loop", { kind: "restart", release: 41 });
  leaves(restart, "a");
  assert.deepEqual(restart.pauses(), ["paused_on_failure"]);
  assert.deepEqual(restart.verdicts(), []);
});

test("in a log of before, that it left was the answer", () => {
  const rollout = failedCanary();
  rollout.hear({ type: "host_left", host: "a" });
  assert.deepEqual(rollout.pauses(), []);
  assert.deepEqual(rollout.verdicts(), []);
});
