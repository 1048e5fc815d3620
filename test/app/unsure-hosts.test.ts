/** A host that serves well, for all that is known, is not swapped for free because its agent has not taken up what is wanted of it. */
import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { aCommit, anApp, eva, type TestApp } from "../kit/app.ts";
import { comes, desires, goes, joins, statuses } from "./hosts-kit.ts";
import { settled } from "./kit.ts";

const place = { service: "api", environment: "prod" };
let fleet: TestApp;
afterEach(() => fleet.stop());

async function live(options: Parameters<typeof anApp>[0]): Promise<void> {
  fleet = anApp(options);
  await fleet.ships(aCommit(1));
}

/** Its agent lost its journal: it knows of its container, and names a generation of before for it. */
function forgets(host: string): void {
  const seen = fleet.store.slots.get(host, place)?.observed;
  assert.ok(seen);
  fleet.says(host, [{ ...seen, generation: 0, outcome: null }]);
}

test("an agent that forgot its generation does not make its host free to swap: others are out already", async () => {
  await live({ hosts: ["a", "b", "c", "d"], policy: { batch: { hosts: 1 }, maxUnavailable: { hosts: 2 } } });
  for (const host of ["b", "c", "d"]) goes(fleet, host);
  forgets("a");
  await fleet.asks(aCommit(2));
  fleet.hasImage("a");
  await settled();
  assert.equal(statuses(fleet), "a: waiting, b: waiting, c: waiting, d: waiting");
  comes(fleet, "b");
  comes(fleet, "c");
  fleet.reports("b");
  fleet.reports("c");
  assert.equal(statuses(fleet), "a: swapping, b: waiting, c: waiting, d: waiting", "d is away and a swaps: that is two");
});

test("it counts as out as long as it has not taken up what is wanted", async () => {
  await live({ hosts: ["a", "b"], policy: { batch: { hosts: 1 }, maxUnavailable: { hosts: 1 } } });
  forgets("b");
  await fleet.asks(aCommit(2));
  fleet.hasImage("a");
  fleet.hasImage("b");
  await settled();
  assert.equal(statuses(fleet), "a: waiting, b: waiting");
  fleet.reports("b");
  assert.equal(statuses(fleet), "a: swapping, b: waiting");
});

test("nor does an engine that hangs: what was seen last was well", async () => {
  await live({ hosts: ["a", "b", "c"], policy: { batch: { hosts: 1 }, maxUnavailable: { hosts: 1 } } });
  goes(fleet, "c");
  fleet.desk.observed("a", {
    ...{ bootId: "b", agentVersion: "1", epoch: 1, whole: false, slots: [], images: [] },
    engine: { ok: false, reason: "engine_down", detail: "it hangs", liveRestore: null },
  });
  await fleet.asks(aCommit(2));
  fleet.hasImage("b");
  await settled();
  assert.equal(statuses(fleet), "a: waiting, b: waiting, c: waiting");
});

test("several that have an order before them of which they never heard are brought along one after the other", async () => {
  await live({ hosts: ["a", "b", "c"], policy: { batch: { hosts: 1 }, maxUnavailable: { hosts: 1 } } });
  for (const host of ["b", "c"]) await fleet.app.gantry.cordon({ host, why: null, actor: eva });
  await fleet.ships(aCommit(2));
  for (const host of ["b", "c"]) {
    fleet.store.slots.desire({ ...place, host, rollout: 1, release: 1 });
    forgets(host);
  }
  await fleet.app.gantry.uncordon({ host: "b", actor: eva });
  await fleet.app.gantry.uncordon({ host: "c", actor: eva });
  assert.equal(desires(fleet, "a", "b", "c"), "a: 2, b: 2, c: 1", "one may be out");
  fleet.reports("b");
  await settled();
  assert.equal(desires(fleet, "a", "b", "c"), "a: 2, b: 2, c: 2");
});

test("nor is it free to drain", async () => {
  await live({ hosts: ["a", "b", "c"], policy: { batch: { hosts: 1 }, maxUnavailable: { hosts: 1 } } });
  goes(fleet, "c");
  forgets("a");
  const answer = await fleet.app.gantry.drain({ host: "a", why: null, actor: eva });
  assert.equal(answer.kind === "refused" && answer.refusal.reason, "over_budget");
});

test("a host on which nothing serves is free still, however much is out", async () => {
  await live({ hosts: ["a", "b"], policy: { batch: { hosts: 1 }, maxUnavailable: { hosts: 1 } } });
  goes(fleet, "b");
  fleet.reports("a", { gone: true });
  await fleet.asks(aCommit(2));
  fleet.hasImage("a");
  await settled();
  assert.equal(statuses(fleet), "a: swapping, b: waiting");
  joins(fleet, "new");
  assert.equal(desires(fleet, "new"), "new: 1");
});
