// What keeps a request from being planned at all, and what keeps one that waited from going on.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { judgedSince } from "../../src/app/gates.ts";
import type { Actor } from "../../src/app/ports.ts";
import type { StoredRollout } from "../../src/app/store.ts";
import type { EnvironmentConfig, Role, ServiceConfig } from "../../src/config/valid.ts";
import { ana, eva, type TestApp } from "../kit/app.ts";
import { fails, repeats } from "./hosts-kit.ts";
import { aFleet, approves, deploys, edits, editsPolicy, goesWell, inWords, place, restarts, rollsBack } from "./line-kit.ts";

function takesOut(fleet: ReturnType<typeof aFleet>, host: string, why: string | null = "disk"): void {
  fleet.store.hosts.setIntent(host, { kind: "cordoned", by: eva, at: fleet.clock.now(), why });
}

describe("a rollout over nothing is refused", () => {
  test("because no host has the labels", async () => {
    const fleet = aFleet();
    edits(fleet, { hosts: { env: "moon" } });
    assert.match(
      await deploys(fleet, 1),
      /^no_hosts: No enrolled host has the labels of api prod: env=moon\. Enrol one: `gantry enroll --name NAME --label env=moon`\.$/,
    );
  });

  test("because all were taken out, and by whom", async () => {
    const fleet = aFleet();
    await fleet.ships("1".repeat(40));
    await fleet.ships("2".repeat(40));
    takesOut(fleet, "a");
    takesOut(fleet, "b", null);
    const text =
      /^cordoned: Every host of api prod was taken out: a \(cordoned by eva: disk\), b \(cordoned by eva\)\. `\/gantry uncordon HOST`/;
    assert.match(await deploys(fleet, 3), text);
    assert.match(await restarts(fleet), text);
    assert.match(await rollsBack(fleet), text);
  });

  test("because the release runs everywhere that takes part", async () => {
    const fleet = aFleet();
    await fleet.ships("1".repeat(40));
    assert.match(await deploys(fleet, 1), /^already_live: r1 \(1111111\) runs on every host of api prod already\./);
    takesOut(fleet, "b");
    assert.match(await deploys(fleet, 1), /runs on every host of api prod that takes part \(not b\) already\./);
  });
});

describe("hosts that nobody hears of", () => {
  test("all of them, where that counts as failed: refused with their names", async () => {
    const fleet = aFleet();
    await fleet.ships("1".repeat(40));
    fleet.connected.clear();
    editsPolicy(fleet, { unreachable: "fail" });
    await fleet.clock.advance(60_000);
    const text = /^host_lost: No host of api prod that would be swapped can be reached: a, b\./;
    assert.match(await deploys(fleet, 2), text);
    assert.match(await restarts(fleet), text);
    fleet.connected.add("b");
    assert.equal(await deploys(fleet, 2), "#2");
  });

  test("where they are waited for or skipped it is planned, and the card names them", async () => {
    for (const unreachable of ["wait", "skip"] as const) {
      const fleet = aFleet();
      await fleet.ships("1".repeat(40));
      edits(fleet, { approvals: { required: 1, from: ["captains"], notRequester: true, expireMs: 1_800_000 } });
      editsPolicy(fleet, { unreachable });
      fleet.connected.clear();
      assert.equal(await deploys(fleet, 2), "#2");
      assert.deepEqual(fleet.app.gantry.rollout(2)?.away, ["a", "b"]);
    }
  });

  test("never stop a rollback", async () => {
    const fleet = aFleet();
    await fleet.ships("1".repeat(40));
    await fleet.ships("2".repeat(40));
    fleet.connected.clear();
    editsPolicy(fleet, { unreachable: "fail" });
    assert.equal(await rollsBack(fleet), "#3");
  });
});

