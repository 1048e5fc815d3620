/** Hosts that served the release already when the plan was made: not touched, and part of the proof. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { RolloutPolicy } from "../../src/core/plan.ts";
import { aRequest, bo, rolling, Told } from "../kit/rollouts.ts";

/** prod-1 has r42 already; prod-2 gets it. */
function second(policy: Partial<RolloutPolicy> = {}): Told {
  const hosts = [
    { host: "prod-1", from: 42, unchanged: true, restarts: 3 },
    { host: "prod-2", from: 41, unchanged: false },
  ];
  return rolling({ hosts, batches: [["prod-2"]], policy });
}

test("one that does not stay well has failed like any other: no success, and the release is bad", () => {
  for (const phase of ["rolling", "soaking"]) {
    const rollout = second({ onFailure: "restore" });
    if (phase === "soaking") rollout.swapped("prod-2");
    assert.equal(rollout.state.phase, phase);
    assert.equal(rollout.unwell("prod-1"), "moved");
    assert.equal(rollout.state.phase, "restoring");
    assert.deepEqual(rollout.verdicts(), ["r42 bad"]);
    assert.deepEqual(rollout.goals(), { "prod-2": 41 }, "prod-1 was never touched");
    rollout.back("prod-2");
    assert.equal(rollout.state.phase, "restored");
  }
});

test("one that is dead makes it incomplete where it may fail, and nothing is judged", () => {
  const rollout = second({ maxFailed: { hosts: 1 } });
  rollout.swapped("prod-2");
  rollout.unwell("prod-1", "host_lost");
  rollout.soaked();
  assert.equal(rollout.state.phase, "incomplete");
  assert.deepEqual(rollout.verdicts(), []);
});

test("its restarts before the plan are what more of them are counted from", () => {
  assert.equal(second().state.hosts[0]?.restarts, 3);
});

test("a retry gives it a new container, in a batch of its own, and then the whole soaks", () => {
  const rollout = second({ onFailure: "pause" });
  rollout.swapped("prod-2");
  rollout.unwell("prod-1");
  assert.deepEqual(rollout.pauses(), ["paused_on_failure"]);
  rollout.hear({ type: "retried", by: bo });
  assert.deepEqual(rollout.state.batches, [["prod-2"], ["prod-1"]]);
  rollout.soaked();
  rollout.images("prod-1");
  assert.deepEqual(
    rollout.last.find((e) => e.kind === "desire"),
    { kind: "desire", host: "prod-1", release: 42, fresh: true },
  );
  rollout.swapped("prod-1");
  rollout.soaked();
  assert.equal(rollout.state.phase, "succeeded");
  assert.deepEqual(rollout.verdicts(), ["r42 good"]);
});

test("when the last host that was touched leaves, those that had the release prove it to the end", () => {
  for (const phase of ["rolling", "soaking"]) {
    const rollout = second();
    if (phase === "soaking") rollout.swapped("prod-2");
    rollout.wait(10_000);
    rollout.hear({ type: "host_left", host: "prod-2" });
    assert.equal(rollout.state.phase, "soaking");
    assert.deepEqual(rollout.timers(), ["soak"]);
    assert.equal(rollout.state.soakEndsAt, rollout.now + 30_000);
    rollout.soaked();
    assert.equal(rollout.state.phase, "succeeded");
    assert.deepEqual(rollout.verdicts(), ["r42 good"]);
  }
});

test("the last of them to leave ends it, and one that leaves earlier does not make the others soak anew", () => {
  const hosts = ["prod-1", "prod-2", "prod-3"].map((host, i) => ({ host, from: 42, unchanged: i > 0 }));
  const rollout = rolling({ hosts, batches: [["prod-1"]] });
  rollout.hear({ type: "host_left", host: "prod-1" });
  const until = rollout.state.soakEndsAt;
  rollout.wait(10_000);
  rollout.hear({ type: "host_left", host: "prod-2" });
  assert.equal(rollout.state.soakEndsAt, until);
  rollout.hear({ type: "host_left", host: "prod-3" });
  assert.equal(rollout.state.reason, "no_hosts");
  assert.deepEqual(rollout.timers(), []);
});

test("a soak that is cut short then proves no more than any other", () => {
  const rollout = second();
  rollout.hear({ type: "host_left", host: "prod-2" });
  rollout.hear({ type: "soak_skipped", by: bo, why: null });
  rollout.hear({ type: "soaked" });
  assert.equal(rollout.state.phase, "succeeded");
  assert.deepEqual(rollout.verdicts(), []);
});

test("before anything was touched there is nothing left to do: it is live there already", () => {
  const hosts = [
    { host: "prod-1", from: 42, unchanged: true },
    { host: "prod-2", from: 41, unchanged: false },
  ];
  const rollout = new Told(aRequest({ hosts, batches: [["prod-2"]] }));
  rollout.hear({ type: "host_left", host: "prod-2" });
  assert.equal(rollout.state.phase, "cancelled");
  assert.equal(rollout.state.reason, "already_live");
});

test("in a rollback it is left as it is, and named", () => {
  const hosts = [
    { host: "prod-1", from: 41, unchanged: true },
    { host: "prod-2", from: 42, unchanged: false },
  ];
  const rollout = rolling({ kind: "rollback", release: 41, from: 42, hosts, batches: [["prod-2"]] });
  rollout.unwell("prod-1");
  rollout.swapped("prod-2");
  assert.equal(rollout.state.phase, "stuck");
  assert.equal(rollout.state.detail, "prod-1 could not be rolled back");
});
