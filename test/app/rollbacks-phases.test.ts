// Going back, whatever is happening at that moment. One row for every phase: a new phase without a row fails here.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import type { Clock } from "../../src/app/ports.ts";
import { createRollbacks } from "../../src/app/rollbacks.ts";
import type { Phase } from "../../src/core/rollout-state.ts";
import { eva, type TestApp } from "../kit/app.ts";
import { settled, silent } from "./kit.ts";
import { aFleet, bo, cancels, deploys, edits, goesWell, happens, line, locks, place, reboots, rollsBack } from "./line-kit.ts";

/** r1 and r2 were live, r2 is. */
async function twoReleases(): Promise<TestApp> {
  const fleet = aFleet(["a", "b"], { onFailure: "restore" });
  await fleet.ships("1".repeat(40));
  await fleet.ships("2".repeat(40));
  return fleet;
}

function needsApproval(fleet: TestApp): void {
  edits(fleet, { approvals: { required: 1, from: ["captains"], notRequester: true, expireMs: 60_000 } });
}

/** r3 is on host a; b is next. */
async function onHostA(fleet: TestApp): Promise<void> {
  await deploys(fleet, 3);
  fleet.hasImage("a");
  fleet.reports("a");
}

type Row = {
  /** Brings #3, a deploy of r3, into the phase. */
  readonly arrange: (fleet: TestApp) => Promise<unknown>;
  /** What the rollback says: the number of what it opened or stopped, or why not. */
  readonly says: RegExp;
  /** How #3 stands at once. */
  readonly leaves: Phase;
  /** What is desired of a and b at once. */
  readonly desired: readonly [number, number];
};

