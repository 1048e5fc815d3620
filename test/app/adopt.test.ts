// `gantry adopt`: what is found on the hosts is what should be, and nothing on any host moves by it.
import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import type { AdoptReport } from "../../src/app/adopt.ts";
import { aCommit, anApp, ana, eva, type TestApp } from "../kit/app.ts";
import { type Agent, anAgent, place } from "./agents.ts";

let t: TestApp;
afterEach(() => t.stop());

/** r1 is live everywhere and the agents know it. */
async function live<const Names extends readonly string[]>(...hosts: Names): Promise<{ [Name in keyof Names]: Agent }> {
  // One may be swapped while another is away.
  t = anApp({ hosts, policy: { batch: { hosts: 1 }, maxUnavailable: { hosts: 2 } } });
  await t.ships(aCommit(1));
  const agents = hosts.map((name) => anAgent(t, name));
  for (const agent of agents) agent.connects();
  return agents as { [Name in keyof Names]: Agent };
}

function adopts(): AdoptReport {
  const report = t.app.fence.adopt({ by: eva });
  t.app.lookAgain();
  return report;
}

function prod(report: AdoptReport) {
  const found = report.environments.find((e) => e.environment === "prod");
  return { live: found?.live, on: found?.hosts, others: found?.others };
}

function notes(report: AdoptReport): readonly (string | null)[] {
  return report.hosts.flatMap((h) => h.slots.map((slot) => slot.note));
}

/** Every agent reports and hears; nobody is asked to change anything. */
function staysAs(agents: readonly Agent[], serves: readonly (number | null)[]): void {
  for (const agent of agents) agent.connects();
  for (const agent of agents) assert.equal(agent.refused, null);
  assert.deepEqual(
    agents.map((agent) => agent.orders?.slots[0]?.release?.number ?? null),
    serves,
  );
}

test("a release that was made after the backup keeps its number, and is live", async () => {
  const [web1, web2] = await live("web-1", "web-2");
  for (const agent of [web1, web2]) {
    agent.wasTold({ release: 5 });
    agent.connects();
  }
  const report = adopts();
  assert.deepEqual(prod(report), { live: 5, on: ["web-1", "web-2"], others: [] });
  assert.match(notes(report)[0] ?? "", /r5 was not known here: it is written down as the agent knows it/);
  assert.equal(t.app.gantry.freeze(), null);
  assert.equal(t.app.gantry.status({ service: null, environment: null })[0]?.live?.number, 5);
  staysAs([web1, web2], [5, 5]);
  assert.equal(web1.orders?.epoch, 2);
  const generation = web1.orders?.slots[0]?.generation ?? 0;
  assert.ok(generation > 2, `${generation} is above what the agent was told`);
  const record = t.state();
  assert.deepEqual([record.kind, record.phase, record.endedBy?.name], ["adopt", "succeeded", "eva"]);
  assert.equal(record.number, 100, "#99 is on somebody's card already");
  await t.ships(aCommit(2));
  assert.equal(t.state().release, 6, "the next number is above those that were found");
});

test("a preview writes nothing", async () => {
  const [web1] = await live("web-1");
  web1.wasTold({ release: 5 });
  web1.connects();
  const head = t.store.history.head();
  const report = t.app.fence.adopt({ by: eva, preview: true });
  assert.equal(prod(report).live, 5);
  assert.deepEqual(t.store.history.head(), head);
  assert.equal(t.app.fence.isFrozen(), true);
  assert.equal(t.store.releases.find("api", 5), null);
});

