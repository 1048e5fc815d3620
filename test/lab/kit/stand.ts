/** One agent per lab host, ordered about by a test's server, with the watcher looking on. */
import assert from "node:assert/strict";
import { after, before } from "node:test";
import type { DesiredSlot, ObservedSlot, SwapOutcome } from "../../../src/core/slot.ts";
import { order } from "../../host/kit/orders.ts";
import { type RealHost, realHost, startTestServer, type TestServer } from "../../host/kit/real-host.ts";
import { eventually } from "../../kit/eventually.ts";
import { sampleCommit, testLab } from "../../kit/lab.ts";
import { type Watcher, watchHosts } from "./watcher.ts";

type Order = Parameters<typeof order>[0];

/** Agent and server miss each other, and the agent its engine, after so long: minutes would show nothing more. */
const missedAfterMs = 1_000;

export type Stand = {
  readonly server: TestServer;
  readonly watcher: Watcher;
  readonly lab: ReturnType<typeof testLab>;
  host(name?: string): RealHost;
  /** The next order for api/prod, whose digest the watcher takes for approved. */
  next(commit: string, changes?: Partial<Omit<Order, "generation" | "digest">>): DesiredSlot;
  /** A request from outside is answered by this build. */
  answers(commit: string, host?: string): Promise<void>;
  /** Exactly these `live r2 running` lines, soon. */
  holds(lines: readonly string[], host?: string): Promise<void>;
};

/** Call it once, at the top of a describe. `engineOf`: what the agent takes for its engine, when not the engine itself. */
export function labStand(
  names: readonly string[],
  options: { readonly engineOf?: (host: { dockerSocket: string }) => Promise<string>; readonly callMs?: number } = {},
): Stand {
  const lab = testLab(...names);
  let server: TestServer;
  let watcher: Watcher;
  const hosts = new Map<string, RealHost>();
  let generation = 0;

  before(async () => {
    const timing = { heartbeatMs: 200, deadMs: missedAfterMs };
    server = await startTestServer(lab.lab.bridgeAddress, timing);
    watcher = watchHosts(lab.lab.hosts);
    await Promise.all(
      lab.lab.hosts.map(async (machine) => {
        const socket = (await options.engineOf?.(machine)) ?? machine.dockerSocket;
        const link = { backoff: { firstMs: 20, capMs: 100 }, ...timing };
        const callMs = options.callMs ?? 3_000;
        const host = realHost(machine, server, { callMs, dockerHost: `unix://${socket}`, link });
        hosts.set(machine.name, host);
        await host.start();
        assert.ok(server.hub.isConnected(machine.name), `the agent did not come: ${host.log.slice(-5).join("\n")}`);
      }),
    );
  });
  after(async () => {
    await Promise.all([...hosts.values()].map((host) => host.end("SIGKILL")));
    await server?.stop();
    await watcher?.stop();
  });

  const first = () => names[0] as string;
  const stand: Stand = {
    get server() {
      return server;
    },
    get watcher() {
      return watcher;
    },
    lab,
    host: (name = first()) => hosts.get(name) as RealHost,
    next(commit, changes = {}) {
      generation += 1;
      const digest = lab.digest(sampleCommit(commit));
      watcher.approve(digest);
      const container = { image: lab.repository, ...changes.container };
      return order({ ...changes, generation, digest, container, health: { deadlineMs: 8_000, ...changes.health } });
    },
    async answers(commit, host = first()) {
      await eventually(async () => {
        assert.match((await stand.host(host).lab.fetch("/")).body, new RegExp(sampleCommit(commit).sha));
      });
    },
    async holds(lines, host = first()) {
      await eventually(async () => assert.deepEqual(await stand.host(host).containers(), lines), 20_000);
    },
  };
  return stand;
}

export function succeeded(slot: ObservedSlot): ObservedSlot {
  assert.equal(slot.outcome?.ok, true, JSON.stringify(slot));
  return slot;
}

export function failureOf(slot: ObservedSlot): Extract<SwapOutcome, { ok: false }> {
  assert.equal(slot.outcome?.ok, false, JSON.stringify(slot));
  return slot.outcome as Extract<SwapOutcome, { ok: false }>;
}
