/** Standing still: a set of reasons; no new goal, clocks that wait, hosts in mid-swap that finish. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { aRequest, bo, noon, rolling, Told } from "../kit/rollouts.ts";

const behind = { type: "paused", reason: "server_behind", by: null, why: "prod-1 knows epoch 7" } as const;
const caughtUp = { type: "resumed", reason: "server_behind", by: null } as const;

test("paused: hosts in mid-swap finish, and nobody else starts until it is resumed", () => {
  const rollout = rolling();
  rollout.paused();
  assert.deepEqual(rollout.timers(), ["host:prod-1"], "the deadline of a host in mid-swap runs on");
  rollout.swapped("prod-1");
  assert.equal(rollout.state.phase, "rolling");
  assert.deepEqual(rollout.goals(), {});
  rollout.resumed();
  assert.equal(rollout.state.phase, "soaking", "the soak begins only now, and in full");
  assert.equal(rollout.state.soakEndsAt, noon + 30_000);
});

test("the soak clock stands still over a weekend, and goes on where it stood", () => {
  const rollout = rolling();
  rollout.swapped("prod-1");
  rollout.wait(20_000);
  rollout.paused();
  assert.deepEqual(rollout.state.held, { soakMs: 10_000, progressMs: null });
  assert.equal(rollout.state.soakEndsAt, null);
  assert.deepEqual(rollout.timers(), []);
  rollout.wait(60 * 3_600_000);
  assert.equal(rollout.hear({ type: "soaked" }), "ignored");
  rollout.resumed();
  assert.equal(rollout.state.soakEndsAt, rollout.now + 10_000);
  assert.equal(rollout.state.held, null);
  assert.deepEqual(rollout.timers(), ["soak"]);
});

test("so does the clock of progress", () => {
  const rollout = new Told(aRequest({ approvalsRequired: 0 }));
  rollout.wait(14 * 60_000);
  rollout.paused();
  rollout.wait(60 * 3_600_000);
  assert.equal(rollout.hear({ type: "stalled" }), "ignored");
  rollout.resumed();
  assert.equal(rollout.state.progressBy, rollout.now + 60_000);
  rollout.stalled();
  assert.equal(rollout.state.reason, "no_progress");
});

test("pauses are a set: it goes on when the last is gone", () => {
  const rollout = rolling();
  rollout.paused();
  rollout.hear(behind);
  assert.deepEqual(rollout.pauses(), ["paused", "server_behind"]);
  rollout.swapped("prod-1");
  assert.equal(rollout.hear(caughtUp), "moved");
  assert.deepEqual(rollout.pauses(), ["paused"]);
  assert.equal(rollout.state.phase, "rolling");
  rollout.resumed();
  assert.equal(rollout.state.phase, "soaking");
});

test("only Gantry itself takes back that the server is behind", () => {
  const rollout = rolling();
  rollout.hear(behind);
  assert.equal(rollout.resumed(), "server_behind");
  assert.equal(rollout.hear({ type: "resumed", reason: "server_behind", by: bo }), "server_behind");
  assert.equal(rollout.hear(caughtUp), "moved");
  assert.equal(rollout.hear(caughtUp), "ignored");
  assert.equal(rollout.hear(behind), "moved");
  assert.equal(rollout.hear(behind), "ignored", "it is known");
});

test("a person cannot resume past failed hosts without saying what becomes of them", () => {
  const rollout = rolling({ policy: { onFailure: "pause" } });
  rollout.failed("prod-1");
  assert.equal(rollout.resumed(), "paused_on_failure");
  rollout.paused();
  assert.equal(rollout.resumed(), "moved", "the other pause goes");
  assert.deepEqual(rollout.pauses(), ["paused_on_failure"]);
});

test("a failure during a pause is noted, and acted on when it goes on", () => {
  const rollout = rolling({ canary: 0, batch: 3, policy: { onFailure: "restore", rollbackBatch: { percent: 100 } } });
  rollout.paused();
  rollout.failed("prod-1");
  assert.equal(rollout.state.phase, "rolling");
  assert.deepEqual(rollout.state.owed, { reason: "unhealthy", detail: "prod-1: 503 from /healthz" });
  assert.deepEqual(rollout.goals(), {});
  assert.deepEqual(rollout.verdicts(), []);
  rollout.resumed();
  assert.equal(rollout.state.phase, "restoring");
  assert.deepEqual(rollout.goals(), { "prod-1": 41, "prod-2": 41, "prod-3": 41 });
  assert.deepEqual(rollout.verdicts(), ["r42 bad"]);
  assert.equal(rollout.state.owed, null);
});

test("what is owed can be answered instead: with a retry, or with continue", () => {
  const rollout = rolling({ canary: 0, batch: 3, policy: { onFailure: "restore" } });
  rollout.paused();
  rollout.failed("prod-1");
  assert.equal(rollout.hear({ type: "retried", by: bo }), "moved");
  assert.deepEqual(rollout.goals(), {}, "it is paused still");
  assert.deepEqual(rollout.pauses(), ["paused"]);
  rollout.swapped("prod-2");
  rollout.failed("prod-3");
  assert.equal(rollout.hear({ type: "continued", by: bo, why: "x" }), "moved");
  assert.equal(rollout.state.owed, null);
  rollout.resumed();
  assert.deepEqual(rollout.goals(), { "prod-1": 42 });
});

test("a pause holds up the way back, too: no new goal, not even a restore", () => {
  const rollout = rolling({ canary: 0, batch: 3, policy: { onFailure: "restore", rollbackBatch: { hosts: 1 } } });
  rollout.swapped("prod-1", "prod-2");
  rollout.failed("prod-3");
  assert.deepEqual(rollout.status(), { "prod-1": "restoring", "prod-2": "returning", "prod-3": "restoring" });
  rollout.paused();
  rollout.back("prod-1", "prod-3");
  assert.deepEqual(rollout.goals(), {});
  assert.equal(rollout.state.phase, "restoring");
  rollout.resumed();
  assert.deepEqual(rollout.goals(), { "prod-2": 41 });
});

test("an abort acts at once, whatever it is paused for", () => {
  const rollout = rolling();
  rollout.paused();
  rollout.hear(behind);
  rollout.hear({ type: "cancelled", by: bo, why: "enough", blame: false });
  assert.deepEqual(rollout.goals(), { "prod-1": 41 });
  assert.deepEqual(rollout.pauses(), []);
});

test("what was decided while paused begins at the resume", () => {
  const rollout = new Told(aRequest());
  rollout.images();
  rollout.paused();
  rollout.approved();
  assert.equal(rollout.state.phase, "queued");
  assert.deepEqual(rollout.desired(), {});
  assert.deepEqual(rollout.timers(), []);
  rollout.resumed();
  assert.deepEqual(rollout.desired(), { "prod-1": 42 });
});

test("refusals", () => {
  const rollout = rolling();
  assert.equal(rollout.resumed(), "not_paused");
  rollout.paused();
  assert.equal(rollout.paused(), "paused");
  assert.equal(rollout.hear({ type: "paused", reason: "paused_on_failure", by: bo, why: null }), "nothing_failed");
  assert.equal(rollout.hear({ type: "paused", reason: "line_held", by: bo, why: null }), "already_decided");
  rollout.hear({ type: "cancelled", by: bo, why: null, blame: false });
  rollout.back("prod-1");
  assert.equal(rollout.paused(), "already_ended");
  assert.equal(rollout.resumed(), "already_ended");
  assert.equal(rollout.hear(behind), "ignored");
});
