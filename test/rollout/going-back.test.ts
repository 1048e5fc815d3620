/** Abort, the way back in turns, rollbacks and restarts. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ana, aRequest, bo, rolling, Told } from "../kit/rollouts.ts";

const abort = { type: "cancelled", by: ana, why: "wrong one", blame: false } as const;
const six = ["h1", "h2", "h3", "h4", "h5", "h6"];

/** Four of six hosts serve the release, one swaps, one has not been touched. */
function underWay(change: Parameters<typeof rolling>[0] = {}): Told {
  const rollout = rolling({ hostNames: six, canary: 4, batch: 1, ...change });
  rollout.swapped("h1", "h2", "h3", "h4");
  rollout.soaked();
  return rollout;
}

test("an abort stops and puts back what was touched, without blaming the release", () => {
  const rollout = rolling();
  rollout.hear(abort);
  assert.deepEqual(rollout.desired(), { "prod-1": 41 });
  assert.deepEqual(rollout.verdicts(), []);
  rollout.back("prod-1");
  assert.equal(rollout.state.phase, "restored");
  assert.equal(rollout.state.reason, "cancelled");
  assert.equal(rollout.state.detail, "wrong one");
  assert.equal(rollout.state.endedBy, ana);
});

test("hosts go back in turns: broken ones at once, the others some at a time", () => {
  const rollout = underWay({ policy: { rollbackBatch: { percent: 34 } } });
  rollout.fitness = { unwell: ["h3"], away: [] };
  rollout.hear(abort);
  const wanted = { h1: "restoring", h2: "restoring", h3: "restoring", h4: "returning", h5: "restoring", h6: "waiting" };
  assert.deepEqual(rollout.status(), wanted, "h5 was in mid-swap, h3 does not serve: they cost nothing; two of the well ones");
  rollout.back("h3", "h5");
  assert.deepEqual(rollout.goals(), {}, "h1 and h2 have the two turns");
  rollout.back("h1");
  assert.deepEqual(rollout.goals(), { h4: 41 });
});

test("hosts on their way back that were well take turns of that size", () => {
  const rollout = underWay({ policy: { rollbackBatch: { hosts: 1 } } });
  rollout.hear(abort);
  assert.deepEqual(rollout.goals(), { h1: 41, h5: 41 });
  rollout.back("h5");
  assert.deepEqual(rollout.goals(), {}, "h1 has the only turn");
  rollout.back("h1");
  assert.deepEqual(rollout.goals(), { h2: 41 });
  rollout.unwell("h4");
  assert.deepEqual(rollout.goals(), { h4: 41 }, "one that breaks while it waits goes at once");
  rollout.back("h2", "h4");
  assert.deepEqual(rollout.goals(), {});
  assert.deepEqual(rollout.status(), {
    ...{ h1: "restored", h2: "restored", h3: "restoring", h4: "restored", h5: "restored", h6: "waiting" },
  });
  rollout.back("h3");
  assert.equal(rollout.state.phase, "restored");
});

test("hosts may go to another release; those that serve it already stay, and untouched ones get nothing", () => {
  const rollout = underWay({ policy: { rollbackBatch: { percent: 100 } } });
  rollout.hear({ ...abort, by: bo, blame: true, to: 39 });
  assert.deepEqual(rollout.goals(), { h1: 39, h2: 39, h3: 39, h4: 39, h5: 39 });
  assert.deepEqual(
    rollout.state.hosts.map((h) => h.back),
    [39, 39, 39, 39, 39, null],
  );
  const verdict = rollout.effects.find((e) => e.kind === "verdict");
  assert.deepEqual(verdict, {
    kind: "verdict",
    release: 42,
    verdict: "bad",
    reason: "rolled_back",
    detail: "rolled back by bo",
    by: bo,
  });
  const same = underWay({ policy: { rollbackBatch: { percent: 100 } } });
  same.hear({ ...abort, to: 42 });
  assert.deepEqual(same.goals(), { h5: 42 }, "only the one in mid-swap");
  same.back("h5");
  assert.equal(same.state.phase, "restored");
  const emptied = rolling();
  emptied.hear({ ...abort, to: null });
  assert.deepEqual(emptied.goals(), { "prod-1": null });
});

