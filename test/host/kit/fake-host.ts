import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../../src/app/clock.ts";
import type { Clock } from "../../../src/app/ports.ts";
import type { ContainerSpec } from "../../../src/core/release.ts";
import type { DesiredPicture, DesiredSlot, ObservedPicture, ObservedSlot, PrepareImage } from "../../../src/core/slot.ts";
import { createFakeEngine, type FakeEngine, type FakeProgram } from "../../../src/docker/fake.ts";
import { createHost, type Host } from "../../../src/host/host.ts";
import type { Failpoint } from "../../../src/host/slot-worker.ts";
import { openState } from "../../../src/host/state.ts";
import { plainTools, type SwapTools } from "../../../src/host/swap-tools.ts";
import { eventually } from "../../kit/eventually.ts";
import { spec } from "./orders.ts";
import { silent } from "./real-host.ts";

export const repository = "registry.test/api";

/** A host whose engine is in memory: the whole agent but the wire. */
export type FakeHost = {
  readonly engine: FakeEngine;
  readonly dir: string;
  /** What was reported, in order, without repetitions: `g2 checking`. */
  readonly steps: string[];
  /** Likewise the health of what serves: `r1 ok`. */
  readonly healths: string[];
  start(failpoint?: Failpoint): Promise<void>;
  /** As SIGKILL would: nothing of this agent does anything any more. */
  kill(): void;
  stop(): Promise<void>;
  push(name: string, program?: FakeProgram): string;
  order(slots: readonly DesiredSlot[], more?: Partial<DesiredPicture>): ReturnType<Host["obey"]>;
  prepare(images: readonly PrepareImage[]): void;
  observed(): ObservedPicture;
  settled(generation: number): Promise<ObservedSlot>;
  /** Waits until the slot has nothing more to do: what runs, and what is kept, as `r2 running`, `r1 kept`, `metrics r1 running`. */
  atRest(wanted: readonly string[]): Promise<void>;
  cleanUp(): Promise<void>;
};

export async function fakeHost(clock: Clock = systemClock, swaps: SwapTools = plainTools): Promise<FakeHost> {
  const dir = await mkdtemp(join(tmpdir(), "gantry-host-"));
  const engine = createFakeEngine({ clock });
  const steps: string[] = [];
  const healths: string[] = [];
  let host: Host | null = null;
  let release: () => void = () => undefined;
  let orders: DesiredPicture = { epoch: 1, serverId: "server-1", slots: [], prepare: [] };

  const fake: FakeHost = {
    engine,
    dir,
    steps,
    healths,
    async start(failpoint = () => undefined) {
      const state = await openState(dir);
      release = () => state.lock.release();
      let mine: Host | null = null;
      mine = createHost({
        engine,
        prober: engine.prober,
        clock,
        log: silent,
        state,
        swaps,
        serverId: () => "server-1",
        envDir: join(dir, "env"),
        bootId: "boot-1",
        agentVersion: "test",
        failpoint,
        random: () => 0.5,
        onChange: () => note(mine),
      });
      host = mine;
    },
    kill() {
      // Its timers must not keep the test alive. What it was doing it never finishes: the failpoint holds it.
      void host?.stop();
      release();
      release = () => undefined;
      host = null;
    },
    async stop() {
      await host?.stop();
      fake.kill();
    },
    push(name, program = {}) {
      const digest = `sha256:${Buffer.from(name).toString("hex").padEnd(64, "0").slice(0, 64)}`;
      engine.registries.push({ repository, digest, program });
      return digest;
    },
    order(slots, more = {}) {
      orders = { ...orders, ...more, slots };
      return (host as Host).obey(orders);
    },
    prepare(prepare) {
      orders = { ...orders, prepare };
      (host as Host).obey(orders);
    },
    observed: () => (host as Host).observed(),
    async settled(generation) {
      return await eventually(() => {
        const slot = fake.observed().slots.find((s) => s.generation === generation && s.outcome !== null);
        if (slot === undefined)
          throw new Error(`generation ${generation} has not ended: ${JSON.stringify(fake.observed().slots)}`);
        return slot;
      }, 5_000);
    },
    async atRest(wanted) {
      await eventually(async () => {
        const found = await containersOf(engine);
        if (JSON.stringify(found) !== JSON.stringify(wanted))
          throw new Error(`${found.join(", ")} instead of ${wanted.join(", ")}`);
      }, 5_000);
    },
    async cleanUp() {
      await fake.stop();
      engine.setDown(false);
      for (const { id } of await engine.list()) await engine.remove(id);
      await rm(dir, { recursive: true, force: true, maxRetries: 5 });
    },
  };

  function note(from: Host | null): void {
    // A killed agent reports nothing.
    if (from === null || from !== host) return;
    for (const slot of from.observed().slots) {
      const line = `g${slot.generation} ${slot.step}`;
      if (steps.at(-1) !== line) steps.push(line);
      const health = slot.live === null ? "nothing" : `r${slot.live.release} ${slot.live.health}`;
      if (healths.at(-1) !== health) healths.push(health);
    }
  }
  return fake;
}

async function containersOf(engine: FakeEngine): Promise<string[]> {
  const states = await engine.list();
  const words = states.map(({ labels, status, restartPolicy }) => {
    const name = labels["gantry.member"] === undefined ? "" : `${labels["gantry.member"]} `;
    const what =
      labels["gantry.role"] === "previous" ? "kept" : restartPolicy === "unless-stopped" ? status : `${status} unpromoted`;
    return `${name}${labels["gantry.release"]} ${what}`;
  });
  return words.sort();
}

/** An order for one slot of a fake host; api/prod unless said. */
export function want(facts: {
  generation: number;
  release?: number;
  digest: string;
  service?: string;
  deadlineMs?: number;
  container?: Partial<ContainerSpec>;
}): DesiredSlot {
  const { generation, digest, service = "api", deadlineMs = 300 } = facts;
  const number = facts.release ?? generation;
  const container = { image: repository, stopGraceMs: 50, ...facts.container };
  const release = {
    number,
    digest,
    commit: `c${number}`,
    mirrors: ["mirror.test/api"],
    spec: spec(container, { deadlineMs, intervalMs: 100 }),
  };
  return { service, environment: "prod", generation, rollout: generation, release };
}
