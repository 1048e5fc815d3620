/** What is said of images since this server and this agent were made, and what peers of before say. */
import assert from "node:assert/strict";
import { test } from "node:test";
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
