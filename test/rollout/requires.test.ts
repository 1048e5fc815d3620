/** What a service stands on comes first: a host on which it does not serve is not begun, and nobody counts that as a failure. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type Fitness, hasEnded, isPaused } from "../../src/core/rollout-state.ts";
import { aRequest, Told } from "../kit/rollouts.ts";
import { draws, type Move, play, request, withoutServices } from "./draws.ts";

const four = ["prod-1", "prod-2", "prod-3", "prod-4"];

/** All images there, one decision away from the start. */
function ready(change: Parameters<typeof aRequest>[0] = {}): Told {
  const rollout = new Told(aRequest({ canary: 0, batch: 2, hostNames: four, ...change }));
  rollout.images();
  return rollout;
}

/** The metrics agent does not serve on these. */
function without(...hosts: readonly string[]): Fitness {
  const metrics = { service: "metrics", environment: "prod" };
  return { unwell: [], away: [], lacking: hosts.map((host) => ({ host, ...metrics, how: "absent" })) };
}

test("no host begins without what it stands on; the rollout says so, and goes on by itself when it comes", () => {
  const rollout = ready();
  rollout.fitness = without(...four);
  rollout.approved();
  const words = four.map((host) => `${host}: metrics prod is not there yet`);
  assert.deepEqual([rollout.state.phase, rollout.state.reason], ["queued", "awaiting_service"]);
  assert.equal(rollout.state.detail, words.slice(0, 2).join("; "), "those of the batch in work");
  assert.deepEqual(rollout.goals(), {});

  rollout.fitness = without("prod-1", "prod-3", "prod-4");
  rollout.hear({ type: "hosts_changed" });
  assert.deepEqual(rollout.goals(), { "prod-2": 42 });
  assert.equal(rollout.state.reason, null, "something swaps");
});

test("before anything is touched, those that can go first do", () => {
  const rollout = ready();
  rollout.fitness = without("prod-1");
  rollout.approved();
  assert.deepEqual(rollout.state.batches, [
    ["prod-2", "prod-3"],
    ["prod-4", "prod-1"],
  ]);
  assert.deepEqual(rollout.goals(), { "prod-2": 42, "prod-3": 42 });
});

test("the others of its batch do not wait for it; the batch does", () => {
  const rollout = ready({ batch: 4 });
  rollout.fitness = without("prod-2");
  rollout.approved();
  assert.deepEqual(rollout.goals(), { "prod-1": 42, "prod-3": 42, "prod-4": 42 });
  rollout.swapped("prod-1", "prod-3", "prod-4");
  assert.deepEqual([rollout.state.phase, rollout.state.reason], ["rolling", "awaiting_service"]);
  rollout.fitness = without();
  rollout.hear({ type: "hosts_changed" });
  rollout.swapped("prod-2");
  assert.equal(rollout.state.phase, "soaking");
});

test("what is asked again while nothing changed is no event", () => {
  const rollout = ready();
  rollout.fitness = without(...four);
  rollout.approved();
  assert.equal(rollout.hear({ type: "hosts_changed" }), "ignored");
});

test("since when something is unhealthy is told; how it stands changes the words", () => {
  const rollout = ready({ batch: 4, hostNames: ["prod-1"] });
  const at = Date.UTC(2026, 0, 5, 9, 4);
  const metrics = { host: "prod-1", service: "metrics", environment: "prod" };
  const words = [
    { how: "unhealthy", since: at } as const,
    { how: "changing" } as const,
    { how: "unheard" } as const,
    { how: "uncovered" } as const,
  ].map((lacking) => {
    rollout.fitness = { unwell: [], away: [], lacking: [{ ...metrics, ...lacking }] };
    if (rollout.state.phase === "awaiting_approval") rollout.approved();
    else rollout.hear({ type: "hosts_changed" });
    return rollout.state.detail;
  });
  assert.deepEqual(words, [
    "prod-1: metrics prod is unhealthy since 09:04 UTC",
    "prod-1: metrics prod is being swapped",
    "prod-1: nobody says how metrics prod is",
    "prod-1: the host belongs to no environment of metrics prod",
  ]);
});

