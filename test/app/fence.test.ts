// A server that knows less than its agents stands still, says why, and sends nothing.
import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { refusalOf } from "../../src/host/obedience.ts";
import { aCommit, anApp, ana, eva, type TestApp } from "../kit/app.ts";
import { type Agent, anAgent, place } from "./agents.ts";

let t: TestApp;
afterEach(() => t.stop());

/** r1 is live on the hosts, whose agents have heard of it. */
async function live(...hosts: readonly string[]): Promise<Agent[]> {
  t = anApp({ hosts, policy: { batch: { hosts: 1 } } });
  await t.ships(aCommit(1));
  const agents = hosts.map((name) => anAgent(t, name));
  for (const agent of agents) agent.connects();
  assert.equal(t.app.fence.isFrozen(), false);
  return agents;
}

function one<T>(list: readonly T[]): T {
  const [first] = list;
  if (first === undefined) throw new Error("there is none");
  return first;
}

const behind: readonly { what: string; news: Parameters<Agent["wasTold"]>[0]; says: RegExp; reason?: string }[] = [
  { what: "a higher epoch", news: { release: 1, epoch: 2 }, says: /web-1 has obeyed epoch 2, and this server is at 1/ },
  {
    what: "a longer history",
    news: { release: 1, seq: 900 },
    says: /web-1 knows the history up to #900, and here it ends at #\d+/,
  },
  {
    what: "another history",
    news: { release: 1, seq: 3 },
    says: /web-1 knows #3 of the history as f{12}, and here it is another/,
    reason: "history_forked",
  },
];

for (const { what, news, says, reason = "server_behind" } of behind) {
  test(`an agent that knows ${what} freezes the server, and is told nothing`, async () => {
    const agent = one(await live("web-1"));
    agent.wasTold(news);
    agent.connects();
    assert.equal(agent.told.length, 0);
    const frozen = t.app.gantry.freeze();
    assert.equal(frozen?.reason, reason);
    assert.equal(frozen?.host, "web-1");
    assert.match(frozen?.detail ?? "", says);
    assert.equal(t.store.history.acts(1)[0]?.kind, "frozen");
  });
}

test("an agent that was told a higher generation freezes it, whether or not it knows of heads", async () => {
  for (const isOld of [false, true]) {
    const agent = one(await live("web-1"));
    const { head } = agent.orders ?? {};
    agent.isOld = isOld;
    agent.wasTold({ release: 1, generation: 7, ...head });
    agent.connects();
    assert.match(t.app.gantry.freeze()?.detail ?? "", /web-1 was told generation 7 of api\/prod, and here it is 1/);
    if (!isOld) t.stop();
  }
});

test("an act that was under way when the freeze came does nothing, and is told why", async () => {
  await live("web-1", "web-2");
  const about = { planHash: null, why: null, actor: ana };
  const origin = (key: string) => ({ key, channel: null });
  const number = await t.asks(aCommit(2));
  const acts = [
    () => t.app.gantry.pause({ ...about, rollout: number, actor: eva }),
    () => t.app.gantry.cancel({ rollout: number, why: null, actor: eva }),
    () => t.app.gantry.rollback({ ...place, to: null, shown: null, why: null, actor: eva, origin: origin("back") }),
    () => t.app.gantry.deploy({ ...place, ...about, ref: aCommit(3), allowBad: false, wait: true, origin: origin("next") }),
    () => t.app.gantry.lock({ ...place, why: "hands off", forMs: null, actor: ana }),
    () => t.app.gantry.drain({ host: "web-1", why: null, actor: ana }),
  ].map((act) => act());
  t.app.fence.check({ host: "web-1", epoch: 9 });
  const answers = await Promise.all(acts);
  for (const answer of answers) assert.equal(answer.kind === "refused" && answer.refusal.reason, "server_behind");
  assert.equal(t.state().number, number);
  assert.deepEqual([t.state().phase, t.state().pauses.map((p) => p.reason)], ["queued", ["server_behind"]]);
  assert.equal(t.store.locks.find(place), null);
  assert.equal(t.store.hosts.find("web-1")?.intent, null);
});

test("nobody is told anything while it is frozen, and every change is refused with the reason", async () => {
  const [web1, web2] = (await live("web-1", "web-2")) as [Agent, Agent];
  web1.wasTold({ release: 2 });
  web1.connects();
  assert.equal(t.desk.desired("web-2"), null, "not over a connection that was there before");
  web2.connects();
  assert.equal(web2.told.length, 0);
  const origin = { key: "k", channel: null };
  const deploy = await t.app.gantry.deploy({
    ...place,
    ref: aCommit(2),
    allowBad: false,
    wait: false,
    why: null,
    actor: ana,
    origin,
  });
  assert.equal(deploy.kind === "refused" && deploy.refusal.reason, "server_behind");
  assert.match(
    deploy.kind === "refused" ? deploy.refusal.text : "",
    /stands still since .* UTC: web-1 knows the history .* goes on\.$/,
  );
  const back = await t.app.gantry.rollback({ ...place, to: null, shown: null, why: null, actor: eva, origin });
  assert.equal(back.kind === "refused" && back.refusal.reason, "server_behind");
  assert.equal(t.app.gantry.status({ service: null, environment: null })[0]?.live?.number, 1, "what it knows it still shows");
});

