// Cordon, drain, uncordon: what a person wants of a host, whatever its liveness.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { makeToken } from "../../src/app/enrolment.ts";
import type { Actor } from "../../src/app/ports.ts";
import { aCommit, ana, eva, type TestApp } from "../kit/app.ts";
import { comes, desires, fails, goes, joins, obey, passes, runs, statuses } from "./hosts-kit.ts";
import { acts, aFleet, deploys, editsPolicy, inWords, phases, place, reboots, rollsBack, zed } from "./line-kit.ts";

async function does(fleet: TestApp, verb: "cordon" | "drain" | "uncordon", host: string, by: Actor = eva): Promise<string> {
  const answer = await fleet.app.gantry[verb]({ host, why: "new disk", actor: by });
  return answer.kind === "done" ? answer.text : inWords(answer.refusal);
}

/** r1 is live on the hosts. */
async function live(hosts: readonly string[], policy: Parameters<typeof aFleet>[1] = {}): Promise<TestApp> {
  const fleet = aFleet(hosts, policy);
  await fleet.ships(aCommit(1));
  await fleet.clock.advance(1000);
  return fleet;
}

describe("a cordoned host", () => {
  test("goes on serving, is no part of the next rollout, and gets what is live when it takes part again", async () => {
    const fleet = await live(["a", "b"]);
    assert.equal(await does(fleet, "cordon", "b"), "b is cordoned: nothing new comes there, and what serves goes on.");
    await fleet.ships(aCommit(2));
    assert.equal(statuses(fleet, 2), "a: healthy");
    assert.equal(desires(fleet, "a", "b"), "a: 2, b: 1");
    assert.equal(await does(fleet, "uncordon", "b"), "b takes part again, and gets what is live.");
    assert.equal(desires(fleet, "b"), "b: 2");
    assert.deepEqual(acts(fleet).slice(-2), ["cordoned by eva", "uncordoned by eva"]);
  });

  test("stays cordoned when it blinks, reboots, or the server is started anew", async () => {
    const fleet = await live(["a", "b", "c"], { maxUnavailable: { hosts: 2 } });
    await does(fleet, "cordon", "b");
    goes(fleet, "b");
    await fleet.ships(aCommit(2));
    await reboots(fleet);
    comes(fleet, "b");
    await passes(fleet, 3000);
    assert.equal(fleet.store.hosts.find("b")?.intent?.kind, "cordoned");
    assert.equal(desires(fleet, "b"), "b: 1");
  });

  test("leaves a rollout in which it waits; one in mid-swap finishes", async () => {
    const fleet = await live(["a", "b", "c"]);
    await fleet.asks(aCommit(2));
    for (const host of ["a", "b", "c"]) fleet.hasImage(host);
    assert.match(await does(fleet, "cordon", "b"), /It leaves #2\.$/);
    assert.doesNotMatch(await does(fleet, "cordon", "a"), /leaves/);
    await runs(fleet, 2);
    assert.equal(statuses(fleet, 2), "a: healthy, c: healthy");
    assert.equal(desires(fleet, "a", "b", "c"), "a: 2, b: 1, c: 2");
  });

  test("counts in the budget when it does not serve", async () => {
    const fleet = await live(["a", "b"]);
    await does(fleet, "cordon", "b");
    await fleet.asks(aCommit(2));
    fleet.reports("b", { gone: true });
    fleet.hasImage("a");
    assert.equal(fleet.state(2).reason, "over_budget", "b is missing already: a may not be missing too");
    fleet.reports("b");
    assert.equal(desires(fleet, "a"), "a: 2");
  });
});

describe("what people have taken out", () => {
  test("may leave no room for a deploy: it is refused at once, with who did it and the way on", async () => {
    const fleet = await live(["a", "b", "c", "d"]);
    await does(fleet, "drain", "d");
    fleet.reports("d", { gone: true });
    assert.equal(
      await deploys(fleet, 2),
      "over_budget: api prod may miss 1 host at once, and people have taken out as many: d (drained by eva: new disk). " +
        "`/gantry uncordon d`, or take it away for good (`gantry revoke d` on the server), or raise maxUnavailable in the service file.",
    );
    editsPolicy(fleet, { maxUnavailable: { hosts: 2 } });
    assert.equal(await deploys(fleet, 2), "#2");
  });

  test("is no reason to refuse a rollback, or a deploy to hosts that serve nothing", async () => {
    const fleet = await live(["a", "b", "c"]);
    await fleet.ships(aCommit(2));
    await does(fleet, "drain", "c");
    fleet.reports("c", { gone: true });
    assert.equal(await rollsBack(fleet), "#3");
  });

  test("leaves a rollout in which it has failed: a retry does not swap it", async () => {
    const fleet = await live(["a", "b"], { onFailure: "pause" });
    await fleet.asks(aCommit(2));
    for (const host of ["a", "b"]) fleet.hasImage(host);
    fails(fleet, "a");
    const before = fleet.store.slots.get("a", place)?.generation;
    assert.match(await does(fleet, "cordon", "a"), /It leaves #2, which stays paused/);
    await fleet.app.gantry.retry({ rollout: 2, planHash: null, why: null, actor: ana });
    assert.equal(fleet.store.slots.get("a", place)?.generation, before);
    assert.equal(statuses(fleet, 2).includes("a:"), false);
  });

  test("is never the only host that serves", async () => {
    const fleet = await live(["a"]);
    assert.match(
      await does(fleet, "drain", "a"),
      /^over_budget: a is the only host that serves api prod; drained, nothing would\./,
    );
    assert.equal(desires(fleet, "a"), "a: 1");
    fleet.reports("a", { gone: true });
    assert.match(await does(fleet, "drain", "a"), /^a is drained/, "nothing serves there anyway");
  });
});

describe("a drained host", () => {
  test("is emptied, and filled again with what is live then", async () => {
    const fleet = await live(["a", "b"]);
    assert.match(await does(fleet, "drain", "b"), /^b is drained: what served there is being stopped \(api prod\)\.$/);
    assert.equal(desires(fleet, "a", "b"), "a: 1, b: nothing");
    fleet.reports("b", { gone: true });
    await does(fleet, "uncordon", "b");
    assert.equal(desires(fleet, "b"), "b: 1");
  });

  test("is refused while it would take out more than the environment may miss, and says who is out", async () => {
    const fleet = await live(["a", "b", "c"]);
    goes(fleet, "a");
    assert.match(
      await does(fleet, "drain", "b"),
      /^over_budget: api prod may miss 1 host at once, and a is out of service already\./,
    );
    assert.equal(desires(fleet, "b"), "b: 1");
    assert.match(await does(fleet, "drain", "a"), /^a is drained/, "what is out already costs nothing");
  });

  test("keeps its place in the budget: another one is refused", async () => {
    const fleet = await live(["a", "b", "c"]);
    await does(fleet, "drain", "a");
    fleet.reports("a", { gone: true });
    assert.match(await does(fleet, "drain", "b"), /^over_budget: .* a is out of service already/);
  });

  test("is refused while a rollout includes it", async () => {
    const fleet = await live(["a", "b"]);
    await fleet.asks(aCommit(2));
    assert.match(await does(fleet, "drain", "a"), /^busy: api prod is busy with #2/);
  });

  test("was cordoned before, or not; a drained one is not cordoned again", async () => {
    const fleet = await live(["a", "b"]);
    await does(fleet, "cordon", "b");
    assert.match(await does(fleet, "cordon", "b", ana), /^cordoned: b was cordoned by eva at .* UTC: new disk\./);
    assert.match(await does(fleet, "drain", "b"), /^b is drained/);
    assert.match(await does(fleet, "cordon", "b"), /^cordoned: b was drained by eva/);
  });
});

describe("who may take a host out", () => {
  test("on-call and deployers of every environment that it belongs to", async () => {
    const fleet = await live(["a", "b"]);
    assert.match(await does(fleet, "cordon", "a", zed), /^not_allowed: Only oncall or deployers may cordon a/);
    assert.match(await does(fleet, "drain", "a", zed), /^not_allowed/);
    assert.match(await does(fleet, "uncordon", "a", zed), /^not_allowed/);
    assert.match(await does(fleet, "cordon", "a", ana), /^a is cordoned/);
    assert.match(await does(fleet, "cordon", "nowhere"), /^unknown_host/);
  });
});

describe("hosts outside of a rollout", () => {
  test("a new one gets what is live at once, beside a rollout too, and what is live then when that has ended", async () => {
    const fleet = await live(["a", "b"]);
    await fleet.asks(aCommit(2));
    for (const host of ["a", "b"]) fleet.hasImage(host);
    assert.equal(desires(fleet, "a", "b"), "a: 2, b: 1");
    joins(fleet, "c");
    assert.equal(desires(fleet, "a", "b", "c"), "a: 2, b: 1, c: 1");
    obey(fleet);
    await runs(fleet, 2);
    assert.equal(statuses(fleet, 2), "a: healthy, b: healthy");
    assert.equal(desires(fleet, "c"), "c: 2");
  });

  test("one that was away for days gets what is live today, never what was wanted of it then", async () => {
    const fleet = await live(["a", "b", "c"], { unreachable: "skip", maxUnavailable: { hosts: 2 } });
    goes(fleet, "c");
    await fleet.clock.advance(60_000);
    await fleet.asks(aCommit(2));
    await runs(fleet, 2);
    await fleet.asks(aCommit(3));
    await runs(fleet, 3);
    assert.deepEqual(phases(fleet, 2, 3), ["#2 incomplete", "#3 incomplete"]);
    assert.equal(desires(fleet, "a", "b", "c"), "a: 3, b: 3, c: 1");
    comes(fleet, "c");
    assert.equal(desires(fleet, "c"), "c: 1", "it serves, and has not said how it is");
    await passes(fleet, 1000);
    assert.equal(desires(fleet, "c"), "c: 3");
  });

  test("of those who return together only as many are swapped at once as the environment may miss", async () => {
    const fleet = await live(["a", "b", "c", "d"], { unreachable: "skip", maxUnavailable: { hosts: 3 } });
    for (const host of ["c", "d"]) goes(fleet, host);
    await fleet.clock.advance(60_000);
    await fleet.asks(aCommit(2));
    await runs(fleet, 2);
    assert.equal(fleet.state(2).phase, "incomplete");
    editsPolicy(fleet, { maxUnavailable: { hosts: 1 } });
    comes(fleet, "c");
    comes(fleet, "d");
    await passes(fleet, 2000);
    assert.equal(desires(fleet, "c", "d"), "c: 2, d: 1");
    fleet.reports("c");
    await passes(fleet, 2000);
    assert.equal(desires(fleet, "c", "d"), "c: 2, d: 2");
  });

  test("an order that was never delivered is not delivered when it is old", async () => {
    const fleet = await live(["a", "b"]);
    await fleet.ships(aCommit(2));
    goes(fleet, "b");
    fleet.store.slots.desire({ host: "b", ...place, rollout: 1, release: 1 });
    comes(fleet, "b");
    assert.deepEqual(fleet.desk.desired("b")?.slots, []);
    await passes(fleet, 1000);
    assert.deepEqual(
      fleet.desk.desired("b")?.slots.map((slot) => slot.release?.number),
      [2],
    );
  });

  test("what was judged bad comes to nobody", async () => {
    const fleet = await live(["a"]);
    const verdict = { release: 1, verdict: "bad" as const, reason: "unhealthy" as const, detail: "x", rollout: 1, by: null };
    fleet.store.verdicts.add({ ...place, ...verdict, at: fleet.clock.now() });
    joins(fleet, "b");
    await passes(fleet, 1000);
    assert.equal(desires(fleet, "b"), "b: nothing");
  });

  test("one that changes its labels is part of nothing here any more", async () => {
    const fleet = await live(["a", "b"]);
    await fleet.asks(aCommit(2));
    fleet.hasImage("a");
    const labels = { env: "staging" };
    const token = makeToken(fleet.store, { name: "b", labels, at: fleet.clock.now() });
    fleet.desk.enrol({ token, name: "b", publicKey: "b2", labels: {} });
    await runs(fleet, 2);
    assert.equal(fleet.state(2).phase, "succeeded");
    assert.equal(statuses(fleet, 2), "a: healthy");
  });
});
