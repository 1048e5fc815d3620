// Where more than one must say yes: whose approvals count, and for how long.
import assert from "node:assert/strict";
import { test } from "node:test";
import { lapsedApprovals } from "../../src/app/approvals.ts";
import { placeOf } from "../../src/app/place.ts";
import type { Actor } from "../../src/app/ports.ts";
import type { Approvals, GantryConfig } from "../../src/config/valid.ts";
import { refuse } from "../../src/core/reasons.ts";
import { aCommit, ana, eva, type TestApp } from "../kit/app.ts";
import type { OpenStore } from "./kit.ts";
import { aFleet, approves, deploys, edits, locks, place, reboots, unlocks } from "./line-kit.ts";

const cap: Actor = { kind: "slack", id: "U0CAP", name: "cap" };
const cap2: Actor = { kind: "slack", id: "U0CAP2", name: "cap2" };
const capHere: Actor = { kind: "local", id: "cap", name: "cap" };
const maxHere: Actor = { kind: "local", id: "max", name: "max" };

const two: Approvals = { required: 2, from: ["captains"], notRequester: false, expireMs: 1_800_000 };

function captains(fleet: TestApp, users: readonly string[], local: readonly string[]): void {
  const known = fleet.app.gantry.config.people as Record<string, GantryConfig["people"][string]>;
  known["captains"] = { users, groups: [], local, everyone: false };
}

/** r1 is live; from now on two captains must approve. */
async function aCarefulFleet(change: Partial<Approvals> = {}): Promise<TestApp> {
  const fleet = aFleet();
  await fleet.ships(aCommit(1));
  edits(fleet, { approvals: { ...two, ...change } });
  captains(fleet, [cap.id, cap2.id, eva.id], ["cap", "max"]);
  return fleet;
}

/** What the thread of the rollout is told, oldest first. */
function thread(fleet: TestApp, rollout: number): string[] {
  return (fleet.store as OpenStore).db
    .prepare<[number], string>("select body ->> '$.message.text' from outbox where kind = 'thread' and rollout = ? order by id")
    .pluck()
    .all(rollout);
}

test("in Slack and at a terminal may be one person: it takes two of Slack, or two at terminals", async () => {
  const fleet = await aCarefulFleet();
  assert.equal(await deploys(fleet, 2), "#2");
  assert.equal(await approves(fleet, 2, cap), "awaiting_approval");
  assert.equal(
    await approves(fleet, 2, capHere),
    "own_request: cap approved #2 in Slack, and Gantry cannot tell that it was not you; it needs 2 different people. Someone else of captains approves it in Slack, on its card or with `/gantry approve 2`.",
  );
  assert.equal(fleet.state(2).approvals.length, 1);
  assert.equal(await approves(fleet, 2, cap2), "queued");
});

test("the other way round likewise", async () => {
  const fleet = await aCarefulFleet();
  assert.equal(await deploys(fleet, 2), "#2");
  assert.equal(await approves(fleet, 2, maxHere), "awaiting_approval");
  assert.match(
    await approves(fleet, 2, cap),
    /^own_request: max approved #2 at a terminal, .* Someone else of captains approves it at a terminal on the server: `gantry approve 2`\.$/,
  );
  assert.equal(await approves(fleet, 2, capHere), "queued");
});

test("one of Slack and one at a terminal are too few from the beginning", async () => {
  const fleet = await aCarefulFleet();
  captains(fleet, [cap.id], ["max"]);
  assert.equal(
    await deploys(fleet, 2),
    "no_approvers: api prod needs 2 approvals by captains, and only 1 can give them. Put people into the approving role in gantry.yml.",
  );
});

test("where one is enough, it does not matter where it is said", async () => {
  const fleet = await aCarefulFleet({ required: 1 });
  assert.equal(await deploys(fleet, 2), "#2");
  assert.equal(await approves(fleet, 2, capHere), "queued");
});

test("a file that asks for more by now is heard by what waits: the stricter number counts, and the card says so", async () => {
  const fleet = await aCarefulFleet({ required: 1 });
  assert.equal(await deploys(fleet, 2), "#2");
  edits(fleet, { approvals: two });
  await reboots(fleet);
  assert.equal(await approves(fleet, 2, cap), "awaiting_approval");
  assert.deepEqual(
    [fleet.state(2).approvals.length, fleet.state(2).approvalsRequired, fleet.state(2).detail],
    [1, 2, "the service file asks for 2 approvals by now"],
  );
  assert.match(thread(fleet, 2).at(-1) ?? "", /^Approved by cap \(1 of 2\)\. The service file asks for 2 approvals by now\.$/);
  assert.match(await approves(fleet, 2, cap), /^already_approved/);
  assert.match(await approves(fleet, 2, capHere), /^own_request/);
  assert.equal(await approves(fleet, 2, cap2), "queued");
});

