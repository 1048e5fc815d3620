import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, it } from "node:test";
import type { Clock } from "../../src/app/ports.ts";
import type { ContainerUsage, MachineUsage, UsageSample } from "../../src/core/usage.ts";
import { type ContainerState, EngineError } from "../../src/host/engine.ts";
import { readMachine } from "../../src/host/machine.ts";
import type { Serving } from "../../src/host/slot-report.ts";
import { createUsage, type Usage } from "../../src/host/usage.ts";
import { ManualClock } from "../../src/rehearsal/slack/clock.ts";
import { eventually } from "../kit/eventually.ts";
import { silent } from "./kit/real-host.ts";

const megabyte = 1024 * 1024;

/** A host on which containers use what the test says, sampled every 15 s of a clock in the test's hand. */
function bench() {
  const hand = new ManualClock();
  const clock: Clock = {
    now: () => hand.now(),
    mono: () => hand.now(),
    wakeAt: (at, wake) => hand.after(Math.max(0, at - hand.now()), wake),
    soon: setImmediate,
  };
  const containers = new Map<string, { startedAt: number; cpuMs: number; fault?: EngineError }>();
  const samples: UsageSample[] = [];
  const machine: MachineUsage = { cores: 4, cpuMs: 0, load: 1, memoryBytes: 1, memoryTotalBytes: 2 };
  const sampler = createUsage({
    engine: {
      async usage({ id }): Promise<ContainerUsage | null> {
        const one = containers.get(id);
        if (one?.fault !== undefined) throw one.fault;
        if (one === undefined) return null;
        return { cpuMs: one.cpuMs, memoryBytes: 50 * megabyte, memoryLimitBytes: null, network: null };
      },
      freeBytes: async () => 7,
    },
    machine: async () => ({ ...machine, cpuMs: hand.now() * 3 }),
    serving: () => [...containers].map(([id, { startedAt }]) => serving(id, startedAt)),
    clock,
    log: silent,
    onSample: (sample) => samples.push(sample),
  });
  return {
    hand,
    containers,
    sampler,
    samples,
    /** The clock goes on to the next sample. */
    async next(): Promise<UsageSample> {
      const before = samples.length;
      await hand.advance(before === 0 ? 0 : 15_000);
      return await eventually(() => {
        const sample = samples[before];
        assert.ok(sample !== undefined);
        return sample;
      });
    },
  };
}

function serving(id: string, startedAt: number): Serving {
  const state = { id, name: id, startedAt, pid: 1, status: "running" } as ContainerState;
  const place = { service: "api", environment: "prod", container: "api", released: true };
  return { ...place, release: 1, generation: 1, restarts: 0, health: "ok", state };
}

describe("sampling what a host uses", () => {
  let usage: Usage | null = null;
  afterEach(() => usage?.stop());

  function aBench() {
    const made = bench();
    usage = made.sampler;
    return made;
  }

  const cores = (sample: UsageSample) => sample.containers.map((one) => one.cores);

  it("averages over the last minute, whatever came before", async () => {
    const { hand, containers, next } = aBench();
    const old = { startedAt: hand.now() - 3_600_000, cpuMs: 900_000 };
    containers.set("old", old);
    assert.deepEqual(cores(await next()), [null], "one look at a counter says nothing of the last minute");
    old.cpuMs += 7_500;
    assert.deepEqual(cores(await next()), [0.5]);
    // From now on it does nothing: after a minute nothing is left of what it did.
    for (const expected of [0.25, 1 / 6, 0.125, 0.1, 0]) {
      const [now] = cores(await next());
      assert.ok(Math.abs((now ?? 1) - expected) < 1e-9, `${now} instead of ${expected}`);
    }
  });

  it("takes a young container from its start, and a restarted one anew", async () => {
    const { hand, containers, next } = aBench();
    containers.set("young", { startedAt: hand.now() - 10_000, cpuMs: 2_000 });
    assert.deepEqual(cores(await next()), [0.2]);
    containers.set("young", { startedAt: hand.now() + 14_800, cpuMs: 150 });
    assert.deepEqual(cores(await next()), [null], "200 ms are no time to judge by");
    const again = containers.get("young");
    if (again !== undefined) again.cpuMs += 1_500;
    assert.deepEqual(cores(await next()), [0.1]);
  });

  it("goes on past a container that cannot be looked at, and still says how it is", async () => {
    const { hand, containers, next } = aBench();
    const fault = new EngineError({ reason: "engine_down", message: "no answer" });
    containers.set("hidden", { startedAt: hand.now(), cpuMs: 0, fault });
    containers.set("seen", { startedAt: hand.now() - 10_000, cpuMs: 1_000 });
    const [hidden, seen] = (await next()).containers;
    assert.deepEqual([hidden?.usage, hidden?.cores, hidden?.health], [null, null, "ok"]);
    assert.equal(seen?.usage?.memoryBytes, 50 * megabyte);
  });

  it("samples the machine beside its containers, and nothing more once it is stopped", async () => {
    const { hand, next, sampler, samples } = aBench();
    assert.equal((await next()).coresInUse, null);
    const second = await next();
    assert.equal(second.coresInUse, 3);
    assert.equal(second.diskFreeBytes, 7);
    assert.equal(sampler.newest(), second);
    sampler.stop();
    await hand.advance(60_000);
    assert.equal(samples.length, 2);
  });
});

describe("what the kernel says of the machine", () => {
  it("counts what is not idle, and what cannot be had without taking it from somebody", async () => {
    const proc = await mkdtemp(join(tmpdir(), "gantry-proc-"));
    try {
      await writeFile(
        join(proc, "stat"),
        "cpu  100 5 20 5000 300 1 4 10 7 0\ncpu0 50 2 10 2500 150 0 2 5 3 0\ncpu1 50 3 10 2500 150 1 2 5 4 0\nintr 1\n",
      );
      await writeFile(join(proc, "meminfo"), "MemTotal:        8000 kB\nMemFree:          100 kB\nMemAvailable:    5000 kB\n");
      await writeFile(join(proc, "loadavg"), "1.25 0.50 0.10 2/345 6789\n");
      const expected = { cores: 2, cpuMs: 1_400, load: 1.25, memoryBytes: 3_000 * 1024, memoryTotalBytes: 8_000 * 1024 };
      assert.deepEqual(await readMachine(proc), expected);
      await writeFile(join(proc, "meminfo"), "MemTotal: 8000 kB\n");
      assert.equal(await readMachine(proc), null);
    } finally {
      await rm(proc, { recursive: true, force: true });
    }
  });
});
