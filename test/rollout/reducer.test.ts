import assert from "node:assert/strict";
import { test } from "node:test";
import { ana, aRequest, bo, eva, noon, rolling, Told } from "../kit/rollouts.ts";

test("a deploy waits for approval, rolls canary first, soaks between batches, and is good at the end", () => {
  const rollout = new Told(aRequest());
  rollout.images();
  assert.equal(rollout.state.phase, "awaiting_approval");
  assert.deepEqual(rollout.desired(), {}, "nothing is touched before the approval");
  rollout.approved();
  assert.deepEqual(rollout.status(), { "prod-1": "swapping", "prod-2": "waiting", "prod-3": "waiting" });
  rollout.swapped("prod-1");
  assert.equal(rollout.state.phase, "soaking");
  rollout.soaked();
  assert.deepEqual(rollout.status(), { "prod-1": "healthy", "prod-2": "swapping", "prod-3": "swapping" });
  rollout.swapped("prod-3");
  assert.equal(rollout.state.phase, "rolling", "the batch is not done before all of it is");
  rollout.swapped("prod-2");
  assert.equal(rollout.state.phase, "soaking");
  assert.deepEqual(rollout.verdicts(), [], "no verdict before the final soak");
  rollout.soaked();
  assert.equal(rollout.state.phase, "succeeded");
  assert.deepEqual(rollout.verdicts(), ["r42 good"]);
});

test("without a need for approval it starts as soon as the first batch has the image", () => {
  const rollout = new Told(aRequest({ approvalsRequired: 0 }));
  assert.equal(rollout.state.phase, "queued");
  rollout.images("prod-2");
  assert.deepEqual(rollout.desired(), {}, "prod-1 is first and does not have it");
  assert.equal(rollout.state.reason, "awaiting_images");
  assert.equal(rollout.state.detail, "prod-1");
  rollout.images("prod-1");
  assert.deepEqual(rollout.desired(), { "prod-1": 42 });
});

test("no host of a batch is touched before all of it have the image", () => {
  const rollout = new Told(aRequest({ approvalsRequired: 0, canary: 0, batch: 3 }));
  rollout.images("prod-1", "prod-2");
  assert.deepEqual(rollout.desired(), {});
  rollout.images("prod-3");
  assert.deepEqual(rollout.desired(), { "prod-1": 42, "prod-2": 42, "prod-3": 42 });
});

test("the first decision wins; the second is told it is late; the same person cannot approve twice", () => {
  const rollout = new Told(aRequest({ approvalsRequired: 2 }));
  assert.equal(rollout.approved(bo), "moved");
  assert.equal(rollout.approved(bo), "already_approved");
  assert.equal(rollout.state.phase, "awaiting_approval");
  assert.equal(rollout.approved(eva), "moved");
  assert.equal(rollout.state.phase, "queued");
  assert.equal(rollout.hear({ type: "rejected", by: ana, why: "no" }), "already_decided");
});

test("a rejected, expired or outdated request ends with nothing touched", () => {
  for (const [event, phase] of [
    [{ type: "rejected", at: noon, by: bo, why: "not on a Friday" }, "rejected"],
    [{ type: "expired", at: noon }, "expired"],
    [{ type: "plan_changed", at: noon, detail: "prod-4 joined" }, "cancelled"],
    [{ type: "cancelled", at: noon, by: ana, why: null, blame: false }, "cancelled"],
    [{ type: "thrown_out", at: noon, reason: "bad_release", detail: "judged bad meanwhile" }, "cancelled"],
  ] as const) {
    const rollout = new Told(aRequest());
    rollout.tell(event);
    assert.equal(rollout.state.phase, phase);
    assert.deepEqual(rollout.desired(), {});
    assert.deepEqual(rollout.timers(), []);
    assert.equal(rollout.approved(), "already_ended");
  }
});

