import assert from "node:assert/strict";
import { test } from "node:test";
import { ana, aRequest, bo, eva, noon, Told } from "../kit/rollouts.ts";

function imagesEverywhere(rollout: Told): void {
  for (const { host } of rollout.state.hosts) rollout.tell({ type: "image_present", at: noon, host });
}

const fault = { reason: "unhealthy", detail: "503 from /healthz", logTail: ["boom"] } as const;

test("a deploy waits for approval, rolls canary first, soaks between batches, and is good at the end", () => {
  const rollout = new Told(aRequest());
  imagesEverywhere(rollout);
  assert.equal(rollout.state.phase, "awaiting_approval");
  assert.deepEqual(rollout.desired(), {}, "nothing is touched before the approval");
  rollout.tell({ type: "approved", at: noon, by: bo });
  assert.deepEqual(rollout.status(), { "prod-1": "swapping", "prod-2": "waiting", "prod-3": "waiting" });
  rollout.tell({ type: "host_swapped", at: noon, host: "prod-1", tookMs: 400 });
  assert.equal(rollout.state.phase, "soaking");
  rollout.tell({ type: "soaked", at: noon + 30_000 });
  assert.deepEqual(rollout.status(), { "prod-1": "healthy", "prod-2": "swapping", "prod-3": "swapping" });
  rollout.tell({ type: "host_swapped", at: noon, host: "prod-3", tookMs: 400 });
  assert.equal(rollout.state.phase, "rolling", "the batch is not done before all of it is");
  rollout.tell({ type: "host_swapped", at: noon, host: "prod-2", tookMs: 400 });
  assert.equal(rollout.state.phase, "soaking");
  assert.deepEqual(rollout.verdicts(), [], "no verdict before the final soak");
  rollout.tell({ type: "soaked", at: noon + 60_000 });
  assert.equal(rollout.state.phase, "succeeded");
  assert.deepEqual(rollout.verdicts(), ["r42 good"]);
});

test("without a need for approval it starts as soon as the first batch has the image", () => {
  const rollout = new Told(aRequest({ approvalsRequired: 0 }));
  assert.equal(rollout.state.phase, "queued");
  rollout.tell({ type: "image_present", at: noon, host: "prod-2" });
  assert.deepEqual(rollout.desired(), {}, "prod-1 is first and does not have it");
  rollout.tell({ type: "image_present", at: noon, host: "prod-1" });
  assert.deepEqual(rollout.desired(), { "prod-1": 42 });
});

test("the first decision wins; the second is told it is late; the same person cannot approve twice", () => {
  const rollout = new Told(aRequest({ approvalsRequired: 2 }));
  assert.equal(rollout.tell({ type: "approved", at: noon, by: bo }), "moved");
  assert.equal(rollout.tell({ type: "approved", at: noon, by: bo }), "already_approved");
  assert.equal(rollout.state.phase, "awaiting_approval");
  assert.equal(rollout.tell({ type: "approved", at: noon, by: eva }), "moved");
  assert.equal(rollout.state.phase, "queued");
  assert.equal(rollout.tell({ type: "rejected", at: noon, by: ana, why: "no" }), "already_decided");
});

test("a rejected, expired or outdated request ends with nothing touched", () => {
  for (const [event, phase] of [
    [{ type: "rejected", at: noon, by: bo, why: "not on a Friday" }, "rejected"],
    [{ type: "expired", at: noon }, "expired"],
    [{ type: "plan_changed", at: noon, detail: "prod-4 joined" }, "cancelled"],
    [{ type: "cancelled", at: noon, by: ana, why: null, blame: false }, "cancelled"],
  ] as const) {
    const rollout = new Told(aRequest());
    rollout.tell(event);
    assert.equal(rollout.state.phase, phase);
    assert.deepEqual(rollout.desired(), {});
    assert.equal(rollout.tell({ type: "approved", at: noon, by: bo }), "already_ended");
  }
});

test("a host that fails sends every touched host back, and only those; the release is bad", () => {
  const rollout = new Told(aRequest({ approvalsRequired: 0 }));
  imagesEverywhere(rollout);
  rollout.tell({ type: "host_swapped", at: noon, host: "prod-1", tookMs: 1 });
  rollout.tell({ type: "soaked", at: noon });
  rollout.tell({ type: "host_failed", at: noon, host: "prod-2", ...fault });
  assert.equal(rollout.state.phase, "restoring");
  assert.deepEqual(rollout.desired(), { "prod-1": 41, "prod-2": 41, "prod-3": 41 });
  assert.deepEqual(rollout.verdicts(), ["r42 bad"]);
  for (const host of ["prod-1", "prod-2", "prod-3"]) rollout.tell({ type: "host_restored", at: noon, host });
  assert.equal(rollout.state.phase, "restored");
  assert.equal(rollout.state.reason, "unhealthy");
});

test("a failing canary leaves the other hosts untouched", () => {
  const rollout = new Told(aRequest({ approvalsRequired: 0 }));
  imagesEverywhere(rollout);
  rollout.tell({ type: "host_failed", at: noon, host: "prod-1", ...fault });
  assert.deepEqual(rollout.desired(), { "prod-1": 41 });
  rollout.tell({ type: "host_restored", at: noon, host: "prod-1" });
  assert.deepEqual(rollout.status(), { "prod-1": "restored", "prod-2": "waiting", "prod-3": "waiting" });
});

