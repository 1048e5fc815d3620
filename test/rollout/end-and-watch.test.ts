/** Verdicts, the soak that was cut short, and what is seen after the end. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type WatchFinding, watchRule } from "../../src/core/watch.ts";
import { aRequest, bo, rolling, Told } from "../kit/rollouts.ts";

const watched = 10 * 60_000;
const skip = { type: "soak_skipped", by: bo, why: "watched it by hand" } as const;
const finding: WatchFinding = { host: "prod-2", found: "restarts", rule: watchRule, samples: [], at: 0 };

/** All hosts serve it and the end soak is running. */
function endSoak(change: Parameters<typeof rolling>[0] = {}): Told {
  const rollout = rolling({ canary: 0, batch: 3, ...change });
  rollout.swapped("prod-1", "prod-2", "prod-3");
  return rollout;
}

function ended(change: Parameters<typeof rolling>[0] = {}): Told {
  const rollout = endSoak(change);
  rollout.soaked();
  return rollout;
}

test("skip-soak ends the time now, but not the proof", () => {
  const rollout = rolling();
  rollout.swapped("prod-1");
  assert.equal(rollout.hear(skip), "moved");
  assert.equal(rollout.state.phase, "soaking");
  assert.equal(rollout.state.soakEndsAt, rollout.now);
  assert.deepEqual(rollout.last, [{ kind: "set_timer", name: "soak", at: rollout.now }]);
  assert.equal(rollout.hear(skip), "not_soaking", "it has been skipped");
  rollout.soaked();
  rollout.swapped("prod-2", "prod-3");
  rollout.soaked();
  assert.deepEqual(rollout.verdicts(), ["r42 good"], "the soak of the whole was not cut short");
});

test("when the end soak was skipped the release is not called good, before its watch has been quiet", () => {
  const rollout = endSoak();
  rollout.hear(skip);
  rollout.soaked();
  assert.equal(rollout.state.phase, "succeeded");
  assert.deepEqual(rollout.verdicts(), []);
  assert.equal(rollout.hear({ type: "watch_ended", quiet: true }), "ignored", "its time has not passed");
  rollout.wait(watched);
  rollout.hear({ type: "watch_ended", quiet: true });
  assert.deepEqual(rollout.verdicts(), ["r42 good"]);
  assert.equal(rollout.hear({ type: "watch_ended", quiet: true }), "ignored");
});

test("a watch that another rollout ended, or that was raised, proves nothing", () => {
  const followed = endSoak();
  followed.hear(skip);
  followed.soaked();
  followed.hear({ type: "watch_ended", quiet: false });
  assert.deepEqual(followed.verdicts(), []);
  const raised = endSoak();
  raised.hear(skip);
  raised.soaked();
  raised.hear({ type: "watch_raised", finding });
  raised.wait(watched);
  assert.equal(raised.hear({ type: "watch_ended", quiet: true }), "ignored");
  assert.deepEqual(raised.verdicts(), []);
});

test("a paused soak can be skipped, too: it ends when the pause does", () => {
  const rollout = endSoak();
  rollout.paused();
  assert.equal(rollout.hear(skip), "moved");
  assert.deepEqual(rollout.timers(), []);
  rollout.wait(5_000);
  rollout.resumed();
  assert.equal(rollout.state.soakEndsAt, rollout.now);
});

test("skip-soak is refused where nothing soaks", () => {
  const rollout = rolling();
  assert.equal(rollout.hear(skip), "not_soaking");
  assert.equal(ended().hear(skip), "already_ended");
});

test("after the end the watch begins, and only that changes an ended rollout", () => {
  const rollout = ended();
  assert.deepEqual(rollout.state.watch, { until: rollout.now + watched, finding: null, raisedAt: null, endedAt: null });
  assert.deepEqual(rollout.timers(), ["watch"]);
  rollout.wait(watched);
  rollout.hear({ type: "watch_ended", quiet: true });
  assert.equal(rollout.state.watch?.endedAt, rollout.now);
  assert.deepEqual(rollout.timers(), []);
  assert.deepEqual(rollout.verdicts(), ["r42 good"], "once");
});

test("the watch is raised once; the phase stays, and so does the verdict", () => {
  const rollout = ended();
  rollout.wait(60_000);
  assert.equal(rollout.hear({ type: "watch_raised", finding }), "moved");
  assert.equal(rollout.state.phase, "succeeded");
  assert.equal(rollout.state.watch?.finding, finding);
  assert.equal(rollout.state.watch?.raisedAt, rollout.now);
  assert.deepEqual(rollout.last, [{ kind: "clear_timer", name: "watch" }]);
  assert.equal(rollout.hear({ type: "watch_raised", finding }), "ignored");
  assert.deepEqual(rollout.verdicts(), ["r42 good"]);
});

test("by policy it asks for a rollback, but never after a rollback", () => {
  const policy = { watch: { forMs: watched, onUnwell: "rollback" as const }, rollbackBatch: { percent: 100 } };
  const deploy = ended({ policy });
  deploy.hear({ type: "watch_raised", finding });
  assert.deepEqual(deploy.last.at(-1), { kind: "roll_back", why: "prod-2 did not stay well (restarts)" });
  const rollback = new Told(aRequest({ kind: "rollback", approvalsRequired: 0, release: 41, from: 42, policy }));
  rollback.swapped("prod-1", "prod-2", "prod-3");
  assert.equal(rollback.hear({ type: "watch_raised", finding }), "moved");
  assert.deepEqual(rollback.last, [{ kind: "clear_timer", name: "watch" }]);
});

test("what is incomplete is watched; what did not come to anything is not; 0 is not at all", () => {
  const incomplete = rolling({ canary: 0, batch: 3, policy: { maxFailed: { hosts: 1 } } });
  incomplete.failed("prod-1");
  incomplete.swapped("prod-2", "prod-3");
  incomplete.soaked();
  assert.equal(incomplete.state.phase, "incomplete");
  assert.deepEqual(incomplete.timers(), ["watch"]);
  const restored = rolling();
  restored.failed("prod-1");
  restored.back("prod-1");
  assert.equal(restored.state.watch, null);
  const unwatched = ended({ policy: { watch: { forMs: 0, onUnwell: "raise" } } });
  assert.equal(unwatched.state.watch, null);
  assert.deepEqual(unwatched.timers(), []);
  assert.equal(unwatched.hear({ type: "watch_raised", finding }), "ignored");
});