/** It was nothing yet, so the way back is from r2 to r1: hosts of the first batch are told. */
const fromLive = { says: /^#4$/, desired: [1, 2] as const };

const table: Record<Phase, Row> = {
  in_line: {
    ...fromLive,
    arrange: async (fleet) => {
      await locks(fleet, "hands off");
      await deploys(fleet, 3, { wait: true });
    },
    leaves: "in_line",
  },
  awaiting_approval: {
    ...fromLive,
    arrange: async (fleet) => {
      needsApproval(fleet);
      await deploys(fleet, 3);
    },
    leaves: "cancelled",
  },
  queued: { arrange: (fleet) => deploys(fleet, 3), says: /^#3$/, leaves: "cancelled", desired: [2, 2] },
  rolling: {
    arrange: async (fleet) => {
      await deploys(fleet, 3);
      fleet.hasImage("a");
    },
    says: /^#3$/,
    leaves: "restoring",
    desired: [2, 2],
  },
  soaking: { arrange: onHostA, says: /^#3$/, leaves: "restoring", desired: [2, 2] },
  restoring: {
    arrange: async (fleet) => {
      await onHostA(fleet);
      await cancels(fleet, 3);
    },
    says: /^busy: #3 is going back already: a to r2\. Wait until they are back; .* To go further back then: `\/rollback api prod`\.$/,
    leaves: "restoring",
    desired: [2, 2],
  },
  succeeded: {
    arrange: async (fleet) => {
      await deploys(fleet, 3);
      await goesWell(fleet, 3);
    },
    says: /^#4$/,
    leaves: "succeeded",
    desired: [2, 3],
  },
  incomplete: {
    arrange: async (fleet) => {
      edits(fleet, { rollout: { ...fleet.state(2).policy, maxFailed: { hosts: 1 } } });
      await onHostA(fleet);
      await goesOnTo(fleet, "b");
      const failure = { reason: "port_in_use" as const, detail: "8080", logTail: [] };
      happens(fleet, 3, { type: "host_failed", at: fleet.clock.now(), host: "b", ...failure });
      await goesWell(fleet, 3);
    },
    says: /^#4$/,
    leaves: "incomplete",
    desired: [2, 3],
  },
  restored: {
    ...fromLive,
    arrange: async (fleet) => {
      await onHostA(fleet);
      await cancels(fleet, 3);
      fleet.reports("a");
    },
    leaves: "restored",
  },
  stuck: {
    arrange: async (fleet) => {
      await onHostA(fleet);
      await cancels(fleet, 3);
      const failure = { reason: "restore_failed" as const, detail: "no", logTail: [] };
      happens(fleet, 3, { type: "host_restore_failed", at: fleet.clock.now(), host: "a", ...failure });
    },
    says: /^#4$/,
    leaves: "stuck",
    desired: [2, 2],
  },
  rejected: {
    ...fromLive,
    arrange: async (fleet) => {
      needsApproval(fleet);
      await deploys(fleet, 3);
      const actor = { kind: "slack" as const, id: "U0CAP", name: "cap" };
      await fleet.app.gantry.reject({ rollout: 3, planHash: null, why: "no", actor });
    },
    leaves: "rejected",
  },
  expired: {
    ...fromLive,
    arrange: async (fleet) => {
      needsApproval(fleet);
      await deploys(fleet, 3);
      await fleet.clock.advance(60_000);
    },
    leaves: "expired",
  },
  cancelled: {
    ...fromLive,
    arrange: async (fleet) => {
      await deploys(fleet, 3);
      await cancels(fleet, 3);
    },
    leaves: "cancelled",
  },
};

/** Time passes until the batch of the host begins. */
async function goesOnTo(fleet: TestApp, host: string): Promise<void> {
  fleet.hasImage(host);
  for (let turn = 0; turn < 60 && fleet.state().hosts.find((h) => h.host === host)?.status === "waiting"; turn++) {
    fleet.reports("a");
    await fleet.clock.advance(1000);
  }
}

describe("/rollback while the newest rollout is", () => {
  for (const [phase, row] of Object.entries(table) as [Phase, Row][]) {
    test(phase, async () => {
      const fleet = await twoReleases();
      await row.arrange(fleet);
      assert.equal(fleet.state(3).phase, phase, "the row brings it about");
      assert.match(await rollsBack(fleet), row.says);
      assert.equal(fleet.state(3).phase, row.leaves);
      assert.deepEqual([fleet.desired("a"), fleet.desired("b")], row.desired);
    });
  }

  test("in any phase that there is: the table has a row for each", () => {
    const source = readFileSync(new URL("../../src/core/rollout-state.ts", import.meta.url), "utf8");
    const union = /export type Phase =([^;]*);/.exec(source)?.[1] ?? "";
    const phases = [...union.matchAll(/"([a-z_]+)"/g)].map((m) => m[1]);
    assert.ok(phases.length >= 13);
    assert.deepEqual(Object.keys(table).sort(), phases.sort());
  });

  test("paused, by a person or after a failure: it acts at once and the pause is over", async () => {
    const fleet = await twoReleases();
    await onHostA(fleet);
    happens(fleet, 3, { type: "paused", at: fleet.clock.now(), reason: "paused", by: bo, why: "looking" });
    assert.equal(await rollsBack(fleet), "#3");
    assert.deepEqual(fleet.state(3).pauses, []);
    assert.equal(fleet.state(3).phase, "restoring");
    assert.equal(fleet.desired("a"), 2);
  });

  test("a rollback itself: it is waited for", async () => {
    const fleet = await twoReleases();
    await rollsBack(fleet);
    assert.match(
      await rollsBack(fleet),
      /^busy: api prod is busy with #3 \(rollback of r1 by eva, rolling\).*a rollback that has begun is not stopped/,
    );
  });
});

describe("a rollback in mid-rollout", () => {
  test("gives touched hosts the target, and untouched ones nothing", async () => {
    const fleet = await twoReleases();
    await onHostA(fleet);
    const before = fleet.store.slots.get("b", place)?.generation;
    await rollsBack(fleet);
    fleet.reports("a");
    assert.equal(fleet.state(3).phase, "restored");
    assert.equal(fleet.store.slots.get("b", place)?.generation, before);
    assert.equal(fleet.store.verdicts.newest({ ...place, release: 3 })?.verdict, "bad");
    assert.equal(fleet.store.verdicts.newest({ ...place, release: 2 })?.verdict, "good");
    await settled();
    assert.equal(fleet.state().number, 3, "nothing more was to be done");
  });

  test("to a release that a person names: the touched hosts first, then the others, as one decision", async () => {
    const fleet = await twoReleases();
    await onHostA(fleet);
    assert.equal(await rollsBack(fleet, { to: 1 }), "#3");
    assert.deepEqual([fleet.desired("a"), fleet.desired("b")], [1, 2]);
    fleet.reports("a");
    await settled();
    assert.equal(fleet.state(3).phase, "restored");
    const rest = fleet.state(4);
    assert.deepEqual([rest.kind, rest.release, rest.requester.name], ["rollback", 1, "eva"]);
    assert.equal(fleet.store.rollouts.find(4)?.why, "the rest of #3: b");
    assert.equal(await goesWell(fleet, 4), "succeeded");
    assert.deepEqual([fleet.desired("a"), fleet.desired("b")], [1, 1]);
    await reboots(fleet);
    assert.equal(fleet.state().number, 4, "and it is done once");
  });

  test("also when the process ended before the others were told", async () => {
    const fleet = await twoReleases();
    await onHostA(fleet);
    await rollsBack(fleet, { to: 1 });
    await reboots(fleet);
    fleet.reports("a");
    await settled();
    assert.equal(fleet.state(3).phase, "restored");
    assert.deepEqual([fleet.state().number, fleet.state().kind], [4, "rollback"]);
  });

  test("goes past what is live when that was never judged good", async () => {
    const fleet = await twoReleases();
    edits(fleet, { rollout: { ...fleet.state(2).policy, maxFailed: { hosts: 1 } } });
    await table.incomplete.arrange(fleet);
    await deploys(fleet, 4);
    fleet.hasImage("a");
    fleet.hasImage("b");
    assert.equal(fleet.state(4).phase, "rolling");
    await rollsBack(fleet);
    const touched = fleet
      .state(4)
      .hosts.filter((h) => h.back !== null)
      .map((h) => h.back);
    assert.deepEqual([...new Set(touched)], [2]);
  });

  test("never to what was judged bad, or never judged", async () => {
    const fleet = await twoReleases();
    await onHostA(fleet);
    assert.match(await rollsBack(fleet, { to: 3 }), /^already_live: r3 is what runs in prod now, or what #3 brings\./);
    assert.match(await rollsBack(fleet, { to: 9 }), /^no_earlier_good: api has no release r9\./);
    const bad = {
      verdict: "bad" as const,
      reason: "rolled_back" as const,
      detail: "it eats data",
      rollout: 1,
      at: fleet.clock.now(),
      by: null,
    };
    fleet.store.verdicts.add({ ...place, release: 1, ...bad });
    assert.match(
      await rollsBack(fleet, { to: 1 }),
      /^bad_release: r1 was judged bad there: it eats data\. Go back to r2: `\/rollback api prod`\.$/,
    );
    assert.equal(fleet.state(3).phase, "soaking", "and nothing was stopped");
  });

  test("without an earlier good release says so, and what can be done instead", async () => {
    const fleet = aFleet(["a", "b"], { onFailure: "restore", maxFailed: { hosts: 1 } });
    await deploys(fleet, 1);
    fleet.hasImage("a");
    fleet.reports("a");
    await goesOnTo(fleet, "b");
    const failure = { reason: "port_in_use" as const, detail: "8080", logTail: [] };
    happens(fleet, 1, { type: "host_failed", at: fleet.clock.now(), host: "b", ...failure });
    assert.equal(await goesWell(fleet, 1), "incomplete");
    assert.match(
      await rollsBack(fleet),
      /^no_earlier_good: api prod has no earlier good release: none was ever judged good there\. Deploy a good commit: `\/deploy api prod <commit>`\.$/,
    );
    await deploys(fleet, 2);
    fleet.hasImage("a");
    fleet.hasImage("b");
    assert.equal(fleet.state(2).phase, "rolling");
    assert.match(
      await rollsBack(fleet),
      /To stop #2 and put its hosts back to what they served before \(r1\): `\/gantry cancel 2`\.$/,
    );
  });
});

describe("Gantry rolls back by itself", () => {
  const why = "a: its container restarted 3 times";

  function bySystem(fleet: TestApp) {
    const { store, app } = fleet;
    const clock: Clock = {
      now: () => fleet.clock.now(),
      mono: () => fleet.clock.now(),
      wakeAt: () => () => {},
      soon: setImmediate,
    };
    const registry = { tags: async () => [], digest: async () => null, platforms: async () => null };
    const isConnected = (host: string) => fleet.connected.has(host);
    const { conductor, facts, people, gantry } = app;
    const outside = { registry, forge: null, fleet: { isConnected, can: () => null }, log: silent };
    return createRollbacks({ store, config: gantry.config, clock, people, conductor, facts, ...outside }).rollBackBySystem({
      ...place,
      why,
    });
  }

  test("when the watch says so: once, as Gantry, to the newest good release", async () => {
    const fleet = await twoReleases();
    const back = () => bySystem(fleet);
    assert.deepEqual(back(), { kind: "opened", rollout: 3 });
    assert.deepEqual(back(), { kind: "opened", rollout: 3 });
    const { kind, release, from, requester } = fleet.state(3);
    assert.deepEqual([kind, release, from], ["rollback", 1, 2]);
    assert.deepEqual(requester, { kind: "system", id: "watch", name: "Gantry's watch" });
    assert.equal(fleet.store.rollouts.find(3)?.why, why);
    await goesWell(fleet, 3);
    const again = back();
    assert.equal(again.kind === "refused" && again.refusal.reason, "already_decided", "never back from a rollback");
    assert.equal(fleet.state().number, 3);
  });

  test("past a request that has touched nothing: it gives way, as it does to a person", async () => {
    for (const needs of [false, true]) {
      const fleet = await twoReleases();
      if (needs) needsApproval(fleet);
      await deploys(fleet, 3);
      assert.deepEqual(bySystem(fleet), { kind: "opened", rollout: 4 });
      assert.equal(fleet.state(3).phase, "cancelled");
      assert.deepEqual([fleet.state(4).kind, fleet.state(4).release, fleet.state(4).from], ["rollback", 1, 2]);
    }
  });

  test("not into what a person does meanwhile; and then never by itself any more", async () => {
    const fleet = await twoReleases();
    await deploys(fleet, 3);
    fleet.hasImage("a");
    const answer = bySystem(fleet);
    assert.equal(answer.kind === "refused" && answer.refusal.reason, "busy");
    assert.equal(fleet.state(3).phase, "rolling");
    await cancels(fleet, 3, eva);
    assert.equal(await goesWell(fleet, 3), "restored");
    assert.equal(bySystem(fleet).kind, "refused");
  });

  test("and says plainly when there is nothing to go back to", async () => {
    const fleet = aFleet();
    await fleet.ships("1".repeat(40));
    const answer = bySystem(fleet);
    assert.equal(answer.kind === "refused" && answer.refusal.reason, "no_earlier_good");
  });
});

test("what waits in line is held by a rollback, and locks do not stop it", async () => {
  const fleet = await twoReleases();
  await locks(fleet, "hands off");
  await deploys(fleet, 3, { by: bo, wait: true });
  assert.equal(await rollsBack(fleet), "#4");
  assert.deepEqual(line(fleet), ["#3 held"]);
});