test("a rollout under way stands still, and no person can let it go on", async () => {
  const [web1, web2] = (await live("web-1", "web-2")) as [Agent, Agent];
  await t.asks(aCommit(2));
  for (const host of ["web-1", "web-2"]) t.hasImage(host);
  assert.equal(t.state().phase, "rolling");
  web2.wasTold({ release: 3 });
  web2.connects();
  assert.deepEqual(
    t.state().pauses.map((p) => p.reason),
    ["server_behind"],
  );
  const act = { rollout: t.state().number, planHash: null, why: null, actor: ana };
  const resumed = await t.app.gantry.resume(act);
  assert.equal(resumed.kind === "refused" && resumed.refusal.reason, "server_behind");
  const before = t.store.slots.ofHost("web-2");
  web1.connects();
  await t.clock.advance(10 * 60_000);
  assert.deepEqual(t.store.slots.ofHost("web-2")[0]?.generation, before[0]?.generation, "no further host was begun");
});

test("it stays frozen over a restart, and its reports are taken meanwhile", async () => {
  const agent = one(await live("web-1"));
  agent.wasTold({ release: 2 });
  agent.connects();
  t.restart();
  assert.equal(t.app.fence.isFrozen(), true);
  agent.connects();
  assert.equal(agent.told.length, 0);
  assert.equal(t.store.slots.get("web-1", place)?.observed?.live?.release, 2);
});

test("a host that has never obeyed this server freezes nothing, whatever its containers say", async () => {
  await live("web-1");
  t.store.hosts.put({ name: "web-9", labels: { env: "prod" }, publicKey: "web-9", at: 1 });
  t.connected.add("web-9");
  t.desk.connected({ host: "web-9", agentVersion: "1", labels: {}, epoch: 0 });
  const old = { ...place, generation: 50, step: "serving", outcome: null, live: null, previous: null } as const;
  const engine = { ok: true, reason: null, detail: null, liveRestore: true };
  t.desk.observed("web-9", { bootId: "b", agentVersion: "1", epoch: 0, engine, slots: [old], images: [] });
  assert.equal(t.app.fence.isFrozen(), false);
});

test("an agent that knows less, or as much, is simply told", async () => {
  const agent = one(await live("web-1"));
  const early = agent.orders;
  await t.ships(aCommit(2));
  agent.orders = early;
  agent.connects();
  assert.equal(t.app.fence.isFrozen(), false);
  assert.equal(agent.orders?.slots[0]?.release?.number, 2);
  agent.connects();
  assert.equal(agent.refused, null);
  assert.deepEqual(t.app.fence.heads(), [{ host: "web-1", head: t.store.history.head() }]);
});

test("an agent refuses a server whose history is shorter than what it has heard, until it is adopted", async () => {
  const agent = one(await live("web-1"));
  const picture = t.desk.desired("web-1");
  agent.wasTold({ release: 2 });
  assert.ok(picture !== null && agent.orders !== null);
  const refusal = refusalOf({ picture, orders: agent.orders, serverId: picture.serverId });
  assert.match(refusal?.detail ?? "", /their history ends at #\d+, and this host has heard of #\d+/);
  const higher = refusalOf({ picture: { ...picture, epoch: 2 }, orders: agent.orders, serverId: picture.serverId });
  assert.equal(higher, null, "a higher epoch is a person's word");
});

test("what the store finds wrong with its own history freezes it likewise, once", async () => {
  await live("web-1");
  t.app.fence.suspect({ seq: 4, what: "changed: an event" });
  assert.equal(t.app.gantry.freeze()?.reason, "history_forked");
  assert.match(t.app.gantry.freeze()?.detail ?? "", /does not hold at #4 \(changed: an event\)/);
  t.app.fence.adopt({ by: ana });
  assert.equal(t.app.fence.isFrozen(), false);
  t.app.fence.suspect({ seq: 4, what: "changed: an event" });
  assert.equal(t.app.fence.isFrozen(), false, "a person has gone on in spite of it");
  t.store.history.act({ at: 1, kind: "locked", by: ana, facts: {} });
  t.app.fence.suspect({ seq: t.store.history.head().seq, what: "changed: an act" });
  assert.equal(t.app.fence.isFrozen(), true);
});