test("where the hosts differ nobody is moved, and a person's deploy goes everywhere", async () => {
  const agents = await live("web-1", "web-2", "web-3");
  const [web1, web2, web3] = agents;
  web1.wasTold({ release: 5 });
  web2.wasTold({ release: 5 });
  web3.wasTold({ release: 1 });
  for (const agent of agents) agent.connects();
  const report = adopts();
  assert.deepEqual(prod(report), { live: 5, on: ["web-1", "web-2"], others: [{ host: "web-3", release: 1 }] });
  const record = t.state();
  assert.deepEqual([record.phase, record.reason], ["incomplete", "left_incomplete"]);
  assert.match(record.detail ?? "", /r5 was found on 2 of 3; not on web-3 \(r1\)/);
  staysAs(agents, [5, 5, 1]);
  await t.clock.advance(60_000);
  staysAs(agents, [5, 5, 1]);
  await t.ships(aCommit(2));
  staysAs(agents, [6, 6, 6]);
});

test("a host on which nothing runs is left empty; a new host gets what is live", async () => {
  const [web1, web2] = await live("web-1", "web-2");
  web1.wasTold({ release: 5 });
  web2.wasTold({ release: null });
  web1.connects();
  web2.connects();
  assert.deepEqual(prod(adopts()), { live: 5, on: ["web-1"], others: [{ host: "web-2", release: null }] });
  staysAs([web1, web2], [5, null]);
  t.store.hosts.put({ name: "web-3", labels: { env: "prod" }, publicKey: "web-3", at: t.clock.now() });
  const web3 = anAgent(t, "web-3");
  web3.connects();
  web3.connects();
  staysAs([web1, web2, web3], [5, null, 5]);
});

test("a number that means another build here: it gets a new one, and its host is left alone until a person deploys", async () => {
  const agents = await live("web-1", "web-2", "web-3");
  const [web1, web2, web3] = agents;
  web1.wasTold({ release: 1 });
  web2.wasTold({ release: 1 });
  web3.wasTold({ release: 1, commit: aCommit(9) });
  for (const agent of agents) agent.connects();
  const report = adopts();
  assert.deepEqual(prod(report), { live: 1, on: ["web-1", "web-2"], others: [{ host: "web-3", release: 2 }] });
  assert.match(notes(report)[2] ?? "", /r1 is another build here: the one that runs there is r2 from now on, and is left alone/);
  web3.connects();
  assert.deepEqual(web3.told.at(-1)?.slots, [], "nothing is said about it");
  assert.equal(t.store.releases.find("api", 2)?.commit, aCommit(9));
  await t.ships(aCommit(3));
  staysAs(agents, [3, 3, 3]);
});

test("a new number is none that another agent has for something else", async () => {
  const agents = await live("web-1", "web-2", "web-3");
  const [web1, web2, web3] = agents;
  web1.wasTold({ release: 1, commit: aCommit(9) });
  web2.wasTold({ release: 2 });
  web3.wasTold({ release: 2 });
  for (const agent of agents) agent.connects();
  assert.deepEqual(prod(adopts()), { live: 2, on: ["web-2", "web-3"], others: [{ host: "web-1", release: 3 }] });
  staysAs([web2, web3], [2, 2]);
});

test("an order that failed there does not count: what serves does", async () => {
  const [web1] = await live("web-1");
  const { digest } = web1.orders?.slots[0]?.release ?? { digest: "" };
  web1.wasTold({ release: 5 });
  web1.failed.set("api", { number: 1, digest });
  web1.connects();
  assert.equal(prod(adopts()).live, 1);
});

test("a host in the middle of a swap goes on with it", async () => {
  const [web1, web2] = await live("web-1", "web-2");
  const { digest } = web1.orders?.slots[0]?.release ?? { digest: "" };
  await t.asks(aCommit(2));
  for (const host of ["web-1", "web-2"]) t.hasImage(host);
  web1.showsOrders = false;
  web1.connects();
  assert.equal(web1.orders?.slots[0]?.release?.number, 2);
  web1.swapsFrom = { number: 1, digest };
  web1.reports();
  web2.wasTold({ release: 3 });
  web2.connects();
  assert.equal(t.app.fence.isFrozen(), true);
  adopts();
  web1.reports();
  assert.equal(web1.orders?.slots[0]?.release?.number, 2, "it is not called back");
});

