import assert from "node:assert/strict";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import type { DesiredRelease, ObservedSlot } from "../../src/core/slot.ts";
import { type ContainerState, EngineError } from "../../src/host/engine.ts";
import { createQuickClock, type QuickClock } from "../../src/rehearsal/stage/quick-clock.ts";
import { eventually } from "../kit/eventually.ts";
import { type FakeHost, fakeHost, want } from "./kit/fake-host.ts";

/** What a host must bear while it works; each of these once left a service down, or a slot deaf. */
describe("a host that is disturbed", () => {
  let host: FakeHost;
  beforeEach(async () => {
    host = await fakeHost();
    await host.start();
    host.order([want({ generation: 1, digest: host.push("one") })]);
    await host.settled(1);
    await host.atRest(["r1 running"]);
  });
  afterEach(() => host.cleanUp());

  it("says what it was told also while its engine lets it begin with nothing", async () => {
    await host.stop();
    host.engine.setDown(true);
    await host.start();
    host.order([want({ generation: 7, digest: host.push("two") })]);
    const [slot] = host.observed().slots;
    assert.deepEqual([slot?.generation, slot?.newest], [0, 7]);
    host.engine.setDown(false);
    assert.equal((await host.settled(7)).newest, 7);
  });

  it("does not look empty while it cannot look at its engine, and says when it has", async () => {
    await host.stop();
    for (const file of ["orders.json", "journal.json"]) await rm(join(host.dir, file), { force: true });
    host.engine.setDown(true);
    await host.start();
    assert.deepEqual([host.observed().whole, host.observed().slots], [false, []]);
    host.order([want({ generation: 1, digest: host.push("one") })]);
    assert.deepEqual(
      host.observed().slots.map((slot) => [slot.unseen, slot.live]),
      [[true, null]],
    );
    host.engine.setDown(false);
    await eventually(() => {
      const { whole, slots } = host.observed();
      assert.deepEqual([whole, slots.map((slot) => [slot.unseen, slot.live?.release])], [true, [[undefined, 1]]]);
    }, 5_000);
  });

  it("does not take what it saw before the swap for what is there now", async () => {
    const tail = Promise.withResolvers<readonly string[]>();
    const asked = Promise.withResolvers<void>();
    const { logTail } = host.engine;
    host.engine.logTail = async () => {
      asked.resolve();
      return await tail.promise;
    };
    host.engine.crash(host.observed().slots[0]?.live?.containerId ?? "", 1);
    await asked.promise;
    host.order([want({ generation: 2, digest: host.push("slow", { healthyAfterMs: 100 }), deadlineMs: 2_000 })]);
    await eventually(() => assert.equal(host.observed().slots[0]?.step, "checking"));
    tail.resolve([]);
    host.engine.logTail = logTail;
    assert.equal((await host.settled(2)).outcome?.ok, true);
    await host.atRest(["r1 kept", "r2 running"]);
  });

  it("takes up the next order although somebody started a leftover meanwhile", async () => {
    host.engine.failNext("remove", new EngineError({ reason: "stop_failed", message: "device or resource busy" }));
    host.order([want({ generation: 2, digest: host.push("two") })]);
    await host.settled(2);
    await host.atRest(["r1 ended", "r1 kept", "r2 running"]);
    await startByHand("r1");
    await host.atRest(["r1 ended", "r1 kept", "r2 running"]);
    host.order([want({ generation: 3, digest: host.push("three") })]);
    assert.equal((await host.settled(3)).outcome?.ok, true);
  });

  it("calms a kept container that somebody set to start, and started", async () => {
    host.order([want({ generation: 2, digest: host.push("two") })]);
    await host.settled(2);
    await host.atRest(["r1 kept", "r2 running"]);
    const kept = (await host.engine.list()).find((c) => c.labels["gantry.role"] === "previous")?.id ?? "";
    await host.engine.setRestartPolicy(kept, "unless-stopped");
    await host.engine.start(kept);
    await eventually(async () => {
      const now = await host.engine.inspect(kept);
      assert.deepEqual([now?.status, now?.restartPolicy], ["ended", "no"]);
    });
    assert.equal(host.observed().slots[0]?.live?.release, 2);
  });

  it("a kept container that somebody started and nothing stops fails the swap, and is left for later", async () => {
    host.order([want({ generation: 2, digest: host.push("two") })]);
    await host.settled(2);
    await host.atRest(["r1 kept", "r2 running"]);
    const kept = (await host.engine.list()).find((c) => c.labels["gantry.role"] === "previous")?.id ?? "";
    const { stop, list, inspect } = host.engine;
    const roused = (c: ContainerState): ContainerState => (c.id === kept ? { ...c, status: "running" } : c);
    // In the engine in memory it would end at once, for want of the port.
    const ordered = Promise.withResolvers<void>();
    host.engine.list = async (key) => {
      await ordered.promise;
      return (await list(key)).map(roused);
    };
    host.engine.inspect = async (id) => {
      const state = await inspect(id);
      return state === null ? null : roused(state);
    };
    let tries = 0;
    host.engine.stop = async (container) => {
      if (container.id !== kept) return await stop(container);
      tries += 1;
      throw new EngineError({ reason: "stop_failed", message: "even SIGKILL does not end it" });
    };
    await host.stop();
    await host.start();
    host.order([want({ generation: 3, digest: host.push("three") })]);
    ordered.resolve();
    const { outcome, live } = await host.settled(3);
    assert.deepEqual(outcome?.ok === false && [outcome.reason, outcome.after], ["stop_failed", "restored"]);
    assert.equal(live?.release, 2);
    assert.ok(tries <= 2, `${tries} tries`);
  });

  it("calls a container unstoppable whose stop the engine never answers, though it answers all else", async () => {
    const stuck = new EngineError({ reason: "engine_stuck", message: "no answer in 30 s" });
    const { stop } = host.engine;
    host.engine.stop = async () => {
      throw stuck;
    };
    host.order([want({ generation: 2, digest: host.push("two") })]);
    const { outcome } = await host.settled(2);
    assert.deepEqual(outcome?.ok === false && [outcome.reason, outcome.after], ["stop_failed", "restored"]);
    host.engine.stop = stop;
    await host.atRest(["r1 running"]);
  });

  it("drops a pull for a newer order although it had to stop a leftover first", async () => {
    host.engine.failNext("remove", new EngineError({ reason: "stop_failed", message: "device or resource busy" }));
    host.order([want({ generation: 2, digest: host.push("two") })]);
    await host.settled(2);
    await host.atRest(["r1 ended", "r1 kept", "r2 running"]);
    await host.stop();
    await startByHand("r1");
    const open = host.engine.registries.hold();
    await host.start();
    host.order([want({ generation: 3, digest: host.push("three") })]);
    await eventually(() => assert.equal(host.observed().slots[0]?.step, "pulling"));
    assert.deepEqual(
      host.engine.running().map((c) => c.labels["gantry.release"]),
      ["r2"],
    );
    host.order([{ ...want({ generation: 4, digest: host.push("two") }), release: null }]);
    assert.equal((await host.settled(4)).outcome?.ok, true);
    open();
  });

  it("AG32: leaves the old one serving when it is told to end in the middle of a swap", async () => {
    const ended = Promise.withResolvers<void>();
    const stopping = Promise.withResolvers<void>();
    const { stop } = host.engine;
    host.engine.stop = async (container) => {
      const answer = await stop(container);
      stopping.resolve();
      await ended.promise;
      return answer;
    };
    const ordered = want({ generation: 2, digest: host.push("two") });
    host.order([ordered]);
    await stopping.promise;
    const over = host.stop();
    ended.resolve();
    host.engine.stop = stop;
    await over;
    assert.deepEqual(
      host.engine.running().map((c) => c.labels["gantry.release"]),
      ["r1"],
    );
    await host.start();
    host.order([ordered]);
    const { outcome } = await host.settled(2);
    assert.deepEqual(outcome?.ok === false && [outcome.reason, outcome.after], ["interrupted", "restored"]);
    await host.atRest(["r1 running"]);
  });

  it("goes back from a check at once when it is told to end", async () => {
    host.order([want({ generation: 2, digest: host.push("sick", { healthyAfterMs: null }), deadlineMs: 60_000 })]);
    await eventually(() => assert.equal(host.observed().slots[0]?.step, "checking"));
    await host.stop();
    assert.deepEqual(
      host.engine.running().map((c) => [c.labels["gantry.release"], c.restartPolicy]),
      [["r1", "unless-stopped"]],
    );
  });

  it("does not report a release as served when its generation was settled with another one", async () => {
    assert.equal(host.order([want({ generation: 1, release: 9, digest: host.push("nine") })], { epoch: 2 }), null);
    await eventually(() => {
      const { outcome } = host.observed().slots[0] as ObservedSlot;
      assert.deepEqual(outcome?.ok === false && outcome.reason, "stale_desired");
    });
    await host.atRest(["r1 running"]);
    host.order([want({ generation: 1, digest: host.push("one") })], { epoch: 3 });
    await eventually(() => assert.equal(host.observed().slots[0]?.outcome?.ok, true));
    await host.atRest(["r1 running"]);
    assert.deepEqual(
      host.engine.calls.filter((c) => c.startsWith("stop")),
      [],
    );
    host.order([want({ generation: 2, release: 9, digest: host.push("nine") })]);
    assert.equal((await host.settled(2)).outcome?.ok, true);
    await host.atRest(["r1 kept", "r9 running"]);
  });

  it("nor after a restart of the agent", async () => {
    await host.stop();
    await host.start();
    host.order([want({ generation: 1, release: 9, digest: host.push("nine") })], { epoch: 2 });
    await eventually(() => assert.equal(host.observed().slots[0]?.outcome?.ok, false));
    await host.atRest(["r1 running"]);
  });

  it("shows no secret of the service file in the last lines of a failed one, and gives it no long grace", async () => {
    const digest = host.push("sick", { healthyAfterMs: null, ignoresTerm: true, logs: ["cannot log in with hunter2-hunter2"] });
    const ordered = want({ generation: 2, digest });
    const release = ordered.release as DesiredRelease;
    const container = { ...release.spec.container, stopGraceMs: 60_000, environment: { DB_PASSWORD: "hunter2-hunter2" } };
    host.order([{ ...ordered, release: { ...release, spec: { ...release.spec, container } } }]);
    const { outcome } = await host.settled(2);
    assert.deepEqual(outcome?.ok === false && outcome.logTail, ["cannot log in with [redacted]"]);
    await host.atRest(["r1 running"]);
  });

  it("does not blame the release for an engine that was away, nor for a container that somebody removed", async () => {
    host.order([want({ generation: 2, digest: host.push("slow", { healthyAfterMs: null }), deadlineMs: 60_000 })]);
    await eventually(() => assert.equal(host.observed().slots[0]?.step, "checking"));
    host.engine.setDown(true);
    await eventually(() => assert.equal(host.observed().engine.ok, false));
    host.engine.powerCut();
    host.engine.setDown(false);
    const cut = (await host.settled(2)).outcome;
    assert.deepEqual(cut?.ok === false && [cut.reason, cut.after], ["interrupted", "restored"]);
    host.order([want({ generation: 3, digest: host.push("slow", { healthyAfterMs: null }), deadlineMs: 60_000 })]);
    await eventually(() => assert.equal(host.observed().slots[0]?.step, "checking"));
    await host.engine.remove(host.engine.running()[0]?.id ?? "");
    const removed = (await host.settled(3)).outcome;
    assert.deepEqual(removed?.ok === false && [removed.reason, removed.after], ["interrupted", "restored"]);
  });

  async function startByHand(release: string): Promise<void> {
    const found = (await host.engine.list()).find(
      (c) => c.labels["gantry.release"] === release && c.labels["gantry.role"] === "live",
    );
    await host.engine.start(found?.id ?? "");
  }
});

