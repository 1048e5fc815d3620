// An adoption that hears no host of an environment knows nothing of it, and says so: whoever comes first knows more.
import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { aCommit, anApp, eva, type TestApp } from "../kit/app.ts";
import { type Agent, anAgent, place } from "./agents.ts";

let t: TestApp;
afterEach(() => t.stop());

/** Nobody was heard at the adoption; r1 is what the server knew to be live. */
async function unheard(): Promise<Agent[]> {
  t = anApp({ hosts: ["web-1", "web-2"], policy: { batch: { hosts: 1 }, maxUnavailable: { hosts: 2 } } });
  await t.ships(aCommit(1));
  const agents = ["web-1", "web-2"].map((name) => anAgent(t, name));
  for (const agent of agents) agent.connects();
  t.app.fence.suspect({ seq: 1, what: "changed" });
  for (const { name } of agents) t.connected.delete(name);
  agents[0]?.wasTold({ release: 5 });
  return agents;
}

function adopts() {
  const report = t.app.fence.adopt({ by: eva });
  t.app.lookAgain();
  return report;
}

function serves(agents: readonly Agent[], releases: readonly (number | null)[]): void {
  for (const agent of agents) agent.connects();
  const served = agents.map((agent) => agent.orders?.slots[0]?.release?.number ?? null);
  assert.deepEqual(served, releases);
}

function joinsAnew(name: string): Agent {
  t.store.hosts.put({ name, labels: { env: "prod" }, publicKey: name, at: t.clock.now() });
  const agent = anAgent(t, name);
  agent.connects();
  agent.connects();
  return agent;
}

test("when every host was away at the adoption nothing is written down as live, and whoever is missed is named", async () => {
  await unheard();
  const report = adopts();
  const found = report.environments.find((e) => e.environment === place.environment);
  assert.deepEqual([report.away, found?.hosts], [["web-1", "web-2"], []]);
  assert.deepEqual(found?.awaits, ["web-1", "web-2"]);
  assert.deepEqual([t.state().kind, t.state().release], ["deploy", 1], "no rollout over zero hosts");
  assert.equal(t.app.fence.isFrozen(), false);
});

test("then the first that comes and serves something says what is live, also after a restart; until then nobody is given anything", async () => {
  const [web1, web2] = (await unheard()) as [Agent, Agent];
  adopts();
  t.restart();
  const web3 = joinsAnew("web-3");
  assert.deepEqual(web3.orders?.slots ?? [], [], "r1 was live long ago");
  const why = JSON.stringify(t.app.gantry.why(["web-3"]));
  assert.match(why, /which heard no host there: what is live is not known/);
  assert.match(why, /web-1, web-2: the first that connects and serves something says it/);
  web2.wasTold({ release: null });
  web2.connects();
  await t.clock.advance(60_000);
  assert.equal(t.desired("web-2"), null, "it is left empty");
  assert.equal(t.state().kind, "deploy", "an empty host knows nothing of what is live");
  web1.connects();
  const record = t.state();
  assert.deepEqual([record.kind, record.phase, record.release], ["adopt", "succeeded", 5]);
  assert.equal(record.detail, "r5 was found on all 1");
  await t.clock.advance(60_000);
  web3.connects();
  serves([web1, web3], [5, 5]);
  assert.equal(t.desired("web-2"), null);
});

test("a deploy decides it likewise, and so does revoking those that do not come back", async () => {
  await unheard();
  adopts();
  const web3 = joinsAnew("web-3");
  assert.deepEqual(web3.orders?.slots ?? [], []);
  t.app.revoke("web-1", null);
  t.app.revoke("web-2", null);
  assert.equal(t.desired("web-3"), 1, "what the server knew is all there is");
  t.stop();
  await unheard();
  adopts();
  t.app.revoke("web-2", null);
  await t.app.gantry.cordon({ host: "web-1", why: "away", actor: eva });
  const other = joinsAnew("web-3");
  await t.ships(aCommit(2));
  const another = joinsAnew("web-4");
  serves([other, another], [2, 2]);
});
