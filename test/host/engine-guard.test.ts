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

describe("an engine that answers late", () => {
  let guard: EngineGuard;
  afterEach(() => guard.stop());

  it("is well, and said to be slow, until it answers in time again", async () => {
    const clock = jumpyClock();
    let lateMs = 4_200;
    const engine = {
      info: async () => {
        clock.pass(lateMs);
        return { liveRestore: true, platform: "linux/amd64" };
      },
      watch: () => ({ stop: () => undefined }),
    } as Partial<Engine> as Engine;
    const told: (string | null)[] = [];
    const nothing = () => undefined;
    const change = () => told.push(guard.health().reason);
    guard = createEngineGuard({ engine, clock, log: silent, onEvent: nothing, onBack: nothing, onChange: change });
    await guard.whenBack();
    const { ok, reason, detail } = guard.health();
    assert.deepEqual(
      { ok, reason, detail },
      { ok: true, reason: "engine_slow", detail: "the engine took 4.2 s to say how it is" },
    );
    lateMs = 20;
    await guard.whenBack();
    assert.deepEqual([guard.health().reason, guard.health().detail], [null, null]);
    assert.deepEqual(told, ["engine_slow", null]);
  });
});
