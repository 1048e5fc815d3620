// Whom a host obeys: the newest word of its one server. What was set back is refused, said, and everything keeps serving.
import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import type { DesiredPicture, DesiredSlot, Head } from "../../src/core/slot.ts";
import { isOlder, refusalOf, takenOver } from "../../src/host/obedience.ts";
import { type FakeHost, fakeHost, want } from "./kit/fake-host.ts";

const at = (seq: number, hash = "a"): Head => ({ seq, hash });
const slot = (generation: number, service = "api"): DesiredSlot => ({
  service,
  environment: "prod",
  generation,
  rollout: 1,
  release: null,
});

function says(change: Partial<DesiredPicture>): DesiredPicture {
  return { epoch: 2, serverId: "server-1", head: at(10), slots: [], prepare: [], ...change };
}

describe("whom a host obeys", () => {
  const cases: readonly { what: string; picture: Partial<DesiredPicture>; refuses: string | null }[] = [
    { what: "more of the same history", picture: { head: at(11, "b") }, refuses: null },
    { what: "the same again", picture: {}, refuses: null },
    { what: "a server that does not know of heads", picture: { head: undefined as never }, refuses: null },
    { what: "a higher epoch, whatever its history", picture: { epoch: 3, head: at(2, "z") }, refuses: null },
    { what: "a lower epoch", picture: { epoch: 1, head: at(99) }, refuses: "stale_desired" },
    { what: "a shorter history", picture: { head: at(9) }, refuses: "stale_desired" },
    { what: "another history of the same length", picture: { head: at(10, "b") }, refuses: "stale_desired" },
    { what: "another server", picture: { serverId: "server-2", epoch: 9 }, refuses: "foreign_server" },
  ];
  for (const { what, picture, refuses } of cases) {
    it(`${refuses === null ? "obeys" : "refuses"} ${what}`, () => {
      const refusal = refusalOf({ picture: says(picture), orders: says({}), serverId: "server-1" });
      assert.equal(refusal?.reason ?? null, refuses);
    });
  }

  it("knows who is behind", () => {
    assert.equal(isOlder(undefined, at(1)), true);
    assert.equal(isOlder(at(1), undefined), false);
    assert.equal(isOlder(at(2), at(2)), false);
  });

  it("keeps of each slot the newest it has heard, also of slots that the server has forgotten", () => {
    const kept = takenOver(
      says({ slots: [slot(3), slot(9, "web")] }),
      says({ slots: [slot(5), slot(2, "web"), slot(4, "jobs")] }),
    );
    assert.deepEqual(kept.slots.map((s) => `${s.service} ${s.generation}`).sort(), ["api 5", "jobs 4", "web 9"]);
    assert.deepEqual(takenOver(says({ serverId: "server-2", slots: [slot(1)] }), says({ slots: [slot(5)] })).slots, [slot(1)]);
  });
});

describe("a host whose server was set back", () => {
  let host: FakeHost;
  beforeEach(async () => {
    host = await fakeHost();
    await host.start();
  });
  afterEach(() => host.cleanUp());

  it("refuses the shorter history over its own restart, shows what it was told, and keeps serving", async () => {
    const digest = host.push("one");
    host.order([want({ generation: 3, release: 7, digest })], { head: at(20) });
    await host.settled(3);
    await host.stop();
    await host.start();
    const older = want({ generation: 4, release: 6, digest: host.push("two") });
    assert.equal(host.order([older], { head: at(12) }), "stale_desired");
    const { head, orders, refuses } = host.observed();
    assert.deepEqual(head, at(20));
    assert.equal(orders?.[0]?.release?.number, 7);
    assert.match(refuses?.detail ?? "", /history ends at #12, and this host has heard of #20/);
    await host.atRest(["r7 running"]);
    host.order([want({ generation: 3, release: 7, digest })], { head: at(21) });
    assert.deepEqual([host.observed().orders, host.observed().refuses], [undefined, undefined]);
  });

  it("refuses an older generation under a good head, and keeps the newer order", async () => {
    const digest = host.push("one");
    host.order([want({ generation: 3, digest })], { head: at(20) });
    await host.settled(3);
    assert.equal(host.order([want({ generation: 2, digest })], { head: at(21) }), null);
    assert.match(host.observed().refuses?.detail ?? "", /api\/prod generation 2/);
    assert.equal(host.observed().orders?.[0]?.generation, 3);
    await host.atRest(["r3 running"]);
  });
});