test("where nothing serves although something should, a person decides", async () => {
  const [web1] = await live("web-1");
  web1.wasTold({ release: 5 });
  web1.failed.set("api", null);
  web1.connects();
  const report = adopts();
  assert.match(notes(report)[0] ?? "", /nothing serves there, and a person must decide/);
  web1.connects();
  assert.deepEqual(web1.told.at(-1)?.slots, []);
});

test("an old agent says what runs by number and digest; what nobody can describe is named and left alone", async () => {
  const [web1, web2] = await live("web-1", "web-2");
  for (const agent of [web1, web2]) agent.isOld = true;
  web1.wasTold({ release: 1, generation: 6 });
  web2.wasTold({ release: 7, generation: 6 });
  web1.connects();
  web2.connects();
  const report = adopts();
  assert.deepEqual(prod(report), { live: 1, on: ["web-1"], others: [{ host: "web-2", release: null }] });
  assert.match(notes(report)[1] ?? "", /r7 \(373737373737\) is not known here, and its agent did not say what it is made of/);
  staysAs([web1], [1]);
  web2.connects();
  assert.deepEqual(web2.told.at(-1)?.slots, []);
});

test("rollouts under way and in line end as they are, and nobody is sent back", async () => {
  const agents = await live("web-1", "web-2");
  const [web1, web2] = agents;
  const rolling = await t.asks(aCommit(2));
  for (const host of ["web-1", "web-2"]) t.hasImage(host);
  assert.equal(t.state(rolling).phase, "rolling");
  const origin = { key: "later", channel: null };
  await t.app.gantry.deploy({ ...place, ref: aCommit(3), allowBad: false, wait: true, why: null, actor: ana, origin });
  const waiting = t.state().number;
  assert.equal(t.state(waiting).phase, "in_line");
  for (const agent of agents) {
    agent.wasTold({ release: 2, generation: 9 });
    agent.connects();
  }
  const report = adopts();
  assert.deepEqual(report.ended, [rolling, waiting]);
  for (const number of report.ended) {
    const { phase, endedBy, pauses } = t.state(number);
    assert.deepEqual([phase, endedBy?.name, pauses], ["cancelled", "eva", []]);
  }
  await t.clock.advance(10 * 60_000);
  staysAs([web1, web2], [2, 2]);
  assert.equal(t.store.verdicts.newest({ ...place, release: 2 }), null, "nobody was judged by it");
});

test("what an agent was told counts although its engine lets it begin with nothing, and although it is too much to be shown", async () => {
  const [web1, web2] = await live("web-1", "web-2");
  web1.wasTold({ release: 5, generation: 9 });
  web1.isBlind = true;
  web1.showsOrders = false;
  web2.wasTold({ release: 5 });
  web1.connects();
  web2.connects();
  const report = adopts();
  const [blind] = report.hosts.find((h) => h.host === "web-1")?.slots ?? [];
  assert.equal(blind?.generation, 10);
  assert.match(blind?.note ?? "", /its Docker engine does not answer, so what runs is not known/);
  web1.isBlind = false;
  web1.connects();
  assert.equal(t.app.fence.isFrozen(), false);
  await t.ships(aCommit(2));
  web1.connects();
  assert.deepEqual([web1.refused, web1.orders?.slots[0]?.release?.number], [null, 6]);
});

test("a host that was away and comes with a hanging engine is told nothing below what it was told", async () => {
  const [web1, web2] = await live("web-1", "web-2");
  web1.wasTold({ release: 5 });
  web2.wasTold({ release: 5, generation: 9 });
  web1.connects();
  t.connected.delete("web-2");
  adopts();
  web2.isBlind = true;
  web2.showsOrders = false;
  t.store.slots.desire({ ...place, host: "web-2", rollout: t.state().number, release: 1 });
  web2.connects();
  assert.equal(web2.orders?.slots[0]?.generation, 10);
});

