/** Waiting in line: it holds nothing, takes approvals, and is planned anew at its turn. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { isActive } from "../../src/core/rollout-state.ts";
import { ana, aRequest, bo, eva, noon, Told } from "../kit/rollouts.ts";

function inLine(change: Parameters<typeof aRequest>[0] = {}): Told {
  return new Told(aRequest({ inLine: true, ...change }));
}

/** Its turn comes an hour later. */
function turn(
  rollout: Told,
  change: { planHash?: string; approvalsRequired?: number; expireMs?: number; budget?: number; hostNames?: string[] } = {},
) {
  const { hostNames, ...rest } = change;
  const { from, back, planHash, policy, approvalsRequired, batches, hosts } = aRequest(
    hostNames === undefined ? {} : { hostNames },
  );
  rollout.wait(3_600_000);
  return rollout.hear({ type: "turn_came", from, back, planHash, policy, approvalsRequired, batches, hosts, ...rest });
}

test("one in line holds nothing, waits for no clock, and takes approvals", () => {
  const rollout = inLine({ approvalsRequired: 2 });
  assert.equal(rollout.state.phase, "in_line");
  assert.equal(isActive(rollout.state), false);
  assert.deepEqual(rollout.timers(), []);
  assert.equal(rollout.hear({ type: "expired" }), "ignored", "it does not expire in line");
  assert.equal(rollout.approved(bo), "moved");
  assert.equal(rollout.approved(bo), "already_approved");
  assert.equal(rollout.approved(eva), "moved");
  assert.equal(rollout.approved(ana), "already_decided", "two are enough");
  assert.equal(rollout.state.phase, "in_line");
  assert.deepEqual(rollout.desired(), {});
});

test("its turn, with the same plan: the approvals count", () => {
  const rollout = inLine();
  rollout.approved();
  assert.equal(turn(rollout), "moved");
  assert.equal(rollout.state.phase, "queued");
  assert.equal(rollout.state.approvals.length, 1);
  rollout.images();
  assert.deepEqual(rollout.desired(), { "prod-1": 42 });
  assert.equal(turn(rollout), "ignored", "it comes once");
});

test("its turn, with the environment as it is now: so is the budget", () => {
  const rollout = inLine({ budget: 3 });
  rollout.approved();
  turn(rollout, { budget: 2 });
  assert.equal(rollout.state.budget, 2);
});

test("its turn, with too few approvals: the wait for them begins now, and expires", () => {
  const rollout = inLine({ approvalsRequired: 2 });
  rollout.approved();
  turn(rollout, { approvalsRequired: 2 });
  assert.equal(rollout.state.phase, "awaiting_approval");
  assert.equal(rollout.state.reason, "awaiting_approval");
  assert.equal(rollout.state.expiresAt, noon + 90 * 60_000);
  assert.deepEqual(rollout.timers(), ["expiry"]);
  rollout.approved(eva);
  assert.equal(rollout.state.phase, "queued");
});

test("its turn, with an approval older than a request may wait: it does not count, and that is said", () => {
  const rollout = inLine({ approvalsRequired: 2 });
  rollout.approved(bo);
  rollout.wait(45 * 60_000);
  rollout.approved(eva);
  assert.equal(turn(rollout, { approvalsRequired: 2, expireMs: 90 * 60_000 }), "moved");
  assert.equal(rollout.state.phase, "awaiting_approval");
  assert.deepEqual(
    rollout.state.approvals.map(({ by }) => by.name),
    [eva.name],
  );
  assert.equal(rollout.state.reason, "awaiting_approval");
  assert.equal(rollout.state.detail, "bo approved it 105 min ago, while it waited in line: too long ago to count");
  assert.equal(rollout.state.expiresAt, noon + (105 + 90) * 60_000, "the wait for the rest begins now");
  assert.equal(rollout.approved(bo), "moved", "who said yes then may say so again");
  assert.equal(rollout.state.phase, "queued");
});

