import assert from "node:assert/strict";
import { readdir, readFile, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import type { DesiredSlot, ObservedSlot } from "../../src/core/slot.ts";
import { EngineError } from "../../src/host/engine.ts";
import { openState } from "../../src/host/state.ts";
import { eventually } from "../kit/eventually.ts";
import { type FakeHost, fakeHost, repository, want } from "./kit/fake-host.ts";

describe("a host", () => {
  let host: FakeHost;
  beforeEach(async () => {
    host = await fakeHost();
    await host.start();
  });
  afterEach(() => host.cleanUp());

  async function carryOut(slot: Parameters<typeof want>[0]): Promise<ObservedSlot> {
    host.order([want(slot)]);
    return await host.settled(slot.generation);
  }

  function failureOf(slot: ObservedSlot) {
    assert.equal(slot.outcome?.ok, false, JSON.stringify(slot));
    return slot.outcome as Extract<ObservedSlot["outcome"], { ok: false }>;
  }

  /** On port 900x, x being the generation. */
  function sharing(facts: { generation: number; digest: string }): DesiredSlot {
    const slot = want({ ...facts, deadlineMs: 2_000 });
    if (slot.release === null) return slot;
    const { spec } = slot.release;
    const probe = { kind: "http", url: `http://127.0.0.1:900${facts.generation}/` } as const;
    return {
      ...slot,
      release: { ...slot.release, spec: { ...spec, swap: { kind: "reuse-port" }, health: { ...spec.health, probe } } },
    };
  }

  it("swaps in the order that keeps the gap small, and reports each step", async () => {
    await carryOut({ generation: 1, digest: host.push("one") });
    await host.atRest(["r1 running"]);
    host.engine.calls.length = 0;
    host.steps.length = 0;
    const slot = await carryOut({ generation: 2, digest: host.push("two") });
    assert.equal(slot.outcome?.ok, true);
    await host.atRest(["r1 kept", "r2 running"]);
    assert.deepEqual(host.engine.calls, [
      "pull registry.test/api",
      "create gantry-api.prod-g2",
      "stop gantry-api.prod-g1",
      "start gantry-api.prod-g2",
      "policy unless-stopped gantry-api.prod-g2",
      "clone gantry-api.prod-g1-kept",
      "remove gantry-api.prod-g1",
    ]);
    const steps = ["pulling", "creating", "stopping_old", "starting", "checking", "promoting", "serving"];
    assert.deepEqual(
      host.steps.filter((s) => s.startsWith("g2")),
      ["g2 idle", ...steps.map((s) => `g2 ${s}`)],
    );
    assert.equal(host.observed().slots[0]?.previous?.release, 1);
  });

  it("reports its very first container as well once it has proved itself", async () => {
    await carryOut({ generation: 1, digest: host.push("one") });
    await host.atRest(["r1 running"]);
    await eventually(() => assert.equal(host.healths.at(-1), "r1 ok", host.healths.join(", ")));
  });

  it("has the image ready before anyone decides, and reports for which rollout", async () => {
    const open = host.engine.registries.hold();
    const digest = host.push("one");
    host.prepare([{ service: "api", environment: "prod", rollout: 7, image: repository, digest, mirrors: [] }]);
    assert.deepEqual(host.observed().images, [{ service: "api", environment: "prod", rollout: 7, digest, state: "pulling" }]);
    open();
    await eventually(() => assert.equal(host.observed().images[0]?.state, "present"));
    assert.deepEqual(host.engine.calls, ["pull registry.test/api"]);
  });

  it("pulls from a mirror when the primary does not answer", async () => {
    const digest = host.push("one");
    host.engine.registries.push({ repository: "mirror.test/api", digest });
    host.engine.registries.setFault("registry.test", "registry_unreachable");
    assert.equal((await carryOut({ generation: 1, digest })).outcome?.ok, true);
    assert.deepEqual(host.engine.calls.slice(0, 2), ["pull registry.test/api", "pull mirror.test/api"]);
  });

  it("fails at once for a registry that refuses, and has not touched anything", async () => {
    await carryOut({ generation: 1, digest: host.push("one") });
    host.engine.registries.setFault("registry.test", "registry_auth");
    const failure = failureOf(await carryOut({ generation: 2, digest: host.push("two") }));
    assert.equal(failure.reason, "registry_auth");
    assert.equal(failure.after, "restored");
    await host.atRest(["r1 running"]);
  });

  it("puts the old one back when the new one does not become healthy, and does not try again", async () => {
    await carryOut({ generation: 1, digest: host.push("one") });
    const digest = host.push("sick", {
      healthyAfterMs: null,
      logs: ["\u001b[31mboom\u001b[0m token xoxb-12345678", "x".repeat(300)],
    });
    const failure = failureOf(await carryOut({ generation: 2, digest }));
    assert.equal(failure.reason, "unhealthy");
    assert.deepEqual(failure.logTail, ["boom token [redacted]", `${"x".repeat(199)}…`]);
    await host.atRest(["r1 running"]);
    await host.stop();
    await host.start();
    host.order([want({ generation: 2, digest })]);
    assert.equal((await host.settled(2)).outcome?.ok, false);
    await host.atRest(["r1 running"]);
    assert.equal(host.engine.calls.filter((c) => c === "start gantry-api.prod-g2").length, 1);
  });

  it("has nothing to go back to when the first one fails, and says so", async () => {
    const failure = failureOf(
      await carryOut({ generation: 1, digest: host.push("dies", { exitAfterMs: 5, exitCode: 4, healthyAfterMs: null }) }),
    );
    assert.deepEqual([failure.reason, failure.after], ["exited", "empty"]);
    await host.atRest([]);
  });

  it("says that nothing serves when the old one does not come back either", async () => {
    await carryOut({ generation: 1, digest: host.push("one") });
    host.engine.registries.push({ repository, digest: host.push("sick"), program: { healthyAfterMs: null } });
    host.order([want({ generation: 2, digest: host.push("sick", { healthyAfterMs: null }) })]);
    await eventually(() => assert.equal(host.observed().slots[0]?.step, "checking"));
    host.engine.failNext("start", new EngineError({ reason: "start_failed", message: "mount is gone" }));
    assert.equal(failureOf(await host.settled(2)).after, "down");
  });

  it("is not fooled by another process on the port", async () => {
    await carryOut({ generation: 1, digest: host.push("one") });
    host.order([want({ generation: 2, digest: host.push("slow", { port: 9999 }), deadlineMs: 5_000 })]);
    host.engine.setStranger(8080);
    const failure = failureOf(await host.settled(2));
    assert.equal(failure.reason, "port_in_use");
    assert.match(failure.detail, /held by nginx/);
  });

  it("adopts what serves already, and remembers it over a restart", async () => {
    const digest = host.push("one");
    const first = await carryOut({ generation: 1, digest });
    await host.atRest(["r1 running"]);
    host.engine.calls.length = 0;
    const second = await carryOut({ generation: 2, release: 1, digest });
    assert.equal(second.outcome?.ok, true);
    assert.equal(second.live?.containerId, first.live?.containerId);
    assert.equal(second.live?.generation, 2);
    assert.deepEqual(host.engine.calls, []);
    await host.stop();
    await host.start();
    await eventually(() => assert.equal(host.observed().slots[0]?.live?.generation, 2));
  });

  it("gives up a check for a newer order, puts the old one back, and goes on to the newest", async () => {
    const one = host.push("one");
    await carryOut({ generation: 1, digest: one });
    host.order([want({ generation: 2, digest: host.push("sick", { healthyAfterMs: null }), deadlineMs: 60_000 })]);
    await eventually(() => assert.equal(host.observed().slots[0]?.step, "checking"));
    const slot = await carryOut({ generation: 3, release: 1, digest: one });
    assert.equal(slot.outcome?.ok, true);
    assert.equal(slot.live?.release, 1);
    await host.atRest(["r1 running"]);
  });

  it("drops a pull for a newer order", async () => {
    const open = host.engine.registries.hold();
    host.order([want({ generation: 1, digest: host.push("huge") })]);
    await eventually(() => assert.equal(host.observed().slots[0]?.step, "pulling"));
    host.order([{ ...want({ generation: 2, digest: host.push("huge") }), release: null }]);
    assert.equal((await host.settled(2)).outcome?.ok, true);
    open();
  });

  it("refuses an older order, an older epoch and another server, and keeps serving", async () => {
    const digest = host.push("one");
    assert.equal(host.order([want({ generation: 3, digest })], { epoch: 5 }), null);
    await host.settled(3);
    assert.equal(host.order([want({ generation: 2, digest: host.push("two") })]), null);
    assert.equal(host.order([], { epoch: 4 }), "stale_desired");
    assert.equal(host.order([], { epoch: 9, serverId: "server-2" }), "foreign_server");
    assert.equal(host.observed().epoch, 5);
    assert.equal(host.observed().slots[0]?.generation, 3);
    await host.atRest(["r3 running"]);
  });

  it("tells when the container that serves dies, starts it when it stays down, and tells when it is well", async () => {
    const slot = await carryOut({ generation: 1, digest: host.push("one") });
    const id = slot.live?.containerId ?? "";
    await host.engine.setRestartPolicy(id, "no");
    host.engine.crash(id, 9);
    await eventually(() => assert.ok(host.healths.includes("r1 exited")));
    await eventually(() => assert.equal(host.observed().slots[0]?.live?.health, "ok"));
    await host.atRest(["r1 running"]);
  });

  it("says that the engine is down, and goes on when it is back", async () => {
    await carryOut({ generation: 1, digest: host.push("one") });
    host.engine.setDown(true);
    await eventually(() => assert.deepEqual([host.observed().engine.ok, host.observed().engine.reason], [false, "engine_down"]));
    host.order([want({ generation: 2, digest: host.push("two") })]);
    host.engine.setDown(false);
    assert.equal((await host.settled(2)).outcome?.ok, true);
    await eventually(() => assert.equal(host.observed().engine.ok, true));
  });

  it("says that live-restore is off", async () => {
    host.engine.setLiveRestore(false);
    await host.stop();
    await host.start();
    await eventually(() => assert.equal(host.observed().engine.liveRestore, false));
    assert.match(host.observed().engine.detail ?? "", /live-restore is off/);
  });

  it("is not harmed by an answer that is lost, whichever call's it is", async () => {
    await carryOut({ generation: 1, digest: host.push("one") });
    const lost = new EngineError({ reason: "engine_stuck", message: "no answer in time" });
    let generation = 1;
    for (const method of ["findImage", "create", "setRestartPolicy", "stop", "start", "inspect", "clone", "remove"] as const) {
      await eventually(async () => assert.equal((await host.engine.list()).length, Math.min(generation, 2)));
      generation += 1;
      host.engine.failNext(method, lost, "after");
      const slot = await carryOut({ generation, digest: host.push(`v${generation}`) });
      assert.equal(slot.outcome?.ok, true, `${method}: ${JSON.stringify(slot)}`);
      await host.atRest([`r${generation - 1} kept`, `r${generation} running`].sort());
    }
  });

  it("works on slots independently", async () => {
    const sick = want({
      generation: 1,
      digest: host.push("sick", { port: 9001, healthyAfterMs: null }),
      service: "web",
      deadlineMs: 60_000,
    });
    host.order([sick, want({ generation: 1, digest: host.push("one") })]);
    await eventually(() => assert.equal(host.observed().slots.find((s) => s.service === "api")?.outcome?.ok, true));
    assert.equal(host.observed().slots.find((s) => s.service === "web")?.outcome, null);
  });

  it("leaves what serves alone after a restart until the server has spoken", async () => {
    await carryOut({ generation: 1, digest: host.push("one") });
    const open = host.engine.registries.hold();
    const slot = want({ generation: 2, digest: host.push("two") });
    host.order([slot]);
    await eventually(() => assert.equal(host.observed().slots[0]?.step, "pulling"));
    await eventually(async () => assert.match(await readFile(join(host.dir, "orders.json"), "utf8"), /"generation":2/));
    await host.stop();
    open();
    await host.start();
    await eventually(() => assert.equal(host.observed().slots[0]?.live?.release, 1));
    assert.ok(!host.engine.calls.includes("create gantry-api.prod-g2"));
    host.order([slot]);
    assert.equal((await host.settled(2)).outcome?.ok, true);
  });

  for (const point of ["after:create", "after:start"]) {
    it(`also on a shared port, when the agent was killed ${point.replace(":", " ")}`, async () => {
      // In memory a port has one owner, so each has its own.
      host.order([sharing({ generation: 1, digest: host.push("one", { port: 9001 }) })]);
      assert.equal((await host.settled(1)).outcome?.ok, true);
      const slot = sharing({ generation: 2, digest: host.push("two", { port: 9002 }) });
      await host.stop();
      const reached = Promise.withResolvers<void>();
      await host.start((name) => {
        if (name !== point) return;
        reached.resolve();
        return new Promise<void>(() => undefined);
      });
      host.order([slot]);
      await reached.promise;
      await eventually(async () => assert.match(await readFile(join(host.dir, "orders.json"), "utf8"), /"generation":2/));
      host.kill();
      await host.start();
      // Whatever would be done unasked is done while another service is deployed.
      const web = host.push("web", { port: 9003, healthyAfterMs: 1_500 });
      host.order([{ ...sharing({ generation: 3, digest: web }), service: "web" }]);
      await host.settled(3);
      const unasked = ["start gantry-api.prod-g2", "policy unless-stopped gantry-api.prod-g2", "stop gantry-api.prod-g1"];
      const begun = point === "after:start" ? 1 : 0;
      assert.deepEqual(
        host.engine.calls.filter((c) => unasked.includes(c)),
        unasked.slice(0, begun),
      );
      host.order([slot]);
      assert.equal((await host.settled(2)).outcome?.ok, true);
      await eventually(() => assert.ok(unasked.every((c) => host.engine.calls.includes(c))));
    });
  }

  it("AG29: rebuilds what a torn state directory has lost from the labels", async () => {
    await carryOut({ generation: 4, digest: host.push("one") });
    await host.stop();
    for (const file of ["orders.json", "journal.json"]) {
      const path = join(host.dir, file);
      const whole = await readFile(path);
      for (let length = 0; length < whole.length; length += Math.ceil(whole.length / 40)) {
        await writeFile(path, whole);
        await truncate(path, length);
        const state = await openState(host.dir);
        state.lock.release();
      }
    }
    await host.start();
    const slot = await host.settled(4);
    assert.equal(slot.live?.release, 4);
    assert.equal(slot.outcome?.ok, true);
    assert.ok(!(await readdir(host.dir)).includes("journal.json.new"));
  });

  it("lets no second agent use its state directory", async () => {
    await assert.rejects(openState(host.dir), /another agent uses .*lock: stop it, or give this one its own --state-dir/);
  });
});
