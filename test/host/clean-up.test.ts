import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import type { DesiredPicture, DesiredSlot } from "../../src/core/slot.ts";
import { createFakeEngine, type FakeEngine } from "../../src/docker/fake.ts";
import { type CleanUp, createCleanUp, type Fetched, spare } from "../../src/host/clean-up.ts";
import { ManualClock } from "../../src/rehearsal/slack/clock.ts";
import { eventually } from "../kit/eventually.ts";
import { plainSpec, spec } from "./kit/orders.ts";
import { silent } from "./kit/real-host.ts";

const image = "registry.test/api";
const digestOf = (build: number) => `sha256:${String(build).padStart(64, "0")}`;
const refOf = (build: number) => `${image}@${digestOf(build)}`;

describe("images on a host are cleaned up", () => {
  let engine: FakeEngine;
  let hand: ManualClock;
  let cleanUp: CleanUp;
  let orders: DesiredPicture | null;
  let saved: readonly Fetched[];
  const clockOf = (by: ManualClock) => ({
    now: () => by.now(),
    mono: () => by.now(),
    wakeAt: (at: number, wake: () => void) => by.after(Math.max(0, at - by.now()), wake),
    soon: setImmediate,
  });
  beforeEach(() => {
    hand = new ManualClock();
    engine = createFakeEngine({ clock: clockOf(hand) });
    orders = wants(7);
    saved = [];
    cleanUp = open([]);
  });
  afterEach(() => cleanUp.stop());

  function open(fetched: readonly Fetched[]): CleanUp {
    return createCleanUp({
      engine,
      clock: clockOf(hand),
      log: silent,
      limit: (work) => work(),
      fetched,
      save: async (now) => {
        saved = now;
      },
      orders: () => orders,
    });
  }

  function wants(build: number, more: Partial<DesiredSlot> = {}): DesiredPicture {
    const release = { number: build, digest: digestOf(build), commit: "c", spec: spec({ image }), mirrors: [] };
    const slot = { service: "api", environment: "prod", generation: build, rollout: build, release, ...more };
    return { epoch: 1, serverId: "s", slots: [slot], prepare: [] };
  }

  async function fetched(...builds: readonly number[]): Promise<void> {
    for (const build of builds) {
      engine.registries.push({ repository: image, digest: digestOf(build) });
      await engine.pull({ repository: image, digest: digestOf(build), signal: new AbortController().signal });
      await hand.advance(1_000);
      cleanUp.used({ image, ref: refOf(build), digest: digestOf(build), fetched: true });
    }
  }

  async function there(): Promise<number[]> {
    const builds = Array.from({ length: 12 }, (_, n) => n);
    const found = await Promise.all(builds.map((n) => engine.findImage({ repositories: [image], digest: digestOf(n) })));
    return builds.filter((n) => found[n] !== null);
  }

  async function cleaned(): Promise<number[]> {
    cleanUp.soon();
    await hand.advance(11_000);
    let before: number[] = [];
    await eventually(async () => {
      const now = await there();
      const same = now.length === before.length;
      before = now;
      assert.ok(same);
    });
    return before;
  }

  it("down to what runs and the two before it", async () => {
    await fetched(1, 2, 3, 4, 5, 6, 7);
    assert.deepEqual(await cleaned(), [5, 6, 7]);
    assert.deepEqual(saved.map((one) => one.digest).sort(), [5, 6, 7].map(digestOf));
  });

  it("as far as the service says", async () => {
    orders = wants(7, { keep: 0 });
    await fetched(5, 6, 7);
    assert.deepEqual(await cleaned(), [7]);
    orders = wants(7, { keep: 5 });
    await fetched(1, 2, 3, 4, 5);
    assert.deepEqual(await cleaned(), [1, 2, 3, 4, 5, 7]);
  });

  it("but not what a rollback starts again, however old it is", async () => {
    await fetched(1);
    const labels = { "gantry.service": "api", "gantry.environment": "prod", "gantry.digest": digestOf(1) };
    await engine.create({ name: "kept", imageRef: refOf(1), spec: plainSpec, environment: [], labels });
    await fetched(3, 4, 5, 6, 7);
    assert.deepEqual(await cleaned(), [1, 5, 6, 7]);
  });

  it("and the engine is not even asked for what a container of ours was made from", async () => {
    const fetched = [1, 2, 3].map((build) => ({ image, ref: refOf(build), digest: digestOf(build), usedAt: build }));
    const asked = (inUse: readonly string[]) => spare({ fetched, orders: wants(7, { keep: 0 }), inUse }).map((one) => one.usedAt);
    assert.deepEqual(asked([]), [1, 2, 3]);
    assert.deepEqual(asked([digestOf(2)]), [1, 3]);
  });

  it("nor what the server says a rollback would start, which the bad ones after it do not push out", async () => {
    orders = wants(7, { keep: 0, wayBack: [digestOf(1)] });
    await fetched(1, 4, 5, 6, 7);
    assert.deepEqual(await cleaned(), [1, 7]);
  });

  it("nor what a plan wants ready", async () => {
    await fetched(1, 4, 5, 6, 7);
    const prepare = [{ service: "api", environment: "prod", rollout: 9, image, digest: digestOf(1), mirrors: [] }];
    orders = { ...wants(7), prepare };
    assert.deepEqual(await cleaned(), [1, 5, 6, 7]);
  });

  it("nor what somebody else brought there, whatever it is", async () => {
    engine.registries.push({ repository: image, digest: digestOf(1) });
    await engine.pull({ repository: image, digest: digestOf(1), signal: new AbortController().signal });
    cleanUp.used({ image, ref: refOf(1), digest: digestOf(1), fetched: false });
    await fetched(4, 5, 6, 7);
    assert.deepEqual(await cleaned(), [1, 5, 6, 7]);
  });

  it("nor anything before an order has said what is needed", async () => {
    orders = null;
    await fetched(1, 2, 3, 4, 5);
    assert.deepEqual(await cleaned(), [1, 2, 3, 4, 5]);
  });

  it("by an agent that was started anew, from what it wrote down", async () => {
    await fetched(3, 4, 5, 6, 7);
    cleanUp.stop();
    cleanUp = open(saved);
    assert.deepEqual(await cleaned(), [5, 6, 7]);
  });

  it("before a pull, when the disk is short of space, and not otherwise", async () => {
    await fetched(3, 4, 5, 6, 7);
    assert.equal(await cleanUp.makeRoom("when short"), 0);
    engine.setFreeBytes(100 * 1024 ** 3);
    assert.equal(await cleanUp.makeRoom("when short"), 0);
    engine.setFreeBytes(1024 ** 3);
    assert.equal(await cleanUp.makeRoom("when short"), 2);
    assert.deepEqual(await there(), [5, 6, 7]);
  });

  it("and an engine that does not answer is asked another time", async () => {
    await fetched(4, 5, 6, 7);
    engine.setDown(true);
    assert.equal(await cleanUp.makeRoom("now"), 0);
    engine.setDown(false);
    assert.deepEqual(await cleaned(), [5, 6, 7]);
  });
});
