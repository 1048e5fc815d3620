// One host that claims what cannot be must not hold everybody: it is named, and to revoke it ends the freeze.
import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { aCommit, anApp, ana, eva, type TestApp } from "../kit/app.ts";
import { type Agent, anAgent, place } from "./agents.ts";

let t: TestApp;
afterEach(() => t.stop());

async function live(...hosts: readonly string[]): Promise<Agent[]> {
  t = anApp({ hosts, policy: { batch: { hosts: 1 }, maxUnavailable: { hosts: 2 } } });
  await t.ships(aCommit(1));
  const agents = hosts.map((name) => anAgent(t, name));
  for (const agent of agents) agent.connects();
  return agents;
}

async function deploys(key: string, commit: string) {
  const asked = { ...place, ref: commit, allowBad: false, wait: false, why: null, actor: ana, origin: { key, channel: null } };
  return await t.app.gantry.deploy(asked);
}

async function refusal(key: string): Promise<string> {
  const answer = await deploys(key, aCommit(2));
  return answer.kind === "refused" ? answer.refusal.text : "";
}

const claims: readonly [what: string, news: Parameters<Agent["wasTold"]>[0]][] = [
  ["a far epoch", { release: 1, epoch: 9_000_000 }],
  ["a head that nobody else knows", { release: 1, seq: 900 }],
  ["another history", { release: 1, seq: 3 }],
  ["a far generation", { release: 1, generation: 77 }],
];

for (const [what, news] of claims) {
  test(`a host that alone claims ${what} is named as the only one, and to revoke it ends the freeze`, async () => {
    const [liar, ...others] = (await live("web-1", "web-2", "web-3")) as [Agent, Agent, Agent];
    const { head } = liar.orders ?? {};
    liar.wasTold(what === "a far generation" ? { ...news, ...head } : news);
    liar.connects();
    assert.equal(t.app.fence.isFrozen(), true);
    assert.match(await refusal("while"), /web-1 .* Only web-1 says so; the 2 other hosts that are connected know nothing more/);
    assert.match(await refusal("still"), /`gantry revoke web-1` ends this/);
    assert.match(t.app.gantry.freeze()?.detail ?? "", /Only web-1 says so/);
    t.app.revoke("web-1", eva);
    assert.equal(t.app.fence.isFrozen(), false);
    const [unfrozen, revoked] = t.store.history.acts(2);
    assert.deepEqual([unfrozen?.kind, unfrozen?.by?.name, revoked?.kind], ["unfrozen", "eva", "revoked"]);
    assert.equal(t.store.epoch, 1, "nothing was adopted");
    liar.reports();
    assert.equal(t.app.fence.isFrozen(), false, "nor by what was on its way still");
    assert.equal((await deploys("after", aCommit(2))).kind, "opened");
    for (const agent of others) {
      agent.connects();
      assert.deepEqual([agent.refused, t.app.fence.isFrozen()], [null, false]);
    }
  });
}

test("a rollout that stood still for it goes on, over the connections that were there", async () => {
  const [liar, web2, web3] = (await live("web-1", "web-2", "web-3")) as [Agent, Agent, Agent];
  const number = await t.asks(aCommit(2));
  liar.wasTold({ release: 1, seq: 900 });
  liar.connects();
  web2.connects();
  assert.deepEqual([web2.told.length, t.state().pauses.map((p) => p.reason)], [0, ["server_behind"]]);
  t.app.revoke("web-1", null);
  assert.deepEqual(t.state().pauses, []);
  web2.reports();
  assert.ok(web2.told.length > 0, "it is told again");
  for (const { name } of [web2, web3]) t.hasImage(name);
  for (let turn = 0; turn < 20 && t.state(number).endedAt === null; turn += 1) {
    for (const { name } of [web2, web3]) t.reports(name);
    await t.clock.advance(1_000);
  }
  assert.equal(t.state(number).phase, "succeeded");
});

