/**
 * A whole Gantry inside this process, for tests that tell whole journeys in a second: the real server and the real agents over
 * real connections; Slack, GitHub, Jira and the registry are stand-ins, the container engines are in memory.
 */
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { SampleCommit } from "../../../examples/sample-service/history.ts";
import type { FakeEngine, FakeProgram } from "../../docker/fake.ts";
import { callLocally } from "../../http/local-socket.ts";
import { createLog } from "../../log.ts";
import { type RunningServer, startServer } from "../../main.ts";
import { type Environment, readSettings, type Settings } from "../../settings.ts";
import type { RehearsalGitHub } from "../github/server.ts";
import type { RehearsalJira } from "../jira/server.ts";
import type { RehearsalRegistry } from "../registry/server.ts";
import type { SlackWorkspace } from "../slack/workspace.ts";
import { type ServiceOptions, writeFiles } from "./files.ts";
import { createQuickClock, type QuickClock } from "./quick-clock.ts";
import { type QuickHost, startQuickHost } from "./quick-host.ts";
import { environmentOf, startWorld, type WorldOptions } from "./quick-world.ts";

export type QuickStageOptions = WorldOptions & {
  /** How many hosts each environment has. Default: one in staging, three in prod. */
  readonly staging?: number;
  readonly prod?: number;
  readonly service?: ServiceOptions;
  /** GANTRY_DATA; default: inside a temporary folder. */
  readonly data?: string;
};

export type QuickStage = {
  readonly slack: SlackWorkspace;
  readonly github: RehearsalGitHub;
  readonly jira: RehearsalJira;
  readonly registry: RehearsalRegistry;
  readonly clock: QuickClock;
  readonly data: string;
  /** Everything the server and the agents logged, as it would be printed. */
  readonly logged: readonly string[];
  host(name: string): QuickHost;
  /** A new host of the environment is enrolled and connects. */
  join(name: string, environment: string): Promise<QuickHost>;
  /** Host by host what serves there. */
  serving(environment: string): Readonly<Record<string, string>>;
  /** A verb on the server's own machine, as the operating-system user. */
  local(text: string, user?: string): Promise<{ readonly text: string; readonly ok: boolean }>;
  /** A page of the server. */
  page(path: string): Promise<Response>;
  /** The service file as edited; the server reads it when it starts. */
  edit(service: ServiceOptions): void;
  stopServer(): Promise<void>;
  startServer(): Promise<void>;
  /** A new server on the data as they are on the disk at this moment: what the old one does from here on is lost, as by kill -9. */
  killAndStartServer(): Promise<void>;
  /** The registry as the hosts see it. */
  registryDown(down: boolean): void;
  stop(): Promise<void>;
};

/** Waits of the Slack adapter: a journey shows the order of things, not their pace. */
const quick = { postGapMs: 0, editGapMs: 0, editBurst: 10_000, retryMinMs: 5, retryMaxMs: 50, drainMs: 500 } as const;

const programs: Readonly<Record<SampleCommit["behaviour"], FakeProgram>> = {
  good: {},
  unhealthy: {
    healthyAfterMs: null,
    logs: ["reading users from the new database", "fatal: relation users_v2 does not exist"],
  },
  dies: { logs: ["evicting stale sessions", "panic: session map is nil"] },
};

/** Rejects when a part does not start; then nothing is left behind. */
export async function startQuickStage(options: QuickStageOptions = {}): Promise<QuickStage> {
  const undo: (() => unknown)[] = [];
  try {
    return await build(options, undo);
  } catch (error) {
    await takeDown(undo);
    throw error;
  }
}

/** Last made, first removed. */
async function takeDown(undo: (() => unknown)[]): Promise<void> {
  for (const step of undo.splice(0).reverse()) await step();
}

