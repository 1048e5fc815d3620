// The way back when things happen at the same time, twice, or for the first time.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import type { ServiceConfig } from "../../src/config/valid.ts";
import { aCommit, anApp, ana, eva, type TestApp } from "../kit/app.ts";
import { settled } from "./kit.ts";

const place = { service: "api", environment: "prod" };

function aFleet(hosts: readonly string[] = ["a", "b"]): TestApp {
  const fleet = anApp({ hosts });
  after(() => fleet.stop());
  return fleet;
}

type Shown = { readonly planHash: string; readonly rollout: number | null } | null;

/** What came of it: the number of the rollout, or the refusal in words. */
async function back(fleet: TestApp, key: string, shown: Shown = null): Promise<number | string> {
  const origin = { key, channel: null };
  const answer = await fleet.app.gantry.rollback({ ...place, to: null, shown, why: null, actor: eva, origin });
  return answer.kind === "opened" ? answer.rollout : inWords(answer.refusal);
}

async function cancels(fleet: TestApp, rollout: number, actor = ana): Promise<string> {
  const answer = await fleet.app.gantry.cancel({ rollout, why: null, actor });
  return answer.kind === "decided" ? answer.facts.state.phase : inWords(answer.refusal);
}

async function asksAgain(fleet: TestApp): Promise<string> {
  const origin = { key: "one more", channel: null };
  const facts = { ...place, ref: aCommit(4), allowBad: false, wait: false, why: null, actor: ana, origin };
  const answer = await fleet.app.gantry.deploy(facts);
  return answer.kind === "opened" ? `#${answer.rollout}` : inWords(answer.refusal);
}

function inWords(refusal: { readonly reason: string; readonly text: string; readonly next: string }): string {
  return `${refusal.reason}: ${refusal.text} ${refusal.next}`;
}

/** r1 and r2 were live; r3 is on its way and has host a in its hands. */
async function underWay(): Promise<TestApp> {
  const fleet = aFleet();
  await fleet.ships(aCommit(1));
  await fleet.ships(aCommit(2));
  await fleet.asks(aCommit(3));
  fleet.hasImage("a");
  assert.equal(fleet.state().phase, "rolling");
  return fleet;
}

test("a rollback that stopped a deploy and is served again after a crash goes back once, not twice", async () => {
  const fleet = await underWay();
  assert.equal(await back(fleet, "typed once"), 3);
  fleet.reports("a");
  assert.equal(fleet.state().phase, "restored");
  fleet.restart();
  assert.equal(await back(fleet, "typed once"), 3);
  assert.equal(fleet.state().number, 3, "nothing new was opened");
  const verdict = fleet.store.verdicts.newest({ ...place, release: 2 });
  assert.equal(verdict?.verdict, "good", "what it went back to is not blamed");
  assert.equal(await back(fleet, "typed anew"), 4);
});

