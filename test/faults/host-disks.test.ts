/** A host's disks fill: the agent's own folder, and the engine's. The swap is refused with its reason, and what serves is not touched. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { DesiredSlot, ObservedSlot } from "../../src/core/slot.ts";
import { buildSampleImages } from "../../src/rehearsal/fleet/images.ts";
import { order } from "../host/kit/orders.ts";
import { type RealHost, realHost, startTestServer, type TestServer } from "../host/kit/real-host.ts";
import { eventually } from "../kit/eventually.ts";
import { sampleCommit, testLab } from "../kit/lab.ts";
import { type LoopDisk, mountLoopDisk } from "./kit/loop-disk.ts";

const lab = testLab("prod-1");
const small = sampleCommit("1a4c9e2");
const big = "b16".padEnd(40, "0");
const bigBytes = 30 * 1024 * 1024;

describe("a host whose disks fill", () => {
  let server: TestServer;
  let host: RealHost;
  let ofAgent: LoopDisk;
  let ofEngine: LoopDisk;
  let bigDigest = "";
  let generation = 0;

  before(async () => {
    const machine = lab.host("prod-1");
    ofAgent = mountLoopDisk(8);
    ofEngine = mountLoopDisk(90);
    // Below the lab's folder, so that the lab unmounts them with everything else.
    bind(ofAgent.folder, join(machine.dir, "agent"));
    await machine.cutPower();
    bind(ofEngine.folder, join(machine.dir, "data"));
    await machine.startEngine();
    const builds = [{ commit: big, behaviour: "good" as const, message: "big", ballastBytes: bigBytes }];
    bigDigest = (await buildSampleImages({ registry: lab.lab.registry.address, service: "api", builds })).get(big) ?? "";
    server = await startTestServer(lab.lab.bridgeAddress);
    host = realHost(machine, server);
    await host.start();
    assert.equal((await host.carryOut(next(lab.digest(small)))).outcome?.ok, true);
  });
  after(async () => {
    await host?.end();
    await server?.stop();
    await lab.lab.stop();
    ofAgent?.remove();
    ofEngine?.remove();
  });

  function bind(folder: string, place: string): void {
    mkdirSync(place, { recursive: true });
    execFileSync("mount", ["--bind", folder, place]);
  }

  function next(digest: string): DesiredSlot {
    generation += 1;
    return order({ generation, digest, container: { image: lab.repository } });
  }

  async function live(): Promise<string> {
    return await host.lab.docker("ps", "--filter", "label=gantry.role=live", "--format", "{{.ID}}");
  }

  async function startedAt(): Promise<string> {
    return await host.lab.docker("inspect", "--format", "{{.Id}} {{.State.StartedAt}}", await live());
  }

  function refusedForSpace(slot: ObservedSlot): void {
    assert.equal(slot.outcome?.ok, false, JSON.stringify(slot));
    assert.equal(slot.outcome?.ok === false && slot.outcome.reason, "disk_full", JSON.stringify(slot));
    assert.equal(slot.outcome?.ok === false && slot.outcome.after, "restored");
  }

  it("AG30: refuses to begin a swap that it could not remember, and swaps when there is room again", async () => {
    const before = await startedAt();
    ofAgent.fill();
    try {
      refusedForSpace(await host.carryOut(next(lab.digest(small))));
      assert.equal(await startedAt(), before, "the one that serves was not touched");
      assert.match((await host.lab.fetch("/")).body, new RegExp(small.sha));
    } finally {
      ofAgent.free();
    }
    assert.equal((await host.carryOut(next(lab.digest(small)))).outcome?.ok, true);
  });

  it("AG30: an agent that starts with its disk full is there, reports what runs, and refuses likewise", async () => {
    const before = await startedAt();
    ofAgent.fill();
    try {
      await host.end("SIGKILL");
      await host.start();
      await host.desk.seen("prod-1", (picture) => picture.engine.ok && picture.slots[0]?.live?.health === "ok");
      refusedForSpace(await host.carryOut(next(lab.digest(small))));
      assert.equal(await startedAt(), before);
    } finally {
      ofAgent.free();
    }
  });

  it("AG7: a pull that finds no room fails before anything is touched, and leaves nothing half done", async () => {
    const before = await startedAt();
    const images = await host.lab.docker("images", "--no-trunc", "-q");
    ofEngine.fill();
    try {
      refusedForSpace(await host.carryOut(next(bigDigest), 60_000));
      assert.equal(await startedAt(), before, "the one that serves was not touched");
      assert.match((await host.lab.fetch("/")).body, new RegExp(small.sha));
      assert.equal(await host.lab.docker("images", "--no-trunc", "-q"), images);
    } finally {
      ofEngine.free();
    }
    const slot = await host.carryOut(next(bigDigest), 60_000);
    assert.equal(slot.outcome?.ok, true, JSON.stringify(slot));
    await eventually(async () => assert.match((await host.lab.fetch("/")).body, new RegExp(big)));
  });
});
