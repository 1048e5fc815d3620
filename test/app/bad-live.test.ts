// A deploy of what is live already, to a host that lacked it, finds it bad: the hosts that serve it are not forgotten.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { RolloutPolicy } from "../../src/core/plan.ts";
import { aCommit, type TestApp } from "../kit/app.ts";
import { desires, fails, obey, passes } from "./hosts-kit.ts";
import type { OpenStore } from "./kit.ts";
import { aFleet, deploys, editsPolicy, place, reboots } from "./line-kit.ts";

/** r3 is live on a and b; c failed for a reason of its own and serves r2. Then r3 is asked for again, and ends itself on c. */
async function foundBad(onFailure: RolloutPolicy["onFailure"]): Promise<TestApp> {
  const fleet = aFleet(["a", "b", "c"], { onFailure, maxFailed: { hosts: 1 }, canary: { hosts: 1 }, batch: { hosts: 1 } });
  await fleet.ships(aCommit(1));
  await fleet.ships(aCommit(2));
  await deploys(fleet, 3);
  for (const host of ["a", "b", "c"]) fleet.hasImage(host);
  for (let turn = 0; turn < 60 && fleet.state(3).endedAt === null; turn += 1) {
    const swapping = fleet.state(3).hosts.filter((h) => h.status === "swapping");
    for (const { host } of swapping) host === "c" ? fails(fleet, "c", "disk_full") : fleet.reports(host);
    await passes(fleet, 1000);
  }
  assert.equal(fleet.state(3).phase, "incomplete");
  editsPolicy(fleet, { maxFailed: { hosts: 0 } });
  await deploys(fleet, 3);
  fleet.hasImage("c");
  await passes(fleet, 1000);
  fails(fleet, "c", "crash_loop");
  await passes(fleet, 2000);
  return fleet;
}

function said(fleet: TestApp): string[] {
  const rows = (fleet.store as OpenStore).db.prepare<[], string>("select body from outbox where kind = 'thread' order by id");
  return rows
    .pluck()
    .all()
    .map((body) => JSON.parse(body) as { broadcast: boolean; message: { text: string; blocks: unknown } })
    .filter(({ broadcast, message }) => broadcast && /which is bad|by itself/.test(message.text))
    .map(({ message }) => `${message.text}${JSON.stringify(message.blocks).includes('"verb:rollback"') ? " [button]" : ""}`);
}

describe("a release that is live and is found bad", () => {
  test("under restore: the channel hears who serves it still, with the way back at one tap", async () => {
    const fleet = await foundBad("restore");
    fails(fleet, "c", "crash_loop");
    assert.equal(fleet.state(4).phase, "stuck");
    assert.equal(fleet.store.verdicts.newest({ ...place, release: 3 })?.verdict, "bad");
    assert.deepEqual(said(fleet), [
      "a, b still serve r3, which is bad, and is what is live in api prod. Roll back: `/rollback api prod`. [button]",
    ]);
    await passes(fleet, 2000);
    assert.equal(fleet.store.rollouts.find(5), null, "a person decides");
  });

  test("under rollback: Gantry goes back from it by itself, everywhere", async () => {
    const fleet = await foundBad("rollback");
    fleet.reports("c");
    await passes(fleet, 1000);
    assert.deepEqual([fleet.state(5).kind, fleet.state(5).release], ["rollback", 2]);
    assert.match(said(fleet).join("\n"), /a, b still serve r3.* by itself.*\nGantry goes back from r3 by itself, .*: #5\./);
    for (let turn = 0; turn < 60 && fleet.state(5).endedAt === null; turn += 1) {
      obey(fleet);
      await passes(fleet, 1000);
    }
    assert.deepEqual([fleet.state(5).phase, desires(fleet, "a", "b", "c")], ["succeeded", "a: 2, b: 2, c: 2"]);
  });

  test("under rollback: a server that dies in that moment does it when it starts again, unless it is long ago", async () => {
    for (const [awayMs, follows] of [
      [60_000, true],
      [3_600_000, false],
    ] as const) {
      const fleet = await foundBad("rollback");
      fleet.store.freeze.set({ reason: "server_behind", at: fleet.clock.now(), host: null, detail: "it stands still" });
      fleet.app.conductor.tell(4, { type: "host_restored", at: fleet.clock.now(), host: "c" });
      assert.equal(fleet.state(4).phase, "restored");
      await fleet.clock.advance(awayMs);
      fleet.store.freeze.clear();
      await reboots(fleet);
      assert.equal(fleet.store.rollouts.find(5)?.state.kind === "rollback", follows);
    }
  });
});
