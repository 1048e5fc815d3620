/** A report is the whole truth about its host: what it does not name is not there, unless the agent could not look. */
import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import type { ObservedPicture, ObservedSlot } from "../../src/core/slot.ts";
import { statusMessage } from "../../src/messages/status.ts";
import { aCommit, anApp, type TestApp } from "../kit/app.ts";
import { settled } from "./kit.ts";

const place = { service: "api", environment: "prod" };
const well = { ok: true, reason: null, detail: null, liveRestore: true };
const hangs = { ok: false, reason: "engine_down", detail: "no answer for 10 s", liveRestore: null };
const blind: ObservedSlot = {
  ...place,
  generation: 0,
  newest: 2,
  unseen: true,
  step: "idle",
  outcome: null,
  live: null,
  previous: null,
};

let fleet: TestApp;
afterEach(() => fleet.stop());

async function live(...hosts: readonly string[]): Promise<void> {
  fleet = anApp({ hosts, policy: { batch: { hosts: 1 }, maxUnavailable: { hosts: 1 } } });
  await fleet.ships(aCommit(1));
}

function says(host: string, picture: Partial<ObservedPicture>): void {
  fleet.desk.observed(host, { bootId: "b", agentVersion: "1", epoch: 1, engine: well, slots: [], images: [], ...picture });
}

function statusText(): string {
  return statusMessage({
    environments: fleet.app.gantry.status({ service: null, environment: null }),
    freeze: null,
    now: fleet.clock.now(),
  }).text;
}

function whyText(host: string): string {
  const answer = fleet.app.gantry.why([host]);
  assert.ok(!("kind" in answer));
  return JSON.stringify(answer);
}

function out(): { readonly unwell: readonly string[]; readonly away: readonly string[] } {
  const { unwell, away } = fleet.app.conductor.fitnessOf(place, { planned: [], patient: false });
  return { unwell, away };
}

function seen(host: string) {
  const slot = fleet.store.slots.get(host, place);
  return { live: slot?.observed?.live?.release ?? null, unseen: slot?.observed?.unseen ?? false, at: slot?.observedAt };
}

test("nothing is on a slot that a whole picture does not name", async () => {
  await live("a", "b");
  says("a", { whole: true });
  assert.deepEqual(out(), { unwell: ["a"], away: [] });
  assert.match(statusText(), /`?a`? serves nothing/);
  assert.match(whyText("a"), /serves nothing/);
  assert.equal(fleet.store.slots.ranAt({ host: "a", ...place, at: fleet.clock.now() })?.health, "empty");
});

test("a host that has forgotten a slot does not prove its soak", async () => {
  await live("a");
  await fleet.asks(aCommit(2));
  fleet.hasImage("a");
  fleet.reports("a");
  assert.equal(fleet.state().phase, "soaking");
  says("a", { whole: true });
  await fleet.clock.advance(6_000);
  says("a", { whole: true });
  assert.equal(fleet.state().phase, "soaking");
  assert.match(JSON.stringify(fleet.app.gantry.why(["#2"])), /a/);
  fleet.reports("a");
  assert.equal(fleet.state().phase, "succeeded");
});

for (const [what, picture] of [
  ["an agent that began while its engine hangs", { engine: hangs, whole: false, slots: [blind] }],
  ["one that has lost its state as well", { engine: hangs, whole: false }],
  ["one whose engine answers, and that has not looked yet", { whole: false, slots: [blind] }],
  ["an old one, which does not say whether it has looked", {}],
] as const) {
  test(`a host looks neither well nor empty to ${what}: what was seen last is of the past`, async () => {
    await live("a", "b");
    const before = seen("a");
    await fleet.clock.advance(5_000);
    says("a", picture);
    says("a", picture);
    assert.deepEqual(seen("a"), { ...before, unseen: true });
    assert.deepEqual(out(), { unwell: ["a"], away: [] });
    assert.match(statusText(), /`?a`? was last seen with r1, unknown/);
    assert.match(whyText("a"), /served r1 when it was seen last, and its agent has not seen it since/);
    const ran = fleet.store.slots.ranAt({ host: "a", ...place, at: fleet.clock.now() });
    assert.deepEqual([ran?.release, ran?.health], [1, "ok"], "nobody saw it go");
    fleet.reports("a");
    assert.deepEqual([seen("a").unseen, out().unwell], [false, []]);
  });
}

test("what was never seen is not called empty either", async () => {
  await live("a");
  fleet.store.hosts.put({ name: "b", labels: { env: "prod" }, publicKey: "b", at: fleet.clock.now() });
  fleet.connected.add("b");
  fleet.store.slots.desire({ ...place, host: "b", rollout: 1, release: 1 });
  says("b", { engine: hangs, whole: false, slots: [blind] });
  assert.equal(fleet.store.slots.get("b", place)?.observed, null);
  assert.match(whyText("b"), /nobody has seen it yet/);
});

test("the watch does not go back for a host that nobody could look at", async () => {
  await live("a");
  says("a", { engine: hangs, whole: false, slots: [blind] });
  await fleet.clock.advance(60_000);
  says("a", { engine: hangs, whole: false, slots: [blind] });
  await settled();
  assert.equal(fleet.state().watch?.finding ?? null, null);
  says("a", { whole: true });
  await fleet.clock.advance(60_000);
  assert.equal(fleet.state().watch?.finding?.found, "unwell", "that it is empty is for the watch");
});