test("a host that cannot be put back is stuck, and so is the rollout once the others are done", () => {
  const rollout = rolling({ canary: 0, batch: 3, policy: { rollbackBatch: { percent: 100 } } });
  rollout.hear(abort);
  rollout.hear({ type: "host_restore_failed", host: "prod-2", reason: "restore_failed", detail: "gone", logTail: [] });
  assert.equal(rollout.state.phase, "restoring");
  rollout.back("prod-1");
  rollout.overdue("prod-3", false);
  assert.equal(rollout.state.phase, "stuck");
  assert.deepEqual(rollout.status(), { "prod-1": "restored", "prod-2": "stuck", "prod-3": "stuck" });
  assert.equal(rollout.state.hosts[2]?.reason, "host_lost");
  assert.deepEqual(rollout.timers(), []);
});

test("a failed rollout is stopped once: nothing more is decided while it goes back", () => {
  const rollout = rolling();
  rollout.hear(abort);
  assert.equal(rollout.hear(abort), "already_decided");
  assert.equal(rollout.failed("prod-1"), "ignored");
  assert.equal(rollout.hear({ type: "stalled" }), "ignored");
  rollout.back("prod-1");
  assert.equal(rollout.hear(abort), "already_ended");
});

test("a retried host that waits for its turn was touched: it goes back, too", () => {
  const rollout = rolling({ canary: 0, batch: 2, hostNames: six, policy: { onFailure: "pause" } });
  rollout.failed("h1");
  rollout.paused();
  rollout.hear({ type: "retried", by: bo });
  assert.equal(rollout.state.hosts[0]?.status, "waiting");
  rollout.hear(abort);
  assert.deepEqual(rollout.goals(), { h1: 41, h2: 41 });
});

test("a host that served, broke and swaps again is out of service, and goes back at once", () => {
  const rollout = rolling({ canary: 0, batch: 2, policy: { onFailure: "pause", rollbackBatch: { hosts: 1 } } });
  rollout.swapped("prod-1", "prod-2");
  rollout.unwell("prod-2");
  rollout.hear({ type: "retried", by: bo });
  assert.deepEqual(rollout.goals(), { "prod-2": 42 });
  rollout.hear(abort);
  assert.deepEqual(rollout.goals(), { "prod-1": 41, "prod-2": 41 });
});

// ------------------------------------------------------------ rollbacks

const back = { kind: "rollback", approvalsRequired: 0, release: 41, from: 42 } as const;

test("a rollback needs no image and no soak, says at once what is bad, and is never undone", () => {
  const rollout = new Told(aRequest({ ...back, policy: { rollbackBatch: { hosts: 2 } } }));
  const bad = rollout.effects.find((e) => e.kind === "verdict");
  assert.deepEqual(bad, {
    kind: "verdict",
    release: 42,
    verdict: "bad",
    reason: "rolled_back",
    detail: "rolled back by ana",
    by: ana,
  });
  assert.deepEqual(rollout.status(), { "prod-1": "swapping", "prod-2": "swapping", "prod-3": "waiting" });
  rollout.failed("prod-1");
  assert.equal(rollout.state.phase, "rolling", "the others go on");
  rollout.swapped("prod-2");
  assert.equal(rollout.hear(abort), "already_decided");
  rollout.swapped("prod-3");
  assert.equal(rollout.state.phase, "stuck");
  assert.equal(rollout.state.detail, "prod-1 could not be rolled back");
  assert.deepEqual(rollout.desired(), { "prod-1": 41, "prod-2": 41, "prod-3": 41 });
});

test("a rollback that reaches every host succeeds, and what it went to is good", () => {
  const rollout = new Told(aRequest({ ...back, policy: { rollbackBatch: { percent: 100 } } }));
  rollout.swapped("prod-1", "prod-2", "prod-3");
  assert.equal(rollout.state.phase, "succeeded");
  assert.deepEqual(rollout.verdicts(), ["r42 bad", "r41 good"]);
});

test("a rollback has no budget: all broken hosts go at once, then the others in turns", () => {
  const fitness = { unwell: ["h2", "h4", "h6"], away: [] };
  const rollout = new Told(
    aRequest({ ...back, hostNames: six, fitness, policy: { rollbackBatch: { hosts: 2 }, maxUnavailable: { hosts: 1 } } }),
  );
  assert.deepEqual(rollout.goals(), { h2: 41, h4: 41, h6: 41 });
  rollout.swapped("h2", "h4", "h6");
  assert.deepEqual(rollout.goals(), { h1: 41, h3: 41 });
});

