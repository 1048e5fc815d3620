/** An agent passes over what it does not know: a release that needs it is refused, and kept from hosts that come later. */
import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import { agentCan, lacks, needsOf } from "../../src/core/abilities.ts";
import type { ReleaseSpec } from "../../src/core/release.ts";
import { aCommit, anApp, ana, eva, type TestApp } from "../kit/app.ts";
import { aSpec } from "../kit/stores.ts";

const demanding: ReleaseSpec = { ...aSpec, swap: { kind: "reuse-port" } };
const place = { service: "api", environment: "prod" };

describe("agents of another age", () => {
  let fleet: TestApp;
  let spec: ReleaseSpec;
  beforeEach(() => {
    spec = aSpec;
    fleet = anApp({ hosts: ["web-1", "web-2"], spec: () => spec });
  });
  afterEach(() => fleet.stop());

  let asks = 0;
  async function deploys(): Promise<string> {
    asks += 1;
    const origin = { key: `ask-${asks}`, channel: null };
    const facts = { ...place, ref: aCommit(2), allowBad: false, wait: false, why: null, actor: ana, origin };
    const said = await fleet.app.gantry.deploy(facts);
    return said.kind === "opened" ? "opened" : `${said.refusal.reason}: ${said.refusal.text} ${said.refusal.next}`;
  }

  it("a plain release goes to agents that say nothing of themselves", async () => {
    fleet.abilities.set("web-1", []);
    assert.equal(await deploys(), "opened");
  });

  it("a release that needs more is refused, naming hosts, what they lack, and what to do", async () => {
    spec = demanding;
    fleet.abilities.set("web-2", ["members"]);
    const refusal =
      "incompatible_agent: api prod needs how its containers change places (x-gantry.swap), and the agent of one host is too old for that: web-2. " +
      "Upgrade the agents of these hosts, then ask again; their containers do not notice.";
    assert.equal(await deploys(), refusal);
    fleet.abilities.set("web-2", agentCan);
    assert.equal(await deploys(), "opened");
  });

  it("a host that comes later with an old agent is given nothing that it does not know, and why says so", async () => {
    spec = demanding;
    await fleet.ships(aCommit(1));
    fleet.store.hosts.put({ name: "old-1", labels: { env: "prod" }, publicKey: "old-1", at: fleet.clock.now() });
    fleet.abilities.set("old-1", []);
    fleet.connected.add("old-1");
    fleet.reports("old-1");
    assert.equal(fleet.desired("old-1"), undefined);
    const why = fleet.app.gantry.why(["old-1"]);
    assert.ok("waits" in why);
    assert.deepEqual(
      why.waits.map((wait) => wait.reason),
      ["incompatible_agent"],
    );
    assert.match(why.waits[0]?.text ?? "", /too old for that: it does not know how its containers change places/);
    fleet.abilities.set("old-1", agentCan);
    fleet.connected.delete("old-1");
    fleet.desk.disconnected("old-1");
    fleet.connected.add("old-1");
    fleet.desk.connected({ host: "old-1", agentVersion: "2", labels: {} });
    fleet.reports("old-1");
    assert.equal(fleet.desired("old-1"), 1, "it gets what is live once its agent is of today");
  });

  it("a host that comes back with an older agent in mid-rollout is told nothing of it", async () => {
    spec = demanding;
    await fleet.asks(aCommit(1));
    fleet.hasImage("web-1");
    fleet.hasImage("web-2");
    const wanted = () => ["web-1", "web-2"].filter((host) => fleet.desired(host) === 1);
    for (let turn = 0; turn < 10 && wanted().length === 0; turn += 1) await fleet.clock.advance(1_000);
    const [first = ""] = wanted();
    const told = () => (fleet.desk.desired(first)?.slots ?? []).length;
    assert.equal(told(), 1);
    fleet.abilities.set(first, []);
    assert.equal(told(), 0);
    const why = fleet.app.gantry.why([first]);
    assert.ok("waits" in why && why.waits.some((wait) => wait.reason === "incompatible_agent"), JSON.stringify(why));
  });

  it("going back is warned of, and not refused", async () => {
    spec = demanding;
    await fleet.ships(aCommit(1));
    spec = aSpec;
    await fleet.ships(aCommit(2));
    fleet.abilities.set("web-1", []);
    const facts = { ...place, to: null, actor: eva };
    const preview = await fleet.app.gantry.previewRollback(facts);
    assert.ok(!("kind" in preview), JSON.stringify(preview));
    assert.match(preview.warning ?? "", /api prod needs how its containers change places .* too old for that: web-1\./);
    const origin = { key: "back", channel: null };
    const back = await fleet.app.gantry.rollback({ ...facts, shown: null, why: null, origin });
    assert.equal(back.kind, "opened");
    for (let turn = 0; turn < 10 && fleet.desired("web-1") !== 1; turn += 1) {
      for (const host of fleet.connected) fleet.reports(host);
      await fleet.clock.advance(1_000);
    }
    assert.equal(fleet.desk.desired("web-1")?.slots[0]?.release?.number, 1, "it is told all the same");
  });
});

describe("what a spec needs", () => {
  const { container, health } = aSpec;
  const cases: readonly (readonly [what: string, spec: ReleaseSpec, needs: readonly string[]])[] = [
    ["a plain one", aSpec, []],
    ["a Compose key of today", { ...aSpec, container: { ...container, init: true } }, ["compose-2"]],
    [
      "a volume that must exist",
      { ...aSpec, container: { ...container, volumes: [{ source: "/a", target: "/b", readOnly: false, mustExist: true }] } },
      ["compose-2"],
    ],
    ["a health setting of today", { ...aSpec, health: { ...health, threshold: 5 } }, ["health-2"]],
    [
      "an answer's status",
      { ...aSpec, health: { ...health, probe: { kind: "http", url: "http://127.0.0.1:1/", status: [[200, 204]] } } },
      ["health-2"],
    ],
    ["a way to change places", demanding, ["swap"]],
    [
      "a supporting container with a key of today",
      {
        ...aSpec,
        supporting: [
          { name: "m", container: { ...container, init: true }, reference: null, digest: null, health, dependsOn: [] },
        ],
      },
      ["members", "compose-2"],
    ],
  ];
  for (const [what, spec, needs] of cases) {
    it(`${what}: ${needs.join(", ") || "nothing"}`, () => {
      assert.deepEqual(needsOf(spec), needs);
      assert.deepEqual(lacks(spec, agentCan), [], "agents of today know all of it");
    });
  }
});
