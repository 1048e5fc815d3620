import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { systemClock } from "../../../src/app/clock.ts";
import type { Clock, Log } from "../../../src/app/ports.ts";
import type { DesiredSlot, ObservedSlot } from "../../../src/core/slot.ts";
import { createFleetHub, type FleetHub, type HubOptions } from "../../../src/fleet/hub.ts";
import type { LabHost } from "../../../src/rehearsal/fleet/lab.ts";
import { systemEnvironment } from "../../../src/rehearsal/fleet/run.ts";
import { inherited } from "../../kit/inherited.ts";
import type { ProcessOptions } from "./agent-main.ts";
import { createTestDesk, type TestDesk } from "./desk.ts";

export const silent: Log = { debug() {}, info() {}, warn() {}, error() {} };

/** A hub on an address of this machine, with a desk for tests behind it. */
export type TestServer = {
  readonly url: string;
  readonly desk: TestDesk;
  readonly hub: FleetHub;
  stop(): Promise<void>;
};

type ServerOptions = {
  readonly heartbeatMs?: number;
  readonly deadMs?: number;
  readonly port?: number;
  readonly clock?: Clock;
  readonly log?: Log;
} & Pick<HubOptions, "answerers" | "onUsage">;

export async function startTestServer(address: string, options: ServerOptions = {}): Promise<TestServer> {
  const { port = 0, ...timing } = options;
  const desk = createTestDesk();
  const hub = createFleetHub({ desk, log: silent, clock: systemClock, rivalMs: 300, handshakeMs: 500, ...timing });
  const server = http.createServer();
  server.on("upgrade", (request, socket, head) => hub.handleUpgrade(request, socket, head));
  server.listen({ port, host: address, backlog: 4_096 });
  await once(server, "listening");
  return {
    desk,
    hub,
    url: `http://${address}:${(server.address() as AddressInfo).port}`,
    async stop() {
      await hub.stop();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** The agent on a lab host, as a real process, ordered about through a real connection. */
export type RealHost = {
  readonly lab: LabHost;
  readonly desk: TestDesk;
  /** Everything the agent has logged, as lines. */
  readonly log: string[];
  start(): Promise<void>;
  /** From now on the agent kills itself at this point; null for nowhere. */
  dieAt(point: string | null): void;
  /** Resolves with the signal that ended the process. */
  died(): Promise<NodeJS.Signals | null>;
  end(signal?: NodeJS.Signals): Promise<void>;
  /** Sends the agent's process a signal that does not end it. */
  signal(signal: "SIGSTOP" | "SIGCONT"): void;
  tell(slot: DesiredSlot): void;
  /** Gives the order and resolves with its outcome. */
  carryOut(slot: DesiredSlot, deadlineMs?: number): Promise<ObservedSlot>;
  /** `live r2 running` lines of `docker ps -a`, sorted. */
  containers(): Promise<string[]>;
};

const agentMain = fileURLToPath(new URL("agent-main.ts", import.meta.url));

export function realHost(lab: LabHost, server: TestServer, options: Partial<ProcessOptions> = {}): RealHost {
  const { desk, hub } = server;
  const { name } = lab;
  const log: string[] = [];
  const dieFile = join(lab.dir, "die-at");
  let child: ChildProcess | null = null;
  let exited: Promise<NodeJS.Signals | null> = Promise.resolve(null);

  const host: RealHost = {
    lab,
    desk,
    log,
    async start() {
      const token = `gnt_${name}_${Math.random()}`;
      desk.tokens.set(token, { name });
      const all: ProcessOptions = {
        server: server.url,
        name,
        labels: { env: "prod" },
        dockerHost: `unix://${lab.dockerSocket}`,
        stateDir: join(lab.dir, "agent"),
        envDir: join(lab.dir, "env"),
        token,
        link: { backoff: { firstMs: 20, capMs: 100 } },
        dieFile,
        ...options,
      };
      const env = { ...systemEnvironment(), ...inherited() };
      const mine = lab.spawn(process.execPath, [agentMain, JSON.stringify(all)], { stdio: ["ignore", "pipe", "pipe"], env });
      child = mine;
      for (const stream of [mine.stdout, mine.stderr]) stream?.on("data", (data) => log.push(...String(data).trim().split("\n")));
      let isOver = false;
      exited = once(mine, "exit").then(([, signal]) => {
        isOver = true;
        return signal;
      });
      const connections = desk.connections.length;
      await until(() => isOver || (desk.connections.length > connections && hub.isConnected(name)));
    },
    dieAt: (point) => (point === null ? rmSync(dieFile, { force: true }) : writeFileSync(dieFile, point)),
    died: () => exited,
    async end(signal = "SIGTERM") {
      child?.kill(signal);
      await exited;
      child = null;
    },
    signal: (signal) => void child?.kill(signal),
    tell(slot) {
      desk.desire(name, slot);
      hub.nudge(name);
    },
    async carryOut(slot, deadlineMs) {
      host.tell(slot);
      return await desk.settled(name, slot.generation, deadlineMs);
    },
    async containers() {
      const format = '{{.Label "gantry.role"}} {{.Label "gantry.release"}} {{.State}}';
      const lines = await lab.docker("ps", "-a", "--filter", "label=gantry.service", "--format", format);
      return lines.split("\n").filter(Boolean).sort();
    },
  };
  return host;
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}
