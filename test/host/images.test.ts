import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import type { PrepareImage } from "../../src/core/slot.ts";
import { createFakeEngine, type FakeEngine } from "../../src/docker/fake.ts";
import { createImages, type Images } from "../../src/host/images.ts";
import { ManualClock } from "../../src/rehearsal/slack/clock.ts";
import { eventually } from "../kit/eventually.ts";
import { silent } from "./kit/real-host.ts";

const repository = "registry.test/api";
const digest = `sha256:${"a".repeat(64)}`;
const wanted: PrepareImage = { service: "api", environment: "prod", rollout: 7, image: repository, digest, mirrors: [] };

describe("an image that is to be ready", () => {
  let engine: FakeEngine;
  let hand: ManualClock;
  let images: Images;
  beforeEach(() => {
    hand = new ManualClock();
    const wakeAt = (at: number, wake: () => void) => hand.after(Math.max(0, at - hand.now()), wake);
    const clock = { now: () => hand.now(), mono: () => hand.now(), wakeAt, soon: setImmediate };
    engine = createFakeEngine({ clock });
    const limit =
      () =>
      <T>(work: () => Promise<T>) =>
        work();
    const cleanUp = { used: () => undefined, makeRoom: async () => 0 };
    images = createImages({ engine, limit, cleanUp, clock, log: silent, onChange: () => undefined, random: () => 0.5 });
  });
  afterEach(() => images.stop());

  const pulls = () => engine.calls.length;
  const state = () => images.observed()[0]?.state;

  it("is tried again while it is wanted, and is still told as failed meanwhile", async () => {
    images.prepare([wanted]);
    await eventually(() => assert.equal(state(), "failed"));
    assert.equal(pulls(), 1);
    await hand.advance(59_000);
    assert.equal(pulls(), 1);
    await hand.advance(2_000);
    await eventually(() => assert.equal(pulls(), 2));
    assert.equal(state(), "failed");
    engine.registries.push({ repository, digest });
    await hand.advance(61_000);
    await eventually(() => assert.equal(state(), "present"));
    await hand.advance(600_000);
    assert.equal(pulls(), 3);
  });

  it("is not tried again once nobody wants it", async () => {
    images.prepare([wanted]);
    await eventually(() => assert.equal(state(), "failed"));
    images.prepare([]);
    await hand.advance(600_000);
    assert.equal(pulls(), 1);
  });
});