test("a rollout over no hosts, or with nothing to do, is never a success", () => {
  for (const approvalsRequired of [0, 1]) {
    const none = new Told(aRequest({ approvalsRequired, hostNames: [] }));
    assert.equal(none.state.phase, "cancelled");
    assert.equal(none.state.reason, "no_hosts");
    const hosts = [{ host: "a", from: 42, unchanged: true }];
    const idle = new Told(aRequest({ approvalsRequired, hosts, batches: [] }));
    assert.equal(idle.state.phase, "cancelled");
    assert.equal(idle.state.reason, "already_live");
    assert.deepEqual([...none.verdicts(), ...idle.verdicts()], []);
  }
});

test("an image that failed and came right after all is good enough", () => {
  const rollout = new Told(aRequest({ hostNames: ["one"] }));
  rollout.hear({ type: "image_failed", host: "one", reason: "registry_unreachable", detail: "down" });
  assert.equal(rollout.state.phase, "awaiting_approval", "the card shows it; it may still come right");
  rollout.images();
  rollout.approved();
  assert.deepEqual(rollout.desired(), { one: 42 });
});

test("an image that cannot be had ends it with nothing touched", () => {
  const rollout = new Told(aRequest());
  rollout.hear({ type: "image_failed", host: "prod-1", reason: "registry_auth", detail: "401" });
  rollout.approved();
  assert.equal(rollout.state.phase, "restored");
  assert.equal(rollout.state.reason, "registry_auth");
  assert.deepEqual(rollout.status(), { "prod-1": "failed", "prod-2": "waiting", "prod-3": "waiting" });
  assert.deepEqual(rollout.desired(), {});
  assert.deepEqual(rollout.verdicts(), []);
});

test("a host that serves the release already is not touched", () => {
  const hosts = [
    { host: "a", from: 42, unchanged: true },
    { host: "b", from: 41, unchanged: false },
  ];
  const rollout = new Told(aRequest({ approvalsRequired: 0, hosts, batches: [["b"]] }));
  rollout.images("b");
  assert.deepEqual(rollout.desired(), { b: 42 });
  rollout.swapped("b");
  rollout.soaked();
  assert.equal(rollout.state.phase, "succeeded");
});

test("the last soak is that of the whole, and is as long as the policy says", () => {
  const rollout = rolling({ policy: { soakMs: 10_000, endSoakMs: 600_000 }, batch: 3 });
  rollout.swapped("prod-1");
  assert.equal(rollout.state.soakEndsAt, noon + 10_000);
  assert.equal(rollout.hear({ type: "soaked" }), "ignored", "a timer that rings too early ends nothing");
  rollout.soaked();
  rollout.swapped("prod-2", "prod-3");
  assert.equal(rollout.state.soakEndsAt, noon + 610_000);
  rollout.soaked();
  assert.equal(rollout.state.phase, "succeeded");
});

test("reports that come late or twice change nothing", () => {
  const rollout = rolling();
  assert.equal(rollout.swapped("prod-2")[0], "ignored", "it was never told to swap");
  rollout.swapped("prod-1");
  const { state } = rollout;
  assert.deepEqual(rollout.swapped("prod-1", "prod-9"), ["ignored", "ignored"]);
  assert.equal(rollout.failed("prod-1"), "ignored");
  assert.equal(rollout.overdue("prod-1", true), "ignored");
  assert.deepEqual(rollout.back("prod-1"), ["ignored"]);
  assert.equal(rollout.state, state);
});

test("how long the present wait has lasted is counted anew with each wait", () => {
  const rollout = new Told(aRequest());
  rollout.wait(1_000);
  rollout.images("prod-2");
  assert.equal(rollout.state.since, noon, "it still waits for approval");
  rollout.approved();
  assert.equal(rollout.state.since, noon + 1_000);
  rollout.wait(1_000);
  rollout.images("prod-1");
  assert.equal(rollout.state.since, noon + 2_000);
  rollout.wait(1_000);
  rollout.paused();
  assert.equal(rollout.state.since, noon + 3_000);
});