test("as long as another one says it the server stands still, and that one is named", async () => {
  const [web1, web2, web3] = (await live("web-1", "web-2", "web-3")) as [Agent, Agent, Agent];
  web1.wasTold({ release: 2, seq: 900 });
  web1.connects();
  web2.wasTold({ release: 2, seq: 901 });
  web2.connects();
  assert.match(
    t.app.gantry.freeze()?.detail ?? "",
    /web-1 knows the history up to #900.* More than this server know also: web-2/,
  );
  t.app.revoke("web-1", null);
  const frozen = t.app.gantry.freeze();
  assert.equal(frozen?.host, "web-2");
  assert.match(frozen?.detail ?? "", /web-2 knows the history up to #901.* Only web-2 says so; the one other host/);
  web3.connects();
  assert.equal(web3.told.length, 0);
  t.store.hosts.put({ name: "web-4", labels: { env: "prod" }, publicKey: "web-4", at: t.clock.now() });
  t.app.revoke("web-4", null);
  assert.equal(t.app.fence.isFrozen(), true, "another one's revocation changes nothing");
  t.app.revoke("web-2", null);
  assert.equal(t.app.fence.isFrozen(), false);
});

test("when nobody is there to contradict it, its revocation ends nothing yet: the first that comes and knows nothing more does", async () => {
  const [web1, web2] = (await live("web-1", "web-2")) as [Agent, Agent];
  const number = await t.asks(aCommit(2));
  t.connected.delete("web-2");
  web1.wasTold({ release: 2, seq: 900 });
  web1.connects();
  assert.match(await refusal("alone"), /up to #900.* No other host is connected that could say otherwise\./);
  t.connected.delete("web-1");
  t.app.revoke("web-1", eva);
  assert.equal(t.app.fence.isFrozen(), true, "it may have been right");
  assert.match(
    t.app.gantry.freeze()?.detail ?? "",
    /web-1 is revoked since, and no other host is connected that could contradict it: it ends by itself when one comes/,
  );
  t.restart();
  assert.equal(t.app.fence.isFrozen(), true);
  t.store.hosts.put({ name: "web-3", labels: { env: "prod" }, publicKey: "web-3", at: t.clock.now() });
  anAgent(t, "web-3").connects();
  assert.equal(t.app.fence.isFrozen(), true, "one that was never told anything contradicts nobody");
  web2.connects();
  assert.equal(t.app.fence.isFrozen(), false);
  assert.deepEqual(t.state(number).pauses, []);
  web2.connects();
  assert.ok(web2.told.length > 0, "it is told again");
});

test("the next that comes may say the same: then the freeze is by its word", async () => {
  const [web1, web2] = (await live("web-1", "web-2")) as [Agent, Agent];
  for (const agent of [web1, web2]) agent.wasTold({ release: 2, seq: 900 });
  t.connected.delete("web-2");
  web1.connects();
  t.app.revoke("web-1", eva);
  web2.connects();
  assert.deepEqual([t.app.fence.isFrozen(), t.app.gantry.freeze()?.host], [true, "web-2"]);
});

test("one that was away and says the same freezes it again", async () => {
  const [web1, web2] = (await live("web-1", "web-2", "web-3")) as [Agent, Agent, Agent];
  web1.wasTold({ release: 2, seq: 900 });
  web1.connects();
  web2.wasTold({ release: 2, seq: 900 });
  t.app.revoke("web-1", null);
  assert.equal(t.app.fence.isFrozen(), false);
  web2.connects();
  assert.equal(t.app.gantry.freeze()?.host, "web-2");
});

test("a freeze that no host brought about is ended by no revocation", async () => {
  await live("web-1", "web-2");
  t.app.fence.suspect({ seq: 4, what: "changed: an event" });
  t.app.revoke("web-1", null);
  t.app.revoke("web-2", null);
  assert.equal(t.app.fence.isFrozen(), true);
});
