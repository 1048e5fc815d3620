import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import type { Health } from "../../src/core/release.ts";
import { EngineError } from "../../src/host/engine.ts";
import { createGates, type Gates } from "../../src/host/gate/gates.ts";
import { provideGate } from "../../src/host/gate/program.ts";
import { plainTools } from "../../src/host/swap-tools.ts";
import { eventually } from "../kit/eventually.ts";
import { type FakeHost, fakeHost, want } from "./kit/fake-host.ts";

describe("folders of gates that containers have mounted", () => {
  let host: FakeHost;
  let dir: string;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), "gantry-gates-"));
    await begin();
    // In memory nothing waits at a gate, and a port has one owner: so the old one has another.
    const first = want({ generation: 1, digest: host.push("one", { port: 9001 }) });
    assert.ok(first.release !== null);
    const { spec } = first.release;
    const health: Health = { intervalMs: 100, deadlineMs: 300, probe: { kind: "tcp", host: "127.0.0.1", port: 9001 } };
    host.order([{ ...first, release: { ...first.release, spec: { ...spec, health } } }]);
    await host.settled(1);
    host.order([want({ generation: 2, digest: host.push("two") })]);
    assert.equal((await host.settled(2)).outcome?.ok, true);
    await host.atRest(["r1 kept", "r2 running"]);
    assert.ok(existsSync(gate));
  });
  afterEach(async () => {
    await host.cleanUp();
    await rm(dir, { recursive: true, force: true });
  });

  let gate: string;
  let gates: Gates;
  async function begin(): Promise<void> {
    const provided = await provideGate(dir);
    assert.ok("program" in provided, JSON.stringify(provided));
    gate = join(dir, "gates", "gantry-api.prod-g2");
    gates = createGates({ dir: join(dir, "gates"), program: provided.program });
    host = await fakeHost(undefined, {
      ...plainTools,
      get gates() {
        return gates;
      },
    });
    const { start } = host.engine;
    // As the engine does: without what it mounts nothing starts.
    host.engine.start = async (id) => {
      const state = await host.engine.inspect(id);
      const isThere = state?.labels["gantry.gate"] === undefined || existsSync(gate);
      if (!isThere) throw new EngineError({ reason: "mount_missing", message: `error mounting "${gate}": no such file` });
      await start(id);
    };
    await host.start();
  }

  it("are made again when they are gone, so that what serves comes back", async () => {
    await rm(gate, { recursive: true });
    host.engine.crash(host.observed().slots[0]?.live?.containerId ?? "", 1);
    const { id } = (await host.engine.list()).find((c) => c.labels["gantry.role"] === "live") ?? { id: "" };
    // What the engine in memory brings back by itself the real one would not.
    await host.engine.stop(await stateOf(id));
    await eventually(async () => assert.equal((await stateOf(id)).status, "running"));
    assert.ok(existsSync(join(gate, "open")));
  });

  async function stateOf(id: string) {
    const state = await host.engine.inspect(id);
    assert.ok(state !== null);
    return state;
  }

  it("are made again by an agent that comes to what runs, before the engine needs them", async () => {
    await rm(gate, { recursive: true });
    host.engine.setDown(true);
    host.engine.setDown(false);
    await eventually(() => assert.ok(existsSync(join(gate, "open"))), 5_000);
    assert.ok(existsSync(join(gate, "wait")));
  });

  it("stay, although the container is of another agent's name on this engine", async () => {
    await host.stop();
    await mkdir(join(dir, "gates", "left-over"));
    gates = createGates({ dir: join(dir, "gates"), program: null });
    host.engine.list = async () => [];
    await host.start();
    await eventually(() => assert.ok(!existsSync(join(dir, "gates", "left-over"))));
    await eventually(() => assert.deepEqual(spares(), []));
    assert.ok(existsSync(gate));
  });

  const spares = () => readdirSync(join(dir, "gates")).filter((name) => name.startsWith(".spare"));
});
