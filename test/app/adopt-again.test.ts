// A second `gantry adopt` in the life of a server takes in what runs by then: what agents showed at the first counts no more.
import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import type { AdoptReport } from "../../src/app/adopt.ts";
import { aCommit, anApp, eva, type TestApp } from "../kit/app.ts";
import { type Agent, anAgent, place } from "./agents.ts";
import { deploys, goesWell } from "./line-kit.ts";

let t: TestApp;
afterEach(() => t.stop());

/** r1 and r2 are known; the agents know more than the server, which is frozen by it. */
async function behind(): Promise<readonly [Agent, Agent]> {
  t = anApp({ hosts: ["web-1", "web-2"], policy: { batch: { hosts: 2 }, maxUnavailable: { hosts: 2 } } });
  await t.ships(aCommit(1));
  await t.ships(aCommit(2));
  const agents = [anAgent(t, "web-1"), anAgent(t, "web-2")] as const;
  for (const agent of agents) agent.connects();
  for (const agent of agents) agent.wasTold({ release: 2 });
  for (const agent of agents) agent.connects();
  assert.equal(t.app.fence.isFrozen(), true);
  return agents;
}

/** Once it has obeyed, an agent shows its orders no more: it is not ahead. */
function obeys(agents: readonly Agent[]): void {
  for (const agent of agents) agent.reports();
  for (const agent of agents) agent.showsOrders = false;
  for (const agent of agents) agent.reports();
}

async function shipsThree(agents: readonly Agent[]): Promise<void> {
  const number = await deploys(t, 3);
  assert.equal(await goesWell(t, Number(number.slice(1))), "succeeded");
  for (const agent of agents) agent.reports();
  for (const agent of agents) agent.reports();
  assert.deepEqual(wanted(), [3, 3]);
}

function adopts(preview = false): AdoptReport {
  const report = t.app.fence.adopt({ by: eva, preview });
  if (!preview) t.app.lookAgain();
  return report;
}

function wanted(): readonly (number | null)[] {
  return ["web-1", "web-2"].map((host) => t.desired(host) ?? null);
}

function found(report: AdoptReport) {
  return report.environments.find((e) => e.environment === place.environment);
}

/** Nobody is told another release than the one that serves there. */
function nobodyMoves(agents: readonly Agent[], release: number): void {
  for (const agent of agents) agent.told.length = 0;
  for (const agent of agents) agent.reports();
  for (const agent of agents) {
    assert.equal(agent.refused, null);
    assert.ok(agent.told.length > 0, `${agent.name} hears of the adoption`);
    const told = agent.told.flatMap((picture) => picture.slots.map((slot) => slot.release?.number));
    assert.deepEqual([...new Set(told)], [release], agent.name);
  }
}

test("freeze, adopt, deploy r3, freeze, adopt: r3 stays, and no host is told anything else", async () => {
  const agents = await behind();
  assert.equal(found(adopts())?.live, 2);
  obeys(agents);
  await shipsThree(agents);
  t.app.fence.suspect({ seq: 99_999, what: "changed" });
  obeys(agents);
  assert.deepEqual([found(adopts(true))?.live, found(adopts(true))?.hosts], [3, ["web-1", "web-2"]]);
  assert.equal(found(adopts())?.live, 3);
  assert.deepEqual(wanted(), [3, 3]);
  assert.equal(t.state().release, 3);
  nobodyMoves(agents, 3);
});

test("the same of a host that was away at the first adoption and was taken in late", async () => {
  const agents = await behind();
  const [, web2] = agents;
  t.connected.delete("web-2");
  assert.deepEqual(adopts().away, ["web-2"]);
  web2.connects();
  obeys(agents);
  await shipsThree(agents);
  t.app.fence.suspect({ seq: 99_999, what: "changed" });
  obeys(agents);
  assert.deepEqual(found(adopts())?.hosts, ["web-1", "web-2"]);
  assert.deepEqual(wanted(), [3, 3]);
  nobodyMoves(agents, 3);
});

test("an order below what its host has begun with since counts no more, whoever shows it: what serves does", async () => {
  const agents = await behind();
  adopts();
  obeys(agents);
  await shipsThree(agents);
  t.app.fence.suspect({ seq: 99_999, what: "changed" });
  for (const agent of agents) {
    const slot = agent.orders?.slots[0];
    assert.ok(slot);
    agent.showsOlder = [{ ...slot, generation: slot.generation - 2, rollout: 2, release: older(slot.release?.number) }];
    agent.reports();
  }
  assert.deepEqual([found(adopts())?.live, wanted()], [3, [3, 3]]);
});

function older(release: number | undefined) {
  const known = t.store.releases.find(place.service, (release ?? 0) - 1);
  assert.ok(known);
  const { number, digest, commit, spec } = known;
  return { number, digest, commit, spec, mirrors: [] };
}
