import assert from "node:assert/strict";
import { afterEach, describe, it } from "node:test";
import { setImmediate } from "node:timers/promises";
import type { Engine } from "../../src/host/engine.ts";
import { createEngineGuard, type EngineGuard } from "../../src/host/engine-guard.ts";
import { eventually } from "../kit/eventually.ts";
import { jumpyClock } from "./kit/jumpy-clock.ts";
import { silent } from "./kit/real-host.ts";

describe("an engine that answers but refuses its events", () => {
  let guard: EngineGuard;
  afterEach(() => guard.stop());

  it("is asked for them now and then, not all the time, and is still looked at", async () => {
    const opened: number[] = [];
    let looks = 0;
    const engine = {
      info: async () => {
        await setImmediate();
        return { liveRestore: true, platform: "linux/amd64" };
      },
      watch({ onEnd }: Parameters<Engine["watch"]>[0]) {
        opened.push(performance.now());
        void setImmediate().then(onEnd);
        return { stop: () => undefined };
      },
    } as Partial<Engine> as Engine;
    const nothing = () => undefined;
    const back = () => {
      looks += 1;
    };
    guard = createEngineGuard({ engine, clock: jumpyClock(), log: silent, onEvent: nothing, onBack: back, onChange: nothing });
    await eventually(() => assert.ok(opened.length >= 3, `${opened.length}`));
    const [first = 0, second = 0, third = 0] = opened;
    assert.ok(second - first >= 200, `opened again after ${second - first} ms`);
    assert.ok(third - second >= 400, `and then after ${third - second} ms`);
    assert.ok(looks >= 2, "what no event told is found by looking");
    assert.equal(guard.health().ok, true);
  });
});