test("a file that asks for fewer by now is not: what was asked for under stricter rules keeps to them", async () => {
  const fleet = await aCarefulFleet();
  assert.equal(await deploys(fleet, 2), "#2");
  edits(fleet, { approvals: { ...two, required: 1 } });
  assert.equal(await approves(fleet, 2, cap), "awaiting_approval");
  assert.equal(await approves(fleet, 2, cap2), "queued");
});

test("whoever approved and has lost the role since does not count when the last one approves, and the thread says whose it was", async () => {
  const fleet = await aCarefulFleet();
  assert.equal(await deploys(fleet, 2), "#2");
  assert.equal(await approves(fleet, 2, cap), "awaiting_approval");
  captains(fleet, [cap2.id, eva.id], []);
  assert.equal(await approves(fleet, 2, cap2), "awaiting_approval");
  const lost = "cap's approval counts no more (no longer one of captains)";
  assert.deepEqual([fleet.state(2).approvals.map((a) => a.by.name), fleet.state(2).detail], [["cap2"], lost]);
  assert.equal(thread(fleet, 2).at(-1), "Approved by cap2 (1 of 2). cap's approval counts no more: no longer one of captains.");
  assert.match(await approves(fleet, 2, cap), /^not_allowed/);
  assert.equal(await approves(fleet, 2, eva), "queued");
});

test("nor when its turn comes: it asks anew, and card and thread say whose approval it was", async () => {
  const fleet = await aCarefulFleet({ required: 1, notRequester: true });
  await locks(fleet, "release week", { by: eva });
  assert.equal(await deploys(fleet, 2, { wait: true }), "#2");
  assert.equal(await approves(fleet, 2, cap), "in_line");
  captains(fleet, [cap2.id, eva.id], []);
  await unlocks(fleet, eva);
  const lost = "cap's approval counts no more (no longer one of captains)";
  assert.deepEqual([fleet.state(2).phase, fleet.state(2).approvals, fleet.state(2).detail], ["awaiting_approval", [], lost]);
  assert.equal(
    thread(fleet, 2).at(-1),
    `Its turn has come, and it asks anew: ${lost}. Approve on the card, or \`/gantry approve 2\`.`,
  );
  assert.equal(await approves(fleet, 2, cap2), "queued");
});

test("in line another may approve in the place of one who may no longer", async () => {
  const fleet = await aCarefulFleet({ required: 1 });
  await locks(fleet, "release week", { by: eva });
  assert.equal(await deploys(fleet, 2, { wait: true }), "#2");
  assert.equal(await approves(fleet, 2, cap), "in_line");
  captains(fleet, [cap2.id], ["max"]);
  assert.equal(await approves(fleet, 2, maxHere), "in_line");
  assert.deepEqual(
    fleet.state(2).approvals.map((a) => a.by.name),
    ["max"],
  );
  await unlocks(fleet, eva);
  assert.equal(fleet.state(2).phase, "queued");
});

test("the requester's own approval does not count when the file forbids it by now; where nobody says who holds a role, it waits", async () => {
  const fleet = await aCarefulFleet();
  captains(fleet, [ana.id, cap.id, cap2.id], []);
  assert.equal(await deploys(fleet, 2), "#2");
  assert.equal(await approves(fleet, 2, ana), "awaiting_approval");
  edits(fleet, { approvals: { ...two, notRequester: true } });
  assert.equal(await approves(fleet, 2, cap), "awaiting_approval");
  assert.equal(fleet.state(2).detail, "ana's approval counts no more (the requester may not approve by now)");
  const stored = fleet.store.rollouts.find(2);
  const at = placeOf(fleet.app.gantry.config, place.service, place.environment);
  assert.ok(stored !== null && "environment" in at);
  const unknown = refuse("chat_unreachable", "Slack does not say.");
  assert.equal(await lapsedApprovals({ refusal: async () => unknown }, { stored, place: at }), unknown);
});