test("of two who go back in the same moment one does, and the other is told what to wait for", async () => {
  const fleet = aFleet();
  await fleet.ships(aCommit(1));
  await fleet.ships(aCommit(2));
  const [one, other] = await Promise.all([back(fleet, "eva"), back(fleet, "bo")]);
  assert.equal(one, 3);
  assert.match(String(other), /^busy: api prod is busy with #3 \(rollback of r1 by eva, rolling\)/);
});

test("the same request twice in the same moment is one rollback", async () => {
  const fleet = aFleet();
  await fleet.ships(aCommit(1));
  await fleet.ships(aCommit(2));
  assert.deepEqual(await Promise.all([back(fleet, "eva"), back(fleet, "eva")]), [3, 3]);
});

test("a button that showed nothing in the way does not cancel what was asked for since", async () => {
  const fleet = aFleet();
  await fleet.ships(aCommit(1));
  await fleet.ships(aCommit(2));
  const preview = await fleet.app.gantry.previewRollback({ ...place, to: null, actor: eva });
  assert.ok(!("kind" in preview) && preview.stops === null);
  await fleet.asks(aCommit(3));
  const shown = { planHash: preview.planHash, rollout: null };
  assert.equal(
    await back(fleet, "press", shown),
    "plan_changed: api prod changed since that button was shown. #3 was asked for since. Look again: `/rollback api prod`.",
  );
  assert.equal(fleet.state(3).phase, "queued");
  const now = await fleet.app.gantry.previewRollback({ ...place, to: null, actor: eva });
  assert.ok(!("kind" in now));
  assert.equal(await back(fleet, "again", { planHash: now.planHash, rollout: 3 }), 3);
  assert.equal(fleet.state(3).phase, "cancelled");
});

/** r1 and r2 were live, r2 is. */
async function live(): Promise<TestApp> {
  const fleet = aFleet();
  await fleet.ships(aCommit(1));
  await fleet.ships(aCommit(2));
  return fleet;
}

test("a rollback while the rollout is queued: it ends, nobody is blamed, and r2 serves on; once more leaves r2", async () => {
  const fleet = await live();
  await fleet.asks(aCommit(3));
  const preview = await fleet.app.gantry.previewRollback({ ...place, to: null, actor: eva });
  assert.ok(!("kind" in preview));
  assert.deepEqual([preview.stops, preview.from?.number, preview.to?.number], [{ rollout: 3, phase: "queued" }, 3, 2]);
  assert.equal(await back(fleet, "typed once"), 3);
  assert.equal(await back(fleet, "typed once"), 3, "served twice, it is done once");
  assert.equal(
    fleet.state(3).detail,
    "#3 has touched no host; r2 serves on; to leave what serves roll back again: `/rollback api prod`",
  );
  const verdicts = [2, 3].map((release) => fleet.store.verdicts.newest({ ...place, release })?.verdict ?? null);
  assert.deepEqual(verdicts, ["good", null]);
  assert.equal(await back(fleet, "once more"), 4);
  assert.deepEqual([fleet.state(4).kind, fleet.state(4).release], ["rollback", 1]);
});

test("nobody goes back to a release that did not stay well here, while there is another", async () => {
  const fleet = await live();
  fleet.reports("b", { health: "failing" });
  await fleet.clock.advance(25_000);
  assert.equal(fleet.state(2).watch?.finding?.found, "unwell");
  fleet.reports("b");
  const number = await fleet.asks(aCommit(3));
  assert.equal(fleet.state(number).back, 1, "r2 is good, and everybody was told to go back from it");
});

test("a rollback while it is queued, with a release named: there, as it was asked for", async () => {
  const fleet = await live();
  await fleet.asks(aCommit(3));
  const origin = { key: "to r1", channel: null };
  const answer = await fleet.app.gantry.rollback({ ...place, to: 1, shown: null, why: null, actor: eva, origin });
  assert.deepEqual(answer, { kind: "opened", rollout: 4 });
  assert.equal(fleet.state(3).phase, "cancelled");
  assert.equal(fleet.store.verdicts.newest({ ...place, release: 2 })?.verdict, "bad");
});

test("a first deploy that goes wrong is stopped, and its hosts are emptied", async () => {
  const fleet = aFleet();
  await fleet.asks(aCommit(1));
  fleet.hasImage("a");
  const preview = await fleet.app.gantry.previewRollback({ ...place, to: null, actor: eva });
  assert.ok(!("kind" in preview));
  assert.equal(preview.to, null);
  assert.deepEqual(preview.stops, { rollout: 1, phase: "rolling" });
  assert.equal(await back(fleet, "press", { planHash: preview.planHash, rollout: 1 }), 1);
  assert.equal(fleet.desired("a"), null);
  fleet.reports("a");
  assert.equal(fleet.state().phase, "restored");
  assert.match(String(await back(fleet, "once more")), /^no_earlier_good/);
});

/** What the preview says comes of it, in numbers: `live r2, leaves r3, a first, then b to r2; bad: 3`. */
async function foretold(fleet: TestApp, to: number | null = null): Promise<string> {
  const p = await fleet.app.gantry.previewRollback({ ...place, to, actor: eva });
  assert.ok(!("kind" in p));
  const then = p.rest.length === 0 ? "" : `, then ${p.rest.join(" ")}`;
  return `live r${p.live?.number}, leaves r${p.from?.number}, ${p.touched.join(" ")} first${then}, to r${p.to?.number}; bad: ${p.judged.join(" ")}`;
}

function verdicts(fleet: TestApp, ...releases: readonly number[]): string {
  return releases.map((release) => fleet.store.verdicts.newest({ ...place, release })?.verdict ?? "none").join(" ");
}

test("what a preview foretells in mid-rollout is what comes: hosts that the rollout touched, and nobody else", async () => {
  const fleet = await live();
  await fleet.asks(aCommit(3));
  fleet.hasImage("a");
  assert.equal(await foretold(fleet), "live r2, leaves r3, a first, to r2; bad: 3");
  assert.equal(await back(fleet, "now"), 3);
  fleet.reports("a");
  await settled();
  assert.equal(fleet.state().number, 3, "nothing follows");
  assert.deepEqual([verdicts(fleet, 1, 2, 3), fleet.desired("a"), fleet.desired("b")], ["good good bad", 2, 2]);
});

test("and where another release is named, the second step as well", async () => {
  const fleet = await live();
  await fleet.asks(aCommit(3));
  fleet.hasImage("a");
  assert.equal(await foretold(fleet, 1), "live r2, leaves r3, a first, then b, to r1; bad: 3 2");
  const origin = { key: "to r1", channel: null };
  await fleet.app.gantry.rollback({ ...place, to: 1, shown: null, why: null, actor: eva, origin });
  fleet.reports("a");
  await settled();
  assert.deepEqual([fleet.state().number, fleet.state().kind], [4, "rollback"]);
  assert.deepEqual([verdicts(fleet, 1, 2, 3), fleet.desired("a"), fleet.desired("b")], ["good bad bad", 1, 1]);
});

test("nobody is advised to cancel what is on its way back", async () => {
  const fleet = await underWay();
  assert.match(await asksAgain(fleet), /Wait for it, or stop it: `\/gantry cancel 3`\. To wait in line/);
  await back(fleet, "eva");
  assert.match(
    await asksAgain(fleet),
    /by ana, restoring\).* Wait until its hosts are put back\. `\/gantry status api prod` tells/,
  );
  assert.equal(
    await cancels(fleet, 3),
    "already_decided: #3 is being put back already; going back is not stopped. Wait for it; `/gantry status api prod` tells how it goes.",
  );
  fleet.reports("a");
  assert.equal(await back(fleet, "further"), 4);
  assert.match(await asksAgain(fleet), /Wait for it: a rollback that has begun is not stopped\./);
  assert.match(await cancels(fleet, 4, eva), /^already_decided: #4 is a rollback that has begun; going back is not stopped\./);
});

test("a rollout whose place has gone from the configuration is shown, and can be stopped", async () => {
  const fleet = await underWay();
  (fleet.app.gantry.config.services as ServiceConfig[]).length = 0;
  const [status] = fleet.app.gantry.status({ service: null, environment: null });
  assert.equal(status?.active?.number, 3);
  assert.equal(status?.isConfigured, false);
  assert.deepEqual(
    status?.slots.map((slot) => slot.host),
    ["a", "b"],
  );
  assert.match(
    await cancels(fleet, 3, { kind: "slack", id: "U0ZED", name: "zed" }),
    /^not_allowed: Only deployers or oncall may cancel/,
  );
  assert.equal(await cancels(fleet, 3, eva), "restoring");
  fleet.reports("a");
  assert.deepEqual(fleet.app.gantry.status({ service: null, environment: null }), []);
});

test("what got stuck stays in sight until something succeeds", async () => {
  const fleet = aFleet();
  await fleet.ships(aCommit(1));
  await fleet.ships(aCommit(2));
  fleet.connected.delete("b");
  await back(fleet, "eva");
  fleet.reports("a");
  const trouble = () => fleet.app.gantry.status({ service: null, environment: null })[0]?.lastTrouble;
  assert.equal(trouble()?.number, 3);
  fleet.connected.add("b");
  fleet.reports("b");
  assert.equal(trouble()?.phase, "stuck", "it was not made good by itself");
  await fleet.ships(aCommit(4));
  assert.equal(trouble(), null);
});