test("a turn of a time when approvals did not grow old is still what it was", () => {
  const rollout = inLine();
  rollout.approved();
  rollout.wait(7 * 24 * 3_600_000);
  turn(rollout);
  assert.equal(rollout.state.phase, "queued");
});

test("in line an approval that has grown old may be given again, or by another; a fresh one may not", () => {
  const rollout = inLine();
  rollout.approved(bo);
  assert.equal(rollout.approved(bo), "already_approved");
  assert.equal(rollout.approved(eva), "already_decided");
  rollout.wait(30 * 60_000);
  assert.equal(rollout.approved(bo), "moved");
  rollout.wait(30 * 60_000);
  assert.equal(rollout.approved(eva), "moved");
  assert.deepEqual(
    rollout.state.approvals.map(({ by }) => by.name),
    [eva.name],
  );
});

test("its turn, with another plan: approvals are void, and it asks again, saying why", () => {
  const rollout = inLine();
  rollout.approved();
  turn(rollout, { planHash: "another", hostNames: ["prod-1", "prod-4"] });
  assert.equal(rollout.state.phase, "awaiting_approval");
  assert.equal(rollout.state.reason, "plan_changed");
  assert.equal(rollout.state.detail, "the plan changed while it waited in line, so its approval does not count");
  assert.deepEqual(rollout.state.approvals, []);
  assert.deepEqual(Object.keys(rollout.status()), ["prod-1", "prod-4"]);
  assert.equal(rollout.approved(), "moved", "the same person may approve the new plan");
  assert.equal(rollout.state.phase, "queued");
});

test("where nobody need approve it begins, whatever the plan", () => {
  const rollout = inLine({ approvalsRequired: 0 });
  assert.equal(rollout.approved(), "already_decided");
  turn(rollout, { planHash: "another", approvalsRequired: 0 });
  assert.equal(rollout.state.phase, "queued");
});

test("its turn with nobody left, or nothing to do, ends it", () => {
  const none = inLine();
  turn(none, { hostNames: [] });
  assert.equal(none.state.phase, "cancelled");
  assert.equal(none.state.reason, "no_hosts");
});

test("a held line: its turn does not come before somebody says resume", () => {
  const rollout = inLine();
  rollout.approved();
  assert.equal(rollout.hear({ type: "paused", reason: "line_held", by: null, why: "#141 was rolled back" }), "moved");
  assert.equal(turn(rollout), "ignored");
  assert.equal(rollout.paused(), "in_line", "what waits cannot be paused");
  assert.equal(rollout.resumed(), "moved");
  assert.equal(turn(rollout), "moved");
});

test("leaving: by the requester, by a rejection, or thrown out", () => {
  for (const [event, reason] of [
    [{ type: "cancelled", by: ana, why: null, blame: false }, "cancelled"],
    [{ type: "rejected", by: bo, why: "not this one" }, "rejected"],
    [{ type: "thrown_out", reason: "bad_release", detail: "r42 was judged bad in staging" }, "bad_release"],
  ] as const) {
    const rollout = inLine();
    assert.equal(rollout.hear(event), "moved");
    assert.equal(rollout.state.reason, reason);
    assert.deepEqual(rollout.timers(), []);
    assert.equal(turn(rollout), "ignored");
  }
});

test("nobody is thrown out of what has begun", () => {
  const rollout = new Told(aRequest({ approvalsRequired: 0 }));
  rollout.images();
  assert.equal(rollout.hear({ type: "thrown_out", reason: "bad_release", detail: "x" }), "ignored");
});

test("verbs for a rollout under way are refused in line", () => {
  const rollout = inLine();
  assert.equal(rollout.hear({ type: "retried", by: bo }), "nothing_failed");
  assert.equal(rollout.hear({ type: "soak_skipped", by: bo, why: null }), "not_soaking");
  assert.equal(rollout.resumed(), "not_paused");
});