test("hosts that nobody hears of are told, left behind, and taken in when they return in time", () => {
  const fitness = { unwell: [], away: ["prod-3"] };
  const policy = { rollbackBatch: { hosts: 1 } };
  const gone = new Told(aRequest({ ...back, fitness, policy }));
  assert.deepEqual(gone.goals(), { "prod-3": 41, "prod-1": 41 });
  assert.deepEqual(gone.status(), { "prod-1": "swapping", "prod-2": "waiting", "prod-3": "failed" });
  gone.swapped("prod-1", "prod-2");
  assert.equal(gone.state.phase, "stuck");
  const returned = new Told(aRequest({ ...back, fitness, policy }));
  returned.swapped("prod-1", "prod-3", "prod-2");
  assert.equal(returned.state.phase, "succeeded");
});

test("a rollback of nobody who can be reached ends stuck at once, and all of them are told", () => {
  const fitness = { unwell: [], away: ["prod-1", "prod-2", "prod-3"] };
  const rollout = new Told(aRequest({ ...back, fitness }));
  assert.equal(rollout.state.phase, "stuck");
  assert.deepEqual(rollout.desired(), { "prod-1": 41, "prod-2": 41, "prod-3": 41 });
});

test("a host that is lost in the middle of a rollback is not waited for", () => {
  const rollout = new Told(aRequest({ ...back, policy: { rollbackBatch: { hosts: 1 }, unreachable: "wait" } }));
  rollout.overdue("prod-1", false);
  assert.deepEqual(rollout.goals(), { "prod-2": 41 });
  rollout.fitness = { unwell: [], away: ["prod-3"] };
  rollout.swapped("prod-2");
  assert.deepEqual(rollout.goals(), { "prod-3": 41 }, "told, and left behind");
  assert.equal(rollout.state.phase, "stuck");
});

test("a rollback may be paused, and a failed host tried again", () => {
  const rollout = new Told(aRequest({ ...back, policy: { rollbackBatch: { hosts: 1 } } }));
  rollout.paused();
  rollout.failed("prod-1");
  assert.deepEqual(rollout.goals(), {});
  rollout.resumed();
  assert.deepEqual(rollout.goals(), { "prod-2": 41 });
  rollout.hear({ type: "retried", by: bo });
  rollout.swapped("prod-2");
  assert.deepEqual(rollout.goals(), { "prod-1": 41 });
});

test("a rollback that the watch asked for says so", () => {
  const watch = { kind: "system", id: "watch", name: "the watch" } as const;
  const rollout = new Told(aRequest({ ...back, requester: watch }));
  const bad = rollout.effects.find((e) => e.kind === "verdict");
  assert.equal(bad?.kind === "verdict" && bad.reason, "watch_tripped");
});

// ------------------------------------------------------------ restarts

const restart = { kind: "restart", release: 41, from: 41 } as const;

test("a restart makes new containers of the same release, batch by batch, and judges nothing", () => {
  const rollout = rolling(restart);
  assert.deepEqual(
    rollout.effects.filter((e) => e.kind === "desire"),
    [{ kind: "desire", host: "prod-1", release: 41, fresh: true }],
  );
  rollout.swapped("prod-1");
  rollout.soaked();
  rollout.swapped("prod-2", "prod-3");
  rollout.soaked();
  assert.equal(rollout.state.phase, "succeeded");
  assert.deepEqual(rollout.verdicts(), []);
});

test("a restart that fails or is aborted changes no release, even where failures roll back", () => {
  const failed = rolling({ ...restart, back: 40, policy: { onFailure: "rollback" } });
  failed.swapped("prod-1");
  failed.soaked();
  failed.failed("prod-2");
  assert.deepEqual(
    failed.last.filter((e) => e.kind === "desire"),
    [
      { kind: "desire", host: "prod-2", release: 41 },
      { kind: "desire", host: "prod-3", release: 41 },
    ],
  );
  assert.deepEqual(failed.status(), { "prod-1": "healthy", "prod-2": "restoring", "prod-3": "restoring" });
  failed.back("prod-2", "prod-3");
  assert.equal(failed.state.phase, "restored");
  assert.deepEqual(failed.verdicts(), []);
  const aborted = rolling(restart);
  aborted.swapped("prod-1");
  aborted.hear(abort);
  assert.equal(aborted.state.phase, "restored", "the one that was touched is well");
  assert.deepEqual(aborted.goals(), {});
});
