import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { systemClock } from "../../src/app/clock.ts";
import { createFakeEngine } from "../../src/docker/fake.ts";
import type { Engine, EngineEvent } from "../../src/host/engine.ts";
import { createOwnEngine } from "../../src/host/own-engine.ts";
import { eventually } from "../kit/eventually.ts";
import { plainSpec } from "./kit/orders.ts";
import { silent } from "./kit/real-host.ts";

const digest = `sha256:${"a".repeat(64)}`;

describe("two agents on one engine", () => {
  const shared = createFakeEngine({ clock: systemClock });
  shared.registries.push({ repository: plainSpec.image, digest });
  const warnings: object[] = [];
  const log = { ...silent, warn: (facts: object) => void warnings.push(facts) };
  const one = createOwnEngine({ engine: shared, host: "web-1", log });
  const two = createOwnEngine({ engine: shared, host: "web-2", log: silent });

  async function make(engine: Engine, name: string): Promise<string> {
    const imageRef = await engine.pull({ repository: plainSpec.image, digest, signal: new AbortController().signal });
    const labels = { "gantry.service": "api", "gantry.environment": "prod", "gantry.role": "live" };
    return await engine.create({ name, imageRef, spec: plainSpec, environment: [], labels });
  }

  it("each see their own containers, kept ones and those of an earlier agent, and say once what they leave alone", async () => {
    const mine = await make(one, "mine");
    const kept = await one.clone({ id: mine, name: "kept", labels: { "gantry.service": "api", "gantry.environment": "prod" } });
    const old = await make(shared, "old");
    await make(two, "theirs");
    for (let round = 0; round < 2; round += 1) {
      assert.deepEqual(
        (await one.list()).map((c) => c.id),
        [mine, kept, old],
      );
    }
    assert.deepEqual(warnings, [{ container: "theirs", owner: "web-2", host: "web-1" }]);
    assert.deepEqual(
      (await two.list({ service: "api", environment: "prod" })).map((c) => c.name),
      ["old", "theirs"],
    );
  });

  it("hear only of their own", async () => {
    const heard: string[] = [];
    const hear = (event: EngineEvent) => void heard.push(event.containerId);
    const watching = one.watch({ onEvent: hear, onEnd: () => undefined });
    const theirs = await make(two, "theirs-2");
    const mine = await make(one, "mine-2");
    await two.start(theirs);
    await one.start(mine);
    await eventually(() => assert.ok(heard.includes(mine)));
    assert.ok(!heard.includes(theirs));
    watching.stop();
  });
});
