/** One real host with an agent, HAProxy and a small service: what the ways to swap are compared on. */
import type { ChildProcess } from "node:child_process";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { DesiredSlot, ObservedSlot } from "../../src/core/slot.ts";
import type { SwapSpec } from "../../src/core/swap.ts";
import type { Lab, LabHost } from "../../src/rehearsal/fleet/lab.ts";
import { order } from "../host/kit/orders.ts";
import { type RealHost, realHost, startTestServer } from "../host/kit/real-host.ts";

export type Strategy = "plain" | "gate" | "hold" | "proxy" | "reuse-port";

export type StrategyHost = {
  readonly lab: LabHost;
  readonly agent: RealHost;
  readonly haproxySocket: string;
  /** The service's program, on the host. */
  readonly program: string;
  /** Where the service's clients ask, whatever the strategy. */
  readonly url: string;
  /** Orders a release by this strategy and resolves with what came of it. */
  swap(strategy: Strategy, release: 1 | 2): Promise<ObservedSlot>;
  /** Nothing runs any more, and the agent gates or does not. */
  begin(strategy: Strategy): Promise<void>;
  /** Connections that wait for a listener which closes go to another one on its port. */
  handOn(): Promise<void>;
  stop(): Promise<void>;
};

const run = promisify(execFile);
const ports = [18_080, 18_081] as const;

export async function startStrategyHost(facts: {
  lab: Lab;
  host: LabHost;
  repository: string;
  /** Of two releases of the sample service. */
  digests: readonly [string, string];
}): Promise<StrategyHost> {
  const { lab, host, repository, digests } = facts;
  const service = await buildService(host.dir);
  const haproxySocket = join(host.dir, "haproxy.sock");
  const haproxy = haproxyOn(host, haproxySocket);
  const server = await startTestServer(lab.bridgeAddress);
  let agent: RealHost | null = null;
  let gates: boolean | null = null;
  let generation = 0;

  async function useAgent(gate: boolean): Promise<RealHost> {
    if (agent !== null && gates === gate) return agent;
    await agent?.end();
    agent = realHost(host, server, { gate });
    gates = gate;
    await agent.start();
    return agent;
  }

  function orderOf(strategy: Strategy, release: 1 | 2): DesiredSlot {
    generation += 1;
    const port = portOf(strategy);
    const environment: Record<string, string> = { PORT: String(port), RELEASE: `r${release}` };
    if (strategy === "reuse-port") environment["REUSE_PORT"] = "1";
    const volumes = [{ source: service, target: "/service", readOnly: true }];
    const container = { image: repository, entrypoint: ["/service"], volumes, environment, stopGraceMs: 5_000 };
    const health = { probe: { kind: "http", url: `http://127.0.0.1:${port}/healthz` }, deadlineMs: 20_000 } as const;
    const slot = order({ generation, release, digest: digests[release - 1] ?? "", container, health });
    const swap = swapOf(strategy, haproxySocket);
    const wanted = slot.release;
    if (swap === null || wanted === null) return slot;
    return { ...slot, release: { ...wanted, spec: { ...wanted.spec, swap } } };
  }

  async function carryOut(slot: DesiredSlot): Promise<ObservedSlot> {
    const mine = await useAgent(gates ?? true);
    return await mine.carryOut(slot, 60_000);
  }

  await useAgent(true);
  return {
    lab: host,
    get agent() {
      if (agent === null) throw new Error("no agent");
      return agent;
    },
    haproxySocket,
    program: service,
    url: `http://${host.address}:8080/`,
    swap: (strategy, release) => carryOut(orderOf(strategy, release)),
    async begin(strategy) {
      await useAgent(strategy !== "plain");
      generation += 1;
      await carryOut({ service: "api", environment: "prod", generation, rollout: generation, release: null });
      await haproxy.use(strategy === "proxy");
    },
    async handOn() {
      await once(host.spawn("sh", ["-c", "echo 1 > /proc/sys/net/ipv4/tcp_migrate_req"], { stdio: "ignore" }), "exit");
    },
    async stop() {
      await agent?.end();
      await server.stop();
      await haproxy.use(false);
    },
  };
}

/** HAProxy has port 8080 while it is the one in front; otherwise the service has it itself. */
function portOf(strategy: Strategy): number {
  return strategy === "proxy" ? ports[0] : 8_080;
}

function swapOf(strategy: Strategy, socket: string): SwapSpec | null {
  switch (strategy) {
    case "plain":
    case "gate":
      return null;
    case "hold":
      return { kind: "hold", port: 8_080, mostMs: 5_000 };
    case "proxy": {
      const proxy = { kind: "haproxy", socket, backend: "api", servers: ["blue", "green"] } as const;
      return { kind: "proxy", proxy, ports, variable: "PORT", drainMs: 10_000 };
    }
    case "reuse-port":
      return { kind: "reuse-port" };
  }
}

async function buildService(dir: string): Promise<string> {
  const source = fileURLToPath(new URL("service/service.c", import.meta.url));
  const file = join(dir, "service");
  await run("gcc", ["-static", "-Os", "-s", "-o", file, source]);
  return file;
}

/** In front of two ports. It runs while it is asked for, because other strategies give its own port to the service. */
function haproxyOn(host: LabHost, socket: string) {
  let child: ChildProcess | null = null;
  const config = join(host.dir, "haproxy.cfg");
  writeFileSync(config, haproxyConfig(socket));

  async function start(): Promise<void> {
    child = host.spawn("haproxy", ["-db", "-f", config], { stdio: "ignore" });
    while (!existsSync(socket)) await sleep(10);
  }

  async function stop(mine: ChildProcess): Promise<void> {
    child = null;
    const ended = once(mine, "exit");
    mine.kill("SIGTERM");
    await ended;
    rmSync(socket, { force: true });
  }

  return {
    async use(wanted: boolean): Promise<void> {
      if (wanted && child === null) await start();
      if (!wanted && child !== null) await stop(child);
    },
  };
}

function haproxyConfig(socket: string): string {
  return `global
  stats socket ${socket} mode 600 level admin
defaults
  mode http
  timeout connect 2s
  timeout client 10s
  timeout server 10s
frontend clients
  bind :8080
  default_backend api
backend api
  option httpchk GET /healthz
  option redispatch
  server blue 127.0.0.1:${ports[0]} check inter 200ms
  server green 127.0.0.1:${ports[1]} check inter 200ms
`;
}
