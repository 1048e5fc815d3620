/** What is said of images since this server and this agent were made, and what peers of before say. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { ObservedPicture } from "../../../src/core/slot.ts";
import { fitting } from "../../../src/fleet/fitting.ts";
import { parseFromAgent, parseFromServer } from "../../../src/fleet/protocol.ts";
import { picture } from "./picture.ts";

const slot = { service: "api", environment: "prod", generation: 1, rollout: 1, release: null };
const digest = `sha256:${"a".repeat(64)}`;
const image = { service: "api", environment: "prod", rollout: 1, digest, state: "present" };

test("an agent tells its platform and who lied to it; an old one does not", () => {
  const engine = { ...picture.engine, platform: "linux/arm64" };
  const images = [{ ...image, warning: "mirror.test: verification failed" }, image];
  for (const told of [{ ...picture, engine, images }, picture]) {
    const parsed = parseFromAgent(JSON.stringify({ type: "observed", picture: told }));
    assert.deepEqual(parsed.ok && parsed.message.type === "observed" && parsed.message.picture, told);
  }
});

test("a server tells how many images stay, and which whatever happens; an old one does not", () => {
  for (const slots of [[{ ...slot, keep: 5, wayBack: [digest] }], [slot]]) {
    const told = { epoch: 1, serverId: "s", slots, prepare: [] };
    const parsed = parseFromServer(JSON.stringify({ type: "desired", picture: told }));
    assert.deepEqual(parsed.ok && parsed.message.type === "desired" && parsed.message.picture, told);
  }
});

test("what ten mirrors have to say is cut, rather than that the report is lost", () => {
  const long = "registry.test: no. ".repeat(400);
  const about = { service: "api", environment: "prod" };
  const container = {
    containerId: "c",
    release: 1,
    digest,
    generation: 1,
    startedAt: 1,
    restarts: 0,
    health: "failing",
    detail: long,
  } as const;
  const outcome = { ok: false, tookMs: 1, reason: "pull_failed", detail: long, logTail: [], after: "restored" } as const;
  const beside = { name: "metrics", containerId: "m", digest, restarts: 0, health: "failing", detail: long } as const;
  const plain = { ...about, generation: 1, step: "failed", previous: null } as const;
  const told: ObservedPicture = {
    ...picture,
    engine: { ...picture.engine, detail: long },
    refuses: { reason: "stale_desired", detail: long },
    slots: [{ ...plain, outcome, live: container, supporting: [beside] }],
    images: [
      { ...about, rollout: 1, digest, state: "failed", reason: "pull_failed", detail: long },
      { ...about, rollout: 1, digest, state: "present", warning: long },
    ],
  };
  const parsed = (of: ObservedPicture) => parseFromAgent(JSON.stringify({ type: "observed", picture: of })).ok;
  assert.equal(parsed(told), false);
  assert.equal(parsed(fitting(told)), true);
  const [failed] = fitting(told).images;
  assert.equal(failed?.state === "failed" ? failed.detail.length : null, 4_000);
  assert.deepEqual(fitting(picture), picture);
});
