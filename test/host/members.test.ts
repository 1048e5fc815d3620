import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import type { DesiredSlot, ObservedSlot } from "../../src/core/slot.ts";
import { eventually } from "../kit/eventually.ts";
import { type FakeHost, fakeHost } from "./kit/fake-host.ts";
import { pushMetrics, pushMigration, type Versions, wantAll } from "./kit/members.ts";

describe("a service of several containers", () => {
  let host: FakeHost;
  let versions: Versions & { readonly metrics: string; readonly migrate: string };
  beforeEach(async () => {
    host = await fakeHost();
    await host.start();
    versions = { api: host.push("one"), metrics: pushMetrics(host, "m-one"), migrate: pushMigration(host, "db-one") };
  });
  afterEach(() => host.cleanUp());

  async function carryOut(order: DesiredSlot): Promise<ObservedSlot> {
    host.order([order]);
    return await host.settled(order.generation);
  }

  async function first(): Promise<ObservedSlot> {
    const slot = await carryOut(wantAll({ generation: 1, versions }));
    assert.equal(slot.outcome?.ok, true, JSON.stringify(slot));
    await host.atRest(["metrics r1 running", "migrate r1 ended unpromoted", "r1 running"]);
    host.engine.calls.length = 0;
    return slot;
  }

  function failureOf(slot: ObservedSlot) {
    assert.equal(slot.outcome?.ok, false, JSON.stringify(slot));
    return slot.outcome as Extract<ObservedSlot["outcome"], { ok: false }>;
  }

  const touched = () => host.engine.calls.filter((c) => !c.startsWith("pull"));

  it("is made whole before anything starts, and starts in order", async () => {
    const slot = await carryOut(wantAll({ generation: 1, versions }));
    assert.equal(slot.outcome?.ok, true, JSON.stringify(slot));
    assert.deepEqual(host.engine.calls.slice(0, 3), Array(3).fill("pull registry.test/api"));
    assert.deepEqual(touched(), [
      "create gantry-api.prod.migrate-g1",
      "create gantry-api.prod.metrics-g1",
      "create gantry-api.prod-g1",
      "start gantry-api.prod.migrate-g1",
      "start gantry-api.prod.metrics-g1",
      "policy unless-stopped gantry-api.prod.metrics-g1",
      "start gantry-api.prod-g1",
      "policy unless-stopped gantry-api.prod-g1",
    ]);
    await eventually(() => assert.deepEqual(supportNow(), ["metrics ok", "migrate ok"]));
    assert.equal(host.observed().slots[0]?.live?.health, "ok");
  });

  it("swaps only metrics when only they changed, and serves the new release with the container that it had", async () => {
    const before = await first();
    const slot = await carryOut(wantAll({ generation: 2, versions: { ...versions, metrics: pushMetrics(host, "m-two") } }));
    assert.equal(slot.outcome?.ok, true, JSON.stringify(slot));
    assert.equal(slot.live?.containerId, before.live?.containerId);
    assert.deepEqual([slot.live?.release, slot.live?.generation], [2, 2]);
    await host.atRest(["metrics r1 kept", "metrics r2 running", "migrate r1 ended unpromoted", "r1 running"]);
    assert.ok(
      touched().every((call) => call.includes("metrics")),
      touched().join(", "),
    );
    assert.equal(host.observed().slots[0]?.previous?.release, 1);
    await host.stop();
    await host.start();
    await eventually(() => assert.equal(host.observed().slots[0]?.live?.release, 2));
  });

  it("knows which release a container is the way back to that was taken over by a later one", async () => {
    await first();
    const changed = { ...versions, metrics: pushMetrics(host, "m-two") };
    await carryOut(wantAll({ generation: 2, versions: changed }));
    const slot = await carryOut(wantAll({ generation: 3, versions: { ...changed, api: host.push("two") } }));
    assert.equal(slot.outcome?.ok, true, JSON.stringify(slot));
    await host.atRest(["metrics r1 kept", "metrics r2 running", "migrate r1 ended unpromoted", "r2 kept", "r3 running"]);
    assert.equal(host.observed().slots[0]?.previous?.release, 2);
  });

  it("swaps only the released one when only that changed", async () => {
    await first();
    const slot = await carryOut(wantAll({ generation: 2, versions: { ...versions, api: host.push("two") } }));
    assert.equal(slot.outcome?.ok, true, JSON.stringify(slot));
    await host.atRest(["metrics r1 running", "migrate r1 ended unpromoted", "r1 kept", "r2 running"]);
    assert.ok(
      touched().every((call) => !/metrics|migrate/.test(call)),
      touched().join(", "),
    );
  });

  it("serves on when a migration fails, and says what it said", async () => {
    const before = await first();
    const migrate = pushMigration(host, "db-bad", 1);
    const failure = failureOf(
      await carryOut(wantAll({ generation: 2, versions: { ...versions, api: host.push("two"), migrate } })),
    );
    assert.deepEqual([failure.reason, failure.detail, failure.after], ["exited", "migrate: exit code 1", "restored"]);
    assert.deepEqual(failure.logTail, ["db-bad: column added"]);
    assert.deepEqual(
      touched().filter((call) => call.startsWith("stop")),
      [],
    );
    await host.atRest(["metrics r1 running", "migrate r1 ended unpromoted", "r1 running"]);
    assert.equal(host.observed().slots[0]?.live?.containerId, before.live?.containerId);
  });

  it("does not wait for a migration for ever", async () => {
    await first();
    const migrate = pushMigration(host, "db-slow", 0, 60_000);
    const failure = failureOf(await carryOut(wantAll({ generation: 2, versions: { ...versions, migrate } })));
    assert.deepEqual([failure.reason, failure.detail], ["unhealthy", "migrate: it has not ended after 0.3 s"]);
    await host.atRest(["metrics r1 running", "migrate r1 ended unpromoted", "r1 running"]);
  });

  it("puts back in reverse order what it had swapped before the failure", async () => {
    await first();
    const sick = host.push("sick", { healthyAfterMs: null });
    const changed = { ...versions, api: sick, metrics: pushMetrics(host, "m-two") };
    const failure = failureOf(await carryOut(wantAll({ generation: 2, versions: changed })));
    assert.deepEqual([failure.reason, failure.after], ["unhealthy", "restored"]);
    assert.deepEqual(
      touched()
        .slice(-8)
        .filter((call) => /^(start|stop)/.test(call))
        .slice(-4),
      [
        "stop gantry-api.prod-g2",
        "start gantry-api.prod-g1",
        "stop gantry-api.prod.metrics-g2",
        "start gantry-api.prod.metrics-g1",
      ],
    );
    await host.atRest(["metrics r1 running", "migrate r1 ended unpromoted", "r1 running"]);
  });

  it("names metrics that do not become healthy, and leaves the released one alone", async () => {
    const before = await first();
    const metrics = pushMetrics(host, "m-sick", { healthyAfterMs: null });
    const failure = failureOf(
      await carryOut(wantAll({ generation: 2, versions: { ...versions, metrics, api: host.push("two") } })),
    );
    assert.match(failure.detail, /^metrics: not healthy after 0\.3 s/);
    assert.deepEqual([failure.after, failure.logTail], ["restored", ["m-sick collects"]]);
    await host.atRest(["metrics r1 running", "migrate r1 ended unpromoted", "r1 running"]);
    assert.equal(host.observed().slots[0]?.live?.containerId, before.live?.containerId);
  });

  it("is unwell when metrics are, says so, and makes them again when somebody removes them", async () => {
    await first();
    const metrics = (await host.engine.list()).find((c) => c.labels["gantry.member"] === "metrics");
    await host.engine.setRestartPolicy(metrics?.id ?? "", "no");
    host.engine.crash(metrics?.id ?? "", 9);
    await eventually(() => assert.ok(host.healths.includes("r1 exited"), host.healths.join(", ")));
    await eventually(() => assert.deepEqual(supportNow(), ["metrics ok", "migrate ok"]));
    const made = (await host.engine.list()).find((c) => c.labels["gantry.member"] === "metrics");
    await host.engine.remove(made?.id ?? "");
    await host.atRest(["metrics r1 running", "migrate r1 ended unpromoted", "r1 running"]);
    assert.deepEqual(host.observed().slots[0]?.outcome?.ok, true);
    assert.equal(touched().filter((call) => call.startsWith("create")).length, 1);
  });

  it("says what is wrong with which container while it lasts", async () => {
    versions = { ...versions, metrics: host.push("m-dies", { port: 9100, exitAfterMs: 60, logs: ["out of buffers"] }) };
    await carryOut(wantAll({ generation: 1, versions }));
    await eventually(() => {
      const live = host.observed().slots[0]?.live;
      assert.match(live?.detail ?? "", /^metrics: /, JSON.stringify(live));
      assert.deepEqual(live?.logTail, ["out of buffers"]);
    });
  });

  it("stops what the next release does not have any more, once that serves, and comes back to it without a registry", async () => {
    await first();
    await carryOut(wantAll({ generation: 2, versions: { api: host.push("two") } }));
    await host.atRest(["metrics r1 kept", "migrate r1 kept", "r1 kept", "r2 running"]);
    const at = (call: string) => host.engine.calls.indexOf(call);
    assert.ok(at("policy unless-stopped gantry-api.prod-g2") < at("stop gantry-api.prod.metrics-g1"));
    host.engine.registries.setFault("registry.test", "registry_unreachable");
    const back = await carryOut(wantAll({ generation: 3, release: 1, versions }));
    assert.equal(back.outcome?.ok, true, JSON.stringify(back));
  });

  it("is restarted with fresh containers, but not migrated again", async () => {
    await first();
    const slot = await carryOut(wantAll({ generation: 2, release: 1, versions, fresh: true }));
    assert.equal(slot.outcome?.ok, true, JSON.stringify(slot));
    assert.deepEqual(
      touched().filter((call) => call.startsWith("create")),
      ["create gantry-api.prod.metrics-g2", "create gantry-api.prod-g2"],
    );
  });

  it("is taken away from the last to the first", async () => {
    await first();
    await carryOut({ ...wantAll({ generation: 2, versions }), release: null });
    await host.atRest([]);
    assert.deepEqual(touched().slice(0, 2), ["stop gantry-api.prod-g1", "stop gantry-api.prod.metrics-g1"]);
  });

  it("leaves what serves alone until the server has spoken, and the migration unrun", async () => {
    await first();
    await host.stop();
    const order = wantAll({ generation: 2, versions: { ...versions, migrate: pushMigration(host, "db-two") } });
    let created = false;
    await host.start(async (name) => {
      if (name !== "after:create" || created) return;
      created = true;
      host.kill();
      await new Promise(() => undefined);
    });
    host.order([order]);
    await eventually(() => assert.ok(created));
    await host.start();
    await eventually(() => assert.equal(host.observed().slots[0]?.live?.release, 1));
    assert.ok(!touched().includes("start gantry-api.prod.migrate-g2"));
    host.order([order]);
    assert.equal((await host.settled(2)).outcome?.ok, true);
  });

  function supportNow(): string[] {
    return (host.observed().slots[0]?.supporting ?? []).map((one) => `${one.name} ${one.health}`).sort();
  }
});
