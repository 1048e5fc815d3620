import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import type { PrepareImage } from "../../src/core/slot.ts";
import { createFakeEngine, type FakeEngine } from "../../src/docker/fake.ts";
import { EngineError } from "../../src/host/engine.ts";
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
  /** How many images go when room is needed. */
  let room: number;
  beforeEach(() => {
    room = 0;
    hand = new ManualClock();
    const wakeAt = (at: number, wake: () => void) => hand.after(Math.max(0, at - hand.now()), wake);
    const clock = { now: () => hand.now(), mono: () => hand.now(), wakeAt, soon: setImmediate };
    engine = createFakeEngine({ clock });
    const limit =
      () =>
      <T>(work: () => Promise<T>) =>
        work();
    const cleanUp = { used: () => undefined, makeRoom: async (when: string) => (when === "now" ? room : 0) };
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

  const elsewhere = "mirror.test/api";
  const both = { ...wanted, mirrors: [elsewhere] };

  async function told(): Promise<{ reason: string; detail: string }> {
    await eventually(async () => {
      await hand.advance(1_000);
      assert.equal(state(), "failed");
    });
    const [seen] = images.observed();
    assert.ok(seen?.state === "failed");
    return { reason: seen.reason, detail: seen.detail };
  }

  it("AG11: is asked for once where the login is refused, however often the others are tried", async () => {
    engine.registries.setFault("registry.test", "registry_auth");
    engine.registries.setFault("mirror.test", "registry_unreachable");
    images.prepare([both]);
    const { reason, detail } = await told();
    assert.equal(reason, "registry_auth");
    assert.match(detail, /^registry\.test: .*registry_auth; mirror\.test: .*registry_unreachable$/);
    assert.deepEqual(engine.calls, [`pull ${repository}`, ...[1, 2, 3].map(() => `pull ${elsewhere}`)]);
  });

  it("AG12: is here, and still tells of the registry that gave something else", async () => {
    engine.registries.setFault("registry.test", "digest_mismatch");
    engine.registries.push({ repository: elsewhere, digest });
    images.prepare([both]);
    await eventually(() => assert.equal(state(), "present"));
    const [seen] = images.observed();
    assert.match(seen?.state === "present" ? (seen.warning ?? "") : "", /^registry\.test: .*digest_mismatch$/);
  });

  it("is told as a lie where one lies and the others are out of reach", async () => {
    engine.registries.setFault("registry.test", "registry_unreachable");
    engine.registries.setFault("mirror.test", "digest_mismatch");
    images.prepare([both]);
    assert.equal((await told()).reason, "digest_mismatch");
  });

  it("is not asked of mirrors when the disk is full, and once more when room was made", async () => {
    engine.registries.setFault("registry.test", "disk_full");
    images.prepare([both]);
    assert.equal((await told()).reason, "disk_full");
    assert.deepEqual(engine.calls, [`pull ${repository}`]);
    room = 1;
    images.prepare([]);
    images.prepare([{ ...both, rollout: 8 }]);
    await told();
    assert.deepEqual(engine.calls.length, 3);
  });

  it("waits as long as a registry asks for, up to half a minute", async () => {
    const fault = (retryAfterMs: number) => new EngineError({ reason: "registry_unreachable", message: "429", retryAfterMs });
    engine.registries.push({ repository, digest });
    engine.failNext("pull", fault(20_000));
    engine.failNext("pull", fault(3_600_000));
    const beganAt = hand.now();
    images.prepare([wanted]);
    await eventually(async () => {
      await hand.advance(1_000);
      assert.equal(state(), "present");
    });
    const tookMs = hand.now() - beganAt;
    assert.ok(tookMs >= 50_000 && tookMs < 60_000, `20 s and 30 s, not ${tookMs}`);
  });

  /** The registry answers nothing until the pull is given up; each pull that has begun and not ended. */
  function stalls(): string[] {
    const open: string[] = [];
    engine.pull = ({ repository: from, signal }) =>
      new Promise((_, reject) => {
        open.push(from);
        const end = () => {
          open.splice(open.indexOf(from), 1);
          reject(new EngineError({ reason: "registry_unreachable", message: "cut" }));
        };
        signal.addEventListener("abort", end, { once: true });
      });
    return open;
  }

  it("is given up when its plan is cancelled, with all its mirrors", async () => {
    const open = stalls();
    images.prepare([both]);
    await eventually(() => assert.deepEqual(open, [repository]));
    images.prepare([]);
    await hand.advance(4_000);
    assert.deepEqual(open, [repository], "the order that needs it may come in the same moment");
    await hand.advance(2_000);
    assert.deepEqual(open, []);
    await hand.advance(600_000);
    assert.deepEqual(open, []);
    images.prepare([{ ...both, rollout: 8 }]);
    await eventually(() => assert.deepEqual(open, [repository]));
  });

  it("goes on while one of several wants it, be it a plan or an order", async () => {
    const open = stalls();
    const [overtaken, order] = [new AbortController(), new AbortController()];
    images.prepare([both]);
    const needed = [overtaken, order].map(({ signal }) => assert.rejects(images.need(both, signal), /cut|given up/));
    await eventually(() => assert.deepEqual(open, [repository]));
    images.prepare([]);
    overtaken.abort();
    await hand.advance(60_000);
    assert.deepEqual(open, [repository]);
    order.abort();
    await hand.advance(4_000);
    images.prepare([{ ...both, rollout: 8 }]);
    await hand.advance(60_000);
    assert.deepEqual(open, [repository], "it was wanted again before it was given up");
    images.prepare([]);
    await hand.advance(6_000);
    assert.deepEqual(open, []);
    await Promise.all(needed);
  });
});