test("what a promotion brings must not have been judged bad meanwhile, in any environment before", async () => {
  const fleet = aFleet();
  await fleet.ships("1".repeat(40));
  const known = fleet.app.gantry.config.services[0];
  const prod = known?.environments[0];
  assert.ok(known !== undefined && prod !== undefined);
  const environments = [
    { ...prod, name: "qa" },
    { ...prod, name: "staging", after: "qa" },
    { ...prod, after: "staging" },
  ];
  const service: ServiceConfig = { ...known, environments };
  const environment = environments[2] ?? prod;
  const asked = (kind: "deploy" | "promote") => {
    const stored = fleet.store.rollouts.find(1);
    assert.ok(stored !== null);
    return { ...stored, state: { ...stored.state, kind } } as StoredRollout;
  };
  assert.equal(judgedSince(fleet.store, { service, environment }, asked("promote")), null);
  const bad = { verdict: "bad" as const, reason: "rolled_back" as const, detail: "rolled back by eva", rollout: 1, by: eva };
  fleet.store.verdicts.add({ ...place, environment: "qa", release: 1, at: fleet.clock.now(), ...bad });
  const refusal = judgedSince(fleet.store, { service, environment }, asked("promote"));
  assert.match(refusal?.text ?? "", /^r1 \(1111111\) was judged bad in qa by #1/);
  assert.equal(judgedSince(fleet.store, { service, environment }, asked("deploy")), null, "a deploy names its own commit");
});

test("a request whose release was judged bad meanwhile ends when somebody wants to approve it, and frees its environment", async () => {
  const fleet = aFleet();
  await fleet.ships("1".repeat(40));
  edits(fleet, { approvals: { required: 1, from: ["oncall"], notRequester: true, expireMs: 1_800_000 } });
  assert.equal(await deploys(fleet, 2), "#2");
  const at = fleet.clock.now();
  const facts = { verdict: "bad", reason: "rolled_back", detail: "rolled back by eva", rollout: 1, at, by: eva } as const;
  fleet.store.verdicts.add({ ...place, release: 2, ...facts });
  assert.match(await approves(fleet, 2, eva), /^bad_release: r2 \(2222222\) was judged bad in prod by #1/);
  assert.deepEqual([fleet.state(2).phase, fleet.state(2).reason], ["cancelled", "bad_release"]);
  assert.equal(await deploys(fleet, 3), "#3");
});

describe("a bad release needs a second person who is known to be one", () => {
  const evaHere: Actor = { kind: "local", id: "eva", name: "eva" };
  const maxHere: Actor = { kind: "local", id: "max", name: "max" };

  /** r2 was rolled back; deployers are eva at a terminal and ana in Slack, captains `captainsHere` and eva in Slack. */
  async function aBadRelease(captainsHere: readonly string[]): Promise<TestApp> {
    const fleet = aFleet();
    const role = { groups: [], everyone: false };
    const known = fleet.app.gantry.config.people as Record<string, Role>;
    known["deployers"] = { ...role, users: [ana.id], local: ["eva"] };
    known["captains"] = { ...role, users: [eva.id], local: captainsHere };
    edits(fleet, { approvals: { required: 1, from: ["captains"], notRequester: false, expireMs: 1_800_000 } });
    await fleet.ships("1".repeat(40)).catch(() => {});
    await approves(fleet, 1, eva);
    await goesWell(fleet, 1);
    const bad = { verdict: "bad" as const, reason: "rolled_back" as const, detail: "it eats data", rollout: 1, by: eva };
    fleet.store.verdicts.add({ ...place, release: 1, at: fleet.clock.now(), ...bad });
    return fleet;
  }

  test("asked for at a terminal, Slack does not decide: the requester may be that person", async () => {
    const fleet = await aBadRelease(["max"]);
    fleet.store.slots.desire({ ...place, host: "a", rollout: 1, release: null });
    const ask = { by: evaHere, allowBad: true, why: "the fix is worse" };
    assert.equal(await deploys(fleet, 1, ask), "#2");
    assert.match(
      await approves(fleet, 2, eva),
      /^own_request: #2 was asked for at a terminal, .* a bad release needs a second person\. .*at a terminal/,
    );
    assert.equal(await approves(fleet, 2, maxHere), "queued");
  });

  test("and when nobody else holds the role at a terminal, that is said at once", async () => {
    const fleet = await aBadRelease([]);
    fleet.store.slots.desire({ ...place, host: "a", rollout: 1, release: null });
    const ask = { by: evaHere, allowBad: true, why: "the fix is worse" };
    assert.match(
      await deploys(fleet, 1, ask),
      /^no_approvers: api prod needs an approval by captains, and nobody besides you can give it/,
    );
    assert.equal(await deploys(fleet, 1, { by: ana, allowBad: true, why: "the fix is worse" }), "#2");
  });
});

test("a promotion brings what is live before, or says why not", async () => {
  const fleet = aFleet(["a", "b"], { maxFailed: { hosts: 1 } });
  const promotes = async () => {
    const origin = { key: `promote-${fleet.clock.now()}`, channel: null };
    const answer = await fleet.app.gantry.promote({
      ...place,
      from: "prod",
      to: "next",
      wait: false,
      why: null,
      actor: ana,
      origin,
    });
    return answer.kind === "opened" ? `#${answer.rollout}` : inWords(answer.refusal);
  };
  const environments = fleet.app.gantry.config.services[0]?.environments as EnvironmentConfig[];
  const prod = environments[0];
  assert.ok(prod !== undefined);
  environments.push({ ...prod, name: "next", after: "prod" });
  assert.match(await promotes(), /^nothing_to_promote: No release of api has soaked in prod\./);
  await fleet.ships("1".repeat(40));
  await deploys(fleet, 2);
  for (let turn = 0; turn < 40 && fleet.state(2).endedAt === null; turn += 1) {
    for (const host of ["a", "b"]) fleet.hasImage(host);
    fleet.reports("a");
    if (fleet.state(2).hosts[1]?.status === "swapping") fails(fleet, "b");
    else repeats(fleet, "b");
    await fleet.clock.advance(1000);
  }
  assert.equal(fleet.state(2).phase, "incomplete");
  assert.equal(
    await promotes(),
    "nothing_to_promote: r2 is live in prod (#2, incomplete) and has not soaked on b there. r1 was good there: `/deploy api next 1111111`.",
  );
});