describe("what keeps going wrong", () => {
  let clock: QuickClock;
  let host: FakeHost;
  beforeEach(async () => {
    clock = createQuickClock();
    host = await fakeHost(clock);
    await host.start();
    host.order([want({ generation: 1, digest: host.push("one") })]);
    await host.settled(1);
    await host.atRest(["r1 running"]);
  });
  afterEach(async () => {
    await host.cleanUp();
    clock.stop();
  });

  const callsOf = (word: string) => host.engine.calls.filter((c) => c.startsWith(word)).length;

  async function runsAfter(ms: number): Promise<void> {
    await eventually(async () => assert.equal(host.observed().slots[0]?.live?.health ?? "exited", "exited"));
    await clock.passes(ms);
    await eventually(() => assert.equal(host.engine.running().length, 1));
    await host.atRest(["r1 running"]);
  }

  it("AG21: makes again what someone removes, at once and then ever more rarely, and never gives up", async () => {
    for (const waitMs of [0, 1_000, 10_000, 60_000]) {
      const [state] = await host.engine.list();
      const made = callsOf("create");
      await host.engine.remove(state?.id ?? "");
      if (waitMs > 0) {
        await eventually(() => assert.equal(host.observed().slots[0]?.live, null));
        await clock.passes(waitMs / 2);
        assert.equal(callsOf("create"), made, `made again before ${waitMs} ms`);
      }
      await clock.passes(waitMs / 2 + 100);
      await host.atRest(["r1 running"]);
    }
    assert.equal(callsOf("create"), 5);
  });

  it("tries again to start what does not start", async () => {
    const refused = new EngineError({ reason: "start_failed", message: "transport is closing" });
    for (let time = 0; time < 3; time += 1) host.engine.failNext("start", refused);
    const [state] = await host.engine.list();
    await host.engine.stop(state as NonNullable<typeof state>);
    await runsAfter(75_000);
    assert.ok(callsOf("start") <= 5, "not in haste");
  });

  it("tries again in time to remove what could not be removed", async () => {
    const busy = new EngineError({ reason: "stop_failed", message: "device or resource busy" });
    for (let time = 0; time < 3; time += 1) host.engine.failNext("remove", busy);
    host.order([want({ generation: 2, digest: host.push("two") })]);
    await host.settled(2);
    await host.atRest(["r1 ended", "r1 kept", "r2 running"]);
    await clock.passes(80_000);
    await host.atRest(["r1 kept", "r2 running"]);
  });

  it("is down, and says so, when the failed one cannot be ended, and serves again once it can", async () => {
    const stuck = new EngineError({ reason: "stop_failed", message: "it still runs 10 s after SIGKILL" });
    host.order([want({ generation: 2, digest: host.push("sick", { healthyAfterMs: null }), deadlineMs: 300 })]);
    await eventually(() => assert.equal(host.observed().slots[0]?.step, "checking"));
    let refused = 0;
    let unkillable = true;
    const { stop } = host.engine;
    host.engine.stop = async (container) => {
      if (!unkillable) return await stop(container);
      refused += 1;
      throw stuck;
    };
    const { outcome } = await host.settled(2);
    assert.deepEqual(outcome?.ok === false && [outcome.reason, outcome.after], ["unhealthy", "down"]);
    await clock.passes(5_000);
    assert.ok(refused <= 4, `${refused} times in five seconds`);
    unkillable = false;
    await clock.passes(75_000);
    await host.atRest(["r1 running"]);
  });
});