test("nothing fails meanwhile; without any progress the hosts that wait have failed, by name", () => {
  const rollout = ready({ policy: { onFailure: "pause" } });
  rollout.fitness = without(...four);
  rollout.approved();
  rollout.wait(14 * 60_000);
  rollout.hear({ type: "hosts_changed" });
  assert.ok(rollout.state.hosts.every((h) => h.status === "waiting"));
  rollout.stalled();
  const failed = rollout.state.hosts.filter((h) => h.status === "failed");
  assert.deepEqual(
    failed.map((h) => [h.host, h.reason, h.detail]),
    ["prod-1", "prod-2"].map((host) => [host, "awaiting_service", "metrics prod is not there yet, after 15 min"]),
  );
  assert.equal(
    rollout.effects.some((effect) => effect.kind === "verdict"),
    false,
    "the release is not to blame",
  );
});

test("a failed host that is tried again waits for it, too", () => {
  const rollout = ready({ hostNames: ["prod-1", "prod-2"], policy: { onFailure: "pause" } });
  rollout.approved();
  rollout.failed("prod-1");
  rollout.swapped("prod-2");
  rollout.fitness = without("prod-1");
  rollout.hear({ type: "retried", by: { kind: "slack", id: "U0BO", name: "bo" } });
  assert.deepEqual([rollout.state.phase, rollout.state.reason], ["rolling", "awaiting_service"]);
});

test("hosts of later batches that are out do not come forward without it, nor because another lacks it", () => {
  const rollout = ready({ batch: 1, canary: 0 });
  rollout.approved();
  assert.deepEqual(rollout.goals(), { "prod-1": 42 });
  rollout.swapped("prod-1");
  rollout.fitness = { ...without("prod-2"), unwell: ["prod-3"] };
  rollout.soaked();
  assert.deepEqual([rollout.goals(), rollout.state.reason], [{}, "awaiting_service"]);

  const crowded = ready({ batch: 1, canary: 0 });
  crowded.approved();
  crowded.swapped("prod-1");
  crowded.fitness = { ...without("prod-3"), unwell: ["prod-3"] };
  crowded.soaked();
  assert.deepEqual([crowded.goals(), crowded.state.reason], [{}, "over_budget"]);
});

test("going back waits for nobody: not a rollback, not the way back of a deploy", () => {
  const back = ready({ kind: "rollback", release: 41, from: 42 });
  back.fitness = without(...four);
  back.approved();
  assert.notEqual(back.state.reason, "awaiting_service");
  assert.equal(Object.keys(back.goals()).length > 0, true);

  const rollout = ready({ policy: { onFailure: "restore" } });
  rollout.approved();
  rollout.fitness = without(...four);
  rollout.failed("prod-1");
  assert.equal(rollout.state.phase, "restoring");
  assert.equal(rollout.goals()["prod-1"], 41);
});

test("events of before know nothing of it, and mean what they meant", () => {
  const rollout = ready();
  rollout.approved();
  assert.deepEqual(rollout.goals(), { "prod-1": 42, "prod-2": 42 });
});

test("whatever happens: none begins where something lacks, and what waits for it has a clock that ends the wait", () => {
  const seen = { "a host began": 0, "one waited for a service": 0, "and the rollout with it": 0 };
  const look = ({ before, rollout: { state, fitness } }: Move) => {
    const lacking = (fitness.lacking ?? []).map((one) => one.host);
    for (const { host, status, attempt } of state.hosts) {
      if (status === "waiting" && lacking.includes(host) && !hasEnded(state)) seen["one waited for a service"] += 1;
      if (status !== "swapping" || before.hosts.find((b) => b.host === host)?.attempt === attempt) continue;
      seen["a host began"] += 1;
      assert.equal(lacking.includes(host), false, `${host} begins`);
    }
    if (state.reason !== "awaiting_service" || hasEnded(state)) return;
    seen["and the rollout with it"] += 1;
    assert.ok(state.progressBy !== null || isPaused(state) || state.phase === "restoring", state.phase);
  };
  const check = fc.property(request, draws, (asked, list) => void play(asked, list, look, withoutServices));
  fc.assert(check, { numRuns: 1500, seed: 20261122 });
  for (const [what, times] of Object.entries(seen)) assert.ok(times >= 50, `${what}: ${times}`);
});