test("a crash after the health check passed is caught while soaking", () => {
  const rollout = new Told(aRequest({ approvalsRequired: 0, hostNames: ["one"] }));
  imagesEverywhere(rollout);
  rollout.tell({ type: "host_swapped", at: noon, host: "one", tookMs: 1 });
  rollout.tell({ type: "host_unwell", at: noon, host: "one", reason: "crash_loop", detail: "restarted", logTail: [] });
  assert.equal(rollout.state.phase, "restoring");
  assert.deepEqual(rollout.verdicts(), ["r42 bad"]);
  assert.equal(rollout.tell({ type: "soaked", at: noon }), "ignored", "a late soak timer changes nothing");
});

test("a lost host is not the release's fault, and a restore that cannot be proved is stuck", () => {
  const rollout = new Told(aRequest({ approvalsRequired: 0, hostNames: ["one"] }));
  imagesEverywhere(rollout);
  rollout.tell({ type: "host_overdue", at: noon, host: "one", connected: false });
  assert.deepEqual(rollout.verdicts(), []);
  assert.equal(rollout.state.phase, "restoring");
  rollout.tell({ type: "host_overdue", at: noon, host: "one", connected: false });
  assert.equal(rollout.state.phase, "stuck");
  assert.equal(rollout.state.hosts[0]?.reason, "host_lost");
});

test("an image that cannot be had ends it with nothing touched", () => {
  const rollout = new Told(aRequest());
  rollout.tell({ type: "image_failed", at: noon, host: "prod-1", reason: "registry_auth", detail: "401" });
  assert.equal(rollout.state.phase, "awaiting_approval", "the card shows it; it may still come right");
  rollout.tell({ type: "approved", at: noon, by: bo });
  assert.equal(rollout.state.phase, "restored");
  assert.equal(rollout.state.reason, "registry_auth");
  assert.deepEqual(rollout.desired(), {});
  assert.deepEqual(rollout.verdicts(), []);
});

test("an image that failed and came right after all is good enough", () => {
  const rollout = new Told(aRequest({ hostNames: ["one"] }));
  rollout.tell({ type: "image_failed", at: noon, host: "one", reason: "registry_unreachable", detail: "down" });
  rollout.tell({ type: "image_present", at: noon, host: "one" });
  rollout.tell({ type: "approved", at: noon, by: bo });
  assert.deepEqual(rollout.desired(), { one: 42 });
});

test("cancel while rolling stops and puts back, without blaming the release", () => {
  const rollout = new Told(aRequest({ approvalsRequired: 0 }));
  imagesEverywhere(rollout);
  rollout.tell({ type: "cancelled", at: noon, by: ana, why: "wrong one", blame: false });
  assert.deepEqual(rollout.desired(), { "prod-1": 41 });
  assert.deepEqual(rollout.verdicts(), []);
  rollout.tell({ type: "host_restored", at: noon, host: "prod-1" });
  assert.equal(rollout.state.phase, "restored");
  assert.equal(rollout.state.reason, "cancelled");
});

test("a rollback needs no image and no soak, marks what it leaves as bad, and is never undone", () => {
  const rollout = new Told(aRequest({ kind: "rollback", approvalsRequired: 0, release: 41, from: 42 }));
  assert.deepEqual(rollout.verdicts(), ["r42 bad"], "at once, so that nothing ships it again meanwhile");
  assert.deepEqual(rollout.status(), { "prod-1": "swapping", "prod-2": "swapping", "prod-3": "waiting" });
  rollout.tell({ type: "host_failed", at: noon, host: "prod-1", ...fault });
  assert.equal(rollout.state.phase, "rolling", "the others go on");
  rollout.tell({ type: "host_swapped", at: noon, host: "prod-2", tookMs: 1 });
  assert.equal(rollout.tell({ type: "cancelled", at: noon, by: ana, why: null, blame: false }), "already_decided");
  rollout.tell({ type: "host_swapped", at: noon, host: "prod-3", tookMs: 1 });
  assert.equal(rollout.state.phase, "stuck");
  assert.deepEqual(rollout.desired(), { "prod-1": 41, "prod-2": 41, "prod-3": 41 });
});

test("a rollback that reaches every host succeeds", () => {
  const rollout = new Told(aRequest({ kind: "rollback", approvalsRequired: 0, release: 41, from: 42, batch: 3 }));
  for (const host of ["prod-1", "prod-2", "prod-3"]) rollout.tell({ type: "host_swapped", at: noon, host, tookMs: 1 });
  assert.equal(rollout.state.phase, "succeeded");
  assert.deepEqual(rollout.verdicts(), ["r42 bad", "r41 good"]);
});

test("a host that serves the release already is not touched", () => {
  const hosts = [
    { host: "a", from: 42, unchanged: true },
    { host: "b", from: 41, unchanged: false },
  ];
  const rollout = new Told(aRequest({ approvalsRequired: 0, hosts, batches: [["b"]] }));
  rollout.tell({ type: "image_present", at: noon, host: "b" });
  assert.deepEqual(rollout.desired(), { b: 42 });
});