test("an agent that names a generation which no server could have given is not followed, wherever it names it", async () => {
  const [web1] = await live("web-1");
  web1.wasTold({ release: 5 });
  web1.connects();
  const absurd = 2 ** 52;
  const live1 = {
    containerId: "c",
    release: 5,
    digest: "d",
    generation: absurd,
    startedAt: 1,
    restarts: 0,
    health: "ok" as const,
    detail: null,
  };
  const slot = { ...place, generation: 1, step: "serving" as const, outcome: null, live: null, previous: null };
  for (const slots of [[{ ...slot, newest: absurd }], [{ ...slot, live: live1 }]]) {
    t.says("web-1", slots);
    assert.match(t.app.fence.adopt({ by: eva, preview: true }).trouble[0] ?? "", /web-1 says that it was told generation 4503/);
  }
});

test("a host that was away freezes nothing when it comes: what is found there is taken in first", async () => {
  const agents = await live("web-1", "web-2", "web-3");
  const [web1, web2, web3] = agents;
  for (const agent of agents) agent.wasTold({ release: 5 });
  web1.connects();
  t.connected.delete("web-2");
  t.connected.delete("web-3");
  const report = adopts();
  assert.deepEqual([report.away, prod(report).live], [["web-2", "web-3"], 5]);
  t.restart();
  web2.connects();
  assert.equal(t.app.fence.isFrozen(), false);
  assert.equal(web2.told[0]?.slots[0]?.release?.number, 5, "it hears nothing before it was heard");
  assert.equal(t.store.history.acts(1)[0]?.kind, "host_adopted");
  web3.wasTold({ release: 6 });
  web3.connects();
  await t.clock.advance(60_000);
  staysAs(agents, [5, 5, 6]);
});

test("what people have decided since for a host that was away counts, when it comes", async () => {
  const [web1, web2] = await live("web-1", "web-2");
  web1.wasTold({ release: 5 });
  web2.wasTold({ release: 5, generation: 9 });
  web1.connects();
  t.connected.delete("web-2");
  adopts();
  await t.app.gantry.cordon({ host: "web-2", why: "away", actor: eva });
  await t.ships(aCommit(2));
  await t.app.gantry.uncordon({ host: "web-2", actor: eva });
  web2.connects();
  assert.equal(t.app.fence.isFrozen(), false);
  for (let turn = 0; turn < 3; turn += 1) web2.connects();
  staysAs([web1, web2], [6, 6]);
});

test("what was decided for a host before it was heard is said under a generation above its own", async () => {
  const [web1, web2] = await live("web-1", "web-2");
  web1.wasTold({ release: 5 });
  web2.wasTold({ release: 5, generation: 9 });
  web1.connects();
  t.connected.delete("web-2");
  adopts();
  t.store.slots.desire({ ...place, host: "web-2", rollout: t.state().number, release: 1 });
  web2.connects();
  staysAs([web2], [1]);
  assert.equal(web2.orders?.slots[0]?.generation, 10);
});

test("an agent that claims a far higher epoch is not followed there, and is named", async () => {
  const [web1, web2] = await live("web-1", "web-2");
  web1.wasTold({ release: 1, epoch: 9_000_000 });
  web1.connects();
  web2.connects();
  const report = adopts();
  assert.match(report.trouble[0] ?? "", /web-1 says that it has obeyed epoch 9000000; revoke it and enrol it again/);
  assert.equal(report.epoch, 2);
  web2.wasTold({ release: 1, generation: 2 ** 52 });
  web2.connects();
  assert.deepEqual([web2.told.length, t.app.fence.isFrozen()], [0, false]);
});

test("the way back is there after an adoption", async () => {
  const [web1] = await live("web-1");
  web1.wasTold({ release: 5 });
  web1.connects();
  adopts();
  staysAs([web1], [5]);
  const origin = { key: "back", channel: null };
  const answer = await t.app.gantry.rollback({ ...place, to: null, shown: null, why: null, actor: eva, origin });
  assert.equal(answer.kind, "opened");
  assert.deepEqual([t.state().kind, t.state().release], ["rollback", 1]);
  assert.equal(t.desired("web-1"), 1);
});
