/** An agent, or the engine under it, stands still (SIGSTOP) in the middle of a swap: the swap ends as it would have, or safely and with its reason. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { DesiredSlot } from "../../src/core/slot.ts";
import { order } from "../host/kit/orders.ts";
import { type RealHost, realHost, startTestServer, type TestServer } from "../host/kit/real-host.ts";
import { eventually } from "../kit/eventually.ts";
import { sampleCommit, testLab } from "../kit/lab.ts";
import { begunOn } from "../lab/kit/watcher.ts";

const lab = testLab("prod-1");
const commits = [sampleCommit("1a4c9e2"), sampleCommit("3f2a1c9")] as const;

/** The server misses an agent after a second, the agent an engine after one: minutes would show nothing more. */
const missedAfterMs = 1_000;
const standsStillMs = 2_500;

describe("a host of which something stands still", () => {
  let server: TestServer;
  let host: RealHost;
  let generation = 0;
  let serving = 0;

  before(async () => {
    server = await startTestServer(lab.lab.bridgeAddress, { heartbeatMs: 200, deadMs: missedAfterMs });
    host = realHost(lab.host("prod-1"), server, { callMs: missedAfterMs });
    await host.start();
    for (let i = 0; i < 2; i++) assert.equal((await host.carryOut(next())).outcome?.ok, true);
    serving = generation;
  });
  after(async () => {
    host?.lab.thawEngine();
    host?.signal("SIGCONT");
    await host?.end();
    await server?.stop();
  });

  /** Every order is a release of its own. */
  function next(): DesiredSlot {
    generation += 1;
    const digest = lab.digest(commits[generation % 2] ?? commits[0]);
    return order({ generation, digest, container: { image: lab.repository }, health: { deadlineMs: 1_500 } });
  }

  async function servesOne(release: number): Promise<void> {
    await eventually(async () => {
      const containers = await host.containers();
      assert.equal(containers.filter((line) => line.endsWith(" running")).length, 1, containers.join(", "));
      assert.equal(containers[0], `live r${release} running`);
      assert.equal(containers.length, 2, containers.join(", "));
    });
    assert.match((await host.lab.fetch("/")).body, new RegExp(commits[release % 2]?.sha ?? ""));
  }

  for (const step of ["pull", "create", "stop", "start", "check", "promote", "settle", "keep"]) {
    it(`AG27: an agent that stood still before ${step} goes on, though it was missed meanwhile`, async () => {
      const ordered = next();
      host.dieAt(`SIGSTOP before:${step}`);
      host.tell(ordered);
      await eventually(() => assert.ok(!server.hub.isConnected("prod-1"), "it was not missed"));
      await sleep(standsStillMs);
      assert.ok((await begunOn(host.lab)) <= 1, "never two");
      host.signal("SIGCONT");
      const slot = await host.desk.settled("prod-1", ordered.generation);
      assert.equal(slot.outcome?.ok, true, JSON.stringify(slot));
      serving = generation;
      await servesOne(serving);
    });
  }

  for (const step of ["creating", "stopping_old", "starting", "checking", "promoting"]) {
    it(`AG5: an engine that stands still while the agent is ${step} is told of as stuck, and never has two`, async () => {
      const ordered = next();
      const there = host.desk.seen("prod-1", (p) => p.slots.some((s) => s.generation === ordered.generation && s.step === step));
      host.tell(ordered);
      await there;
      host.lab.freezeEngine();
      try {
        const seen = await host.desk.seen("prod-1", (picture) => !picture.engine.ok, 15_000);
        assert.match(seen.engine.reason ?? "", /engine_stuck|engine_down/);
        await sleep(standsStillMs);
      } finally {
        host.lab.thawEngine();
      }
      const slot = await host.desk.settled("prod-1", ordered.generation, 30_000);
      if (slot.outcome?.ok) serving = generation;
      else
        assert.match(
          slot.outcome?.reason ?? "",
          /engine_stuck|engine_down|interrupted|unhealthy|start_failed|stop_failed/,
          `${JSON.stringify(slot)} ${host.log.slice(-12).join("\n")}`,
        );
      await servesOne(serving);
      await host.desk.seen("prod-1", (picture) => picture.engine.ok);
    });
  }
});
