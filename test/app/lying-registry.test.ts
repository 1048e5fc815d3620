/** A mirror that lies is told in the thread, although the right image came from elsewhere. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { threadLines } from "../../src/messages/thread-lines.ts";
import { aCommit, anApp } from "../kit/app.ts";

test("a registry that gave something else is named in the rollout's thread, where the right image came all the same", async () => {
  const fleet = anApp({ hosts: ["web-1"] });
  after(() => fleet.stop());
  const number = await fleet.asks(aCommit(1));
  const before = fleet.state(number);
  const release = fleet.store.releases.find("api", before.release);
  const warning = "mirror.test: manifest verification failed for digest sha256:1";
  const image = { service: "api", environment: "prod", rollout: number, digest: release?.digest ?? "" };
  fleet.desk.observed("web-1", {
    bootId: "b",
    agentVersion: "1",
    epoch: 1,
    engine: { ok: true, reason: null, detail: null, liveRestore: true },
    whole: true,
    slots: [],
    images: [{ ...image, state: "present", warning }],
  });
  const told = fleet.store.rollouts.events(number).find((event) => event.type === "image_present");
  assert.ok(told?.type === "image_present");
  assert.equal(told.warning, warning);
  const [line] = threadLines(before, told, fleet.state(number));
  assert.match(line?.message.text ?? "", /^web-1: The image is not the approved one \(digest_mismatch\): mirror\.test: manifest/);
});
