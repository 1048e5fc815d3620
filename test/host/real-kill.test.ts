import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { DesiredSlot, ObservedSlot } from "../../src/core/slot.ts";
import type { StepKind } from "../../src/core/slot-step.ts";
import { eventually } from "../kit/eventually.ts";
import { sampleCommit, testLab } from "../kit/lab.ts";
import { order } from "./kit/orders.ts";
import { type RealHost, realHost, startTestServer, type TestServer } from "./kit/real-host.ts";

const lab = testLab("prod-1");
const good = sampleCommit("1a4c9e2");
const better = sampleCommit("3f2a1c9");
const unhealthy = sampleCommit("7c81f36");

/** What is after one step is before the next. */
const steps: readonly StepKind[] = ["pull", "create", "stop", "start", "check", "promote", "settle", "keep", "remove"];
const moments = [...steps.map((step) => `before:${step}`), "after:remove"];
const momentsBack = ["after:check", "before:start", "after:settle"];

describe("an agent that is killed in the middle of a swap", () => {
  let server: TestServer;
  let host: RealHost;
  let generation = 0;
  let release = 0;
  let serving = { release: 0, sha: "" };

  before(async () => {
    server = await startTestServer(lab.lab.bridgeAddress);
    host = realHost(lab.host("prod-1"), server);
    await host.start();
    for (const commit of [better, good]) {
      const ordered = next(commit);
      assert.equal((await host.carryOut(ordered)).outcome?.ok, true);
      serving = { release, sha: commit.sha };
    }
  });
  after(async () => {
    await host.end();
    await server.stop();
  });

  function next(commit: { sha: string }, deadlineMs = 5_000) {
    generation += 1;
    release += 1;
    const digest = lab.digest(sampleCommit(commit.sha));
    return order({ generation, release, digest, container: { image: lab.repository }, health: { deadlineMs } });
  }

  /** Exactly one container serves and answers, and exactly one is kept. */
  async function isWhole(wanted: { release: number; sha: string }): Promise<void> {
    await eventually(async () => {
      const containers = await host.containers();
      assert.equal(containers.length, 2, containers.join(", "));
      assert.equal(containers[0], `live r${wanted.release} running`);
      assert.match(containers[1] ?? "", /^previous r\d+ created$/);
    });
    assert.match((await host.lab.fetch("/")).body, new RegExp(wanted.sha));
    const policy = await host.lab.docker("ps", "-q", "--filter", "label=gantry.role=live");
    assert.equal(await host.lab.docker("inspect", "--format", "{{.HostConfig.RestartPolicy.Name}}", policy), "unless-stopped");
  }

  /** Orders it, and resolves when the agent has died at that moment. */
  async function dies(moment: string, ordered: DesiredSlot): Promise<void> {
    host.dieAt(moment);
    host.tell(ordered);
    assert.equal(await host.died(), "SIGKILL");
    host.dieAt(null);
  }

  async function comesBack(ordered: DesiredSlot): Promise<ObservedSlot> {
    await host.start();
    return await host.desk.settled("prod-1", ordered.generation);
  }

  for (const moment of moments) {
    it(`AG1: goes on after it was killed ${moment.replace(":", " ")}`, async () => {
      const commit = serving.sha === good.sha ? better : good;
      const ordered = next(commit);
      await dies(moment, ordered);
      const slot = await comesBack(ordered);
      assert.equal(slot.outcome?.ok, true, `${JSON.stringify(slot)} ${host.log.slice(-5).join("\n")}`);
      serving = { release, sha: commit.sha };
      await isWhole(serving);
    });
  }

  for (const moment of momentsBack) {
    it(`AG1: puts the old one back after it was killed ${moment.replace(":", " ")} of a swap that fails`, async () => {
      const ordered = next(unhealthy, 400);
      await dies(moment, ordered);
      const slot = await comesBack(ordered);
      assert.equal(slot.outcome?.ok, false, JSON.stringify(slot));
      await isWhole(serving);
    });
  }

  for (const moment of moments) {
    it(`AG2: never has two, and ends whole, when the power goes ${moment.replace(":", " ")}`, async () => {
      const commit = serving.sha === good.sha ? better : good;
      const ordered = next(commit);
      await dies(moment, ordered);
      await host.lab.cutPower();
      await host.lab.startEngine();
      const running = (await host.containers()).filter((line) => line.endsWith(" running"));
      assert.ok(running.length <= 1, running.join(", "));
      const slot = await comesBack(ordered);
      if (slot.outcome?.ok) serving = { release, sha: commit.sha };
      else assert.equal(slot.outcome?.reason, "interrupted");
      await isWhole(serving);
    });
  }
});