async function build(options: QuickStageOptions, undo: (() => unknown)[]): Promise<QuickStage> {
  // In memory where the machine has such a folder: every commit of the store waits for the disk.
  const dir = mkdtempSync(join(tmpdir(), "gantry-quick-"));
  undo.push(() => rmSync(dir, { recursive: true, force: true }));
  const clock = createQuickClock();
  undo.push(() => clock.stop());
  const world = await startWorld(options, undo);
  const { slack, github, jira, registry } = world;
  const data = options.data ?? join(dir, "data");
  const logged: string[] = [];
  const config = join(dir, "config", "gantry.yml");
  const settings = settingsOf({ ...environmentOf(world, options), GANTRY_CONFIG: config, GANTRY_DATA: data, GANTRY_PORT: "0" });
  const log = createLog({
    level: "debug",
    secrets: settings.secrets,
    destination: { write: (line: string) => void logged.push(line) },
  });
  const hosts = new Map<string, QuickHost>();
  let isDown = false;
  let server: RunningServer | null = null;

  function running(): RunningServer {
    if (server === null) throw new Error("the server does not run");
    return server;
  }

  async function start(): Promise<void> {
    server = await startServer(settings, { clock, log, slackTiming: quick });
    if (options.slackMode === "http") slack.setDelivery({ http: `${server.url}/slack/events` });
    else await slack.connected();
  }

  async function stopServer(): Promise<void> {
    const stopping = server;
    server = null;
    await stopping?.stop();
  }

  function fill(engine: FakeEngine): void {
    for (const { digest, commit } of world.images) {
      engine.registries.push({ repository: `${registry.address}/api`, digest, program: programs[commit.behaviour] });
    }
    if (isDown) engine.registries.setFault(registry.address, "registry_unreachable");
  }

  async function joinHost(name: string, environment: string): Promise<QuickHost> {
    const labels = { env: environment };
    const { token } = await callLocally(data, "enroll", { name, labels });
    const serverPort = () => server?.port ?? 1;
    const facts = { name, labels, token: String(token), folder: join(dir, "agents"), serverPort, clock, log };
    const host = await startQuickHost({ ...facts, onEngine: fill });
    hosts.set(name, host);
    undo.push(() => host.stop());
    while (!host.isConnected()) await new Promise((resolve) => setTimeout(resolve, 1));
    return host;
  }

  function edit(service: ServiceOptions | undefined): void {
    writeFiles({ folder: join(dir, "config"), registry: registry.address, service: serviceOf(service) });
  }

  edit(options.service);
  undo.push(stopServer);
  await start();
  const names = (environment: string, count: number) => Array.from({ length: count }, (_, i) => [environment, i + 1] as const);
  const wanted = [...names("staging", options.staging ?? 1), ...names("prod", options.prod ?? 3)];
  await Promise.all(wanted.map(([environment, number]) => joinHost(`${environment}-${number}`, environment)));

  return {
    ...{ slack, github, jira, registry, clock, data, logged },
    host(name) {
      const found = hosts.get(name);
      if (found === undefined) throw new Error(`there is no host ${name}`);
      return found;
    },
    join: joinHost,
    serving(environment) {
      const here = [...hosts.values()].filter((host) => host.name.startsWith(`${environment}-`));
      return Object.fromEntries(here.map((host) => [host.name, host.serves()]));
    },
    async local(text, user = "root") {
      const answer = await callLocally(data, "verb", { text, user });
      return { text: String(answer["text"]), ok: answer["ok"] === true };
    },
    page: (path) => fetch(`${running().url}${path}`),
    edit,
    stopServer,
    startServer: start,
    async killAndStartServer() {
      const copy = join(dir, "as-it-was");
      // Nobody may hear of what the old one does after this moment.
      for (const host of hosts.values()) host.vanishes();
      cpSync(data, copy, { recursive: true, filter: (path) => !path.endsWith(".sock") });
      await stopServer();
      rmSync(data, { recursive: true });
      cpSync(copy, data, { recursive: true });
      await start();
      for (const host of hosts.values()) host.returns();
    },
    registryDown(down) {
      isDown = down;
      registry.faults.clear();
      if (down) registry.faults.add({ kind: "down" });
      for (const { engine } of hosts.values()) engine.registries.setFault(registry.address, down ? "registry_unreachable" : null);
    },
    stop: () => takeDown(undo),
  };
}

/** Short soaks, so that a journey needs no clock; whoever asks for long ones moves it. */
function serviceOf(service: ServiceOptions | undefined): ServiceOptions {
  return { soak: "20ms", stagingSoak: "20ms", healthDeadline: "1s", ...service };
}

function settingsOf(environment: Environment): Settings {
  const { settings, errors } = readSettings(environment);
  if (errors.length > 0) throw new Error(errors.join("\n"));
  return settings;
}
