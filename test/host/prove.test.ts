import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createFakeEngine } from "../../src/docker/fake.ts";
import { proveHealth } from "../../src/host/prove.ts";
import { jumpyClock } from "./kit/jumpy-clock.ts";
import { plainSpec, spec } from "./kit/orders.ts";

const hour = 3_600_000;
const { health } = spec();

describe("the proof of a container's health", () => {
  for (const byMs of [hour, -hour]) {
    it(`does not mind that the time of day is set ${byMs > 0 ? "on" : "back"} meanwhile`, async () => {
      const clock = jumpyClock();
      const engine = createFakeEngine({ clock });
      const digest = `sha256:${"a".repeat(64)}`;
      engine.registries.push({ repository: plainSpec.image, digest, program: { healthyAfterMs: null } });
      const imageRef = await engine.pull({ repository: plainSpec.image, digest, signal: new AbortController().signal });
      const id = await engine.create({ name: "one", imageRef, spec: plainSpec, environment: [], labels: {} });
      await engine.start(id);
      let asked = 0;
      const prober = {
        ...engine.prober,
        ask: async () => {
          asked += 1;
          if (asked === 2) clock.setTimeOfDay(byMs);
          if (asked === 4) clock.pass(health.deadlineMs + 1);
          return { ok: false, detail: "answered 503" };
        },
      };
      const facts = { id, health, hostNetwork: true, signal: new AbortController().signal };
      const proof = await proveHealth({ engine, prober, clock }, facts);
      assert.deepEqual(proof, { ok: false, reason: "unhealthy", detail: "not healthy after 3 s: answered 503" });
      assert.equal(asked, 4, "it asked until the deadline had passed, and no longer");
    });
  }
});
