/** A simulated host: the real agent over a real connection, on an engine in memory. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { type RunningAgent, startAgent } from "../../agent.ts";
import type { Log } from "../../app/ports.ts";
import { createFakeEngine, type FakeEngine } from "../../docker/fake.ts";
import { marksOf } from "../../host/labels.ts";
import type { QuickClock } from "./quick-clock.ts";
import { startWire } from "./quick-wire.ts";

export type QuickHost = {
  readonly name: string;
  readonly engine: FakeEngine;
  /** The short commit that serves; `nothing`; or all of them when more than one container runs, which must never be. */
  serves(): string;
  /** The container that serves ends by itself, once. */
  crashes(): void;
  /** The next swap waits before this step (`start`, `stop`, `pull` …). Call what it returns to let it go on. */
  waitsBefore(step: string): () => void;
  /** Resolves when a swap stands before the step that was named to `waitsBefore`. */
  stands(step: string): Promise<void>;
  /** The network cable is pulled, and put back. */
  vanishes(): void;
  returns(): void;
  isConnected(): boolean;
  stop(): Promise<void>;
};

export async function startQuickHost(facts: {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly token: string;
  readonly folder: string;
  readonly serverPort: () => number;
  readonly clock: QuickClock;
  readonly log: Log;
  readonly onEngine: (engine: FakeEngine) => void;
}): Promise<QuickHost> {
  const { name, labels, token, folder, clock, log } = facts;
  const engine = createFakeEngine({ clock });
  facts.onEngine(engine);
  const wire = await startWire(facts.serverPort);
  const gates = createGates();
  const released = () => engine.running().filter((state) => (marksOf(state.labels)?.member ?? null) === null);
  mkdirSync(folder, { recursive: true });
  const agent: RunningAgent = await startAgent({
    server: wire.url,
    name,
    labels,
    token,
    stateDir: join(folder, name),
    envDir: folder,
    log,
    clock,
    engine,
    prober: engine.prober,
    failpoint: gates.pass,
    link: { backoff: { firstMs: 5, capMs: 50 } },
  });
  return {
    name,
    engine,
    serves: () =>
      released()
        .map((state) => (marksOf(state.labels)?.commit ?? "").slice(0, 7))
        .join(" and ") || "nothing",
    crashes() {
      const [live] = released();
      if (live === undefined) throw new Error(`nothing runs on ${name}`);
      engine.crash(live.id, 1);
    },
    waitsBefore: gates.close,
    stands: gates.reached,
    vanishes: wire.cut,
    returns: wire.mend,
    isConnected: () => agent.isConnected(),
    async stop() {
      gates.openAll();
      await agent.stop();
      await wire.stop();
    },
  };
}

type Gate = { readonly opened: PromiseWithResolvers<void>; readonly reached: PromiseWithResolvers<void> };

/** Steps of a swap that wait until a test lets them go on. */
function createGates() {
  const gates = new Map<string, Gate>();
  return {
    async pass(name: string): Promise<void> {
      const gate = gates.get(name);
      gate?.reached.resolve();
      await gate?.opened.promise;
    },
    close(step: string): () => void {
      const gate = { opened: Promise.withResolvers<void>(), reached: Promise.withResolvers<void>() };
      gates.set(`before:${step}`, gate);
      return () => {
        gates.delete(`before:${step}`);
        gate.opened.resolve();
      };
    },
    reached(step: string): Promise<void> {
      return gates.get(`before:${step}`)?.reached.promise ?? Promise.reject(new Error(`nothing waits before ${step}`));
    },
    openAll(): void {
      for (const gate of gates.values()) gate.opened.resolve();
      gates.clear();
    },
  };
}
