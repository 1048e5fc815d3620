import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import { systemClock } from "../../src/app/clock.ts";
import type { Clock } from "../../src/app/ports.ts";
import { eventually } from "../kit/eventually.ts";
import { type FakeHost, fakeHost, repository } from "./kit/fake-host.ts";
import { order } from "./kit/orders.ts";

/** What is done after ten seconds is done after one tenth of one. */
const hasty: Clock = { ...systemClock, wakeAt: (at, wake) => systemClock.wakeAt(Math.min(at, systemClock.now() + 100), wake) };

describe("a host that was deployed to again and again", () => {
  let host: FakeHost;
  beforeEach(async () => {
    host = await fakeHost(hasty);
    await host.start();
  });
  afterEach(() => host.cleanUp());

  /** Generations whose images are on the host. */
  async function images(digests: readonly string[]): Promise<number[]> {
    const found = await Promise.all(digests.map((digest) => host.engine.findImage({ repositories: [repository], digest })));
    return found.flatMap((ref, at) => (ref === null ? [] : [at + 1]));
  }

  async function deployed(count: number): Promise<string[]> {
    const digests: string[] = [];
    for (let generation = 1; generation <= count; generation += 1) {
      const digest = host.push(`build-${generation}`);
      digests.push(digest);
      host.order([order({ generation, digest })]);
      assert.equal((await host.settled(generation)).outcome?.ok, true);
    }
    return digests;
  }

  it("AG34: keeps what runs, what a rollback starts, and two more; also when the agent is started anew", async () => {
    const digests = await deployed(6);
    await eventually(async () => assert.deepEqual(await images(digests), [3, 4, 5, 6]));
    await host.stop();
    await host.start();
    await host.atRest(["r5 kept", "r6 running"]);
    host.order([{ ...order({ generation: 6, digest: digests[5] ?? "" }), keep: 0 }]);
    await eventually(async () => assert.deepEqual(await images(digests), [5, 6]));
  });

  it("AG34: goes back with the registry down, after all that cleaning", async () => {
    const digests = await deployed(6);
    await eventually(async () => assert.deepEqual(await images(digests), [3, 4, 5, 6]));
    host.engine.registries.setFault("registry.test", "registry_unreachable");
    host.order([order({ generation: 7, release: 5, digest: digests[4] ?? "" })]);
    const settled = await host.settled(7);
    assert.equal(settled.outcome?.ok, true);
    assert.equal(settled.live?.release, 5);
  });
});
