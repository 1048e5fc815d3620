/**
 * A Gantry whose server is a process of its own that can be killed, frozen and starved; Slack and the registry are stand-ins on
 * sockets, the agents speak the real protocol from inside this process, their engines are in memory. The server's time passes faster,
 * so that what it allows minutes for is over in seconds.
 */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type RunningAgent, startAgent } from "../../../src/agent.ts";
import { systemClock } from "../../../src/app/clock.ts";
import type { Log } from "../../../src/app/ports.ts";
import { createFakeEngine, type FakeEngine } from "../../../src/docker/fake.ts";
import { callLocally } from "../../../src/http/local-socket.ts";
import { systemEnvironment } from "../../../src/rehearsal/fleet/run.ts";
import { type RehearsalRegistry, startRegistry } from "../../../src/rehearsal/registry/server.ts";
import { type SlackWorkspace, startSlackWorkspace } from "../../../src/rehearsal/slack/workspace.ts";
import { type ServiceOptions, writeFiles } from "../../../src/rehearsal/stage/files.ts";
import { type Running, watch } from "../../../src/rehearsal/stage/process.ts";
import { eventually } from "../../kit/eventually.ts";
import { inherited } from "../../kit/inherited.ts";
import { type Relay, startRelay } from "./relay.ts";

export const services = ["api", "web"] as const;
export const hostNames = ["staging-1", "prod-1", "prod-2"] as const;
export type HostName = (typeof hostNames)[number];

/** What an agent was told of one slot, as it was told. */
export type Goal = {
  readonly host: HostName;
  readonly serverId: string;
  readonly epoch: number;
  readonly service: string;
  readonly environment: string;
  readonly generation: number;
  readonly rollout: number;
  readonly release: number | null;
};

export type ProcessHost = {
  readonly name: HostName;
  readonly engine: FakeEngine;
  readonly relay: Relay;
  isConnected(): boolean;
  /** How many pictures of what should be it was sent so far. */
  pictures(): number;
  /** The next swap stands still before its new container starts, until the returned function is called. Resolves when one stands there. */
  holdSwap(): { readonly stands: Promise<void>; goOn(): void };
};

export type StageFacts = {
  /** GANTRY_DATA; default: in the stage's own folder. */
  readonly data?: string;
  /** How much faster the server's time passes. Default 10. */
  readonly speed?: number;
  readonly service?: ServiceOptions;
};

export type LaunchOptions = {
  /** From its very start. */
  readonly failpoint?: string;
  /** Other data than the stage's. */
  readonly data?: string;
  /** As `gantry server` starts it, without any of what rehearsals add. */
  readonly plain?: boolean;
  /** Another command of the CLI than `server`; with `plain`. */
  readonly command?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
};

export type ProcessStage = {
  readonly slack: SlackWorkspace;
  readonly registry: RehearsalRegistry;
  readonly dir: string;
  readonly data: string;
  /** Every goal that an agent was told, each once. */
  readonly told: readonly Goal[];
  /** Full commits that have an image in both services' repositories. */
  readonly commits: readonly string[];
  server(): Running;
  /** Resolves when it is up. Rejects when it ends before. */
  startServer(options?: LaunchOptions): Promise<Running>;
  /** A server process, whatever becomes of it. */
  launch(options?: LaunchOptions): Running;
  /** It was never meant to be the server of this stage. */
  forget(server: Running): void;
  /** The server kills itself at this point (`name`, or `name 3` for the third time), from now on. */
  failAt(point: string): void;
  host(name: HostName): ProcessHost;
  /** Resolves when the agents (of these hosts; default all) are connected. */
  connected(names?: readonly HostName[]): Promise<void>;
  /** Where the agents find the server from their next connection on. */
  pointAgentsAt(port: number): void;
  portOf(server: Running): number;
  stop(): Promise<void>;
};

const failingServer = fileURLToPath(new URL("../../../src/rehearsal/stage/failing-server.ts", import.meta.url));
const cli = fileURLToPath(new URL("../../../src/cli.ts", import.meta.url));
const silent: Log = { debug() {}, info() {}, warn() {}, error() {} };
const commitCount = 500;

/** Waits of the Slack adapter: who is killed every second has no time for the pace of Slack. */
const slackTiming = { postGapMs: 0, editGapMs: 0, editBurst: 100_000, retryMinMs: 5, retryMaxMs: 500, drainMs: 2_000 };

export async function startProcessStage(facts: StageFacts = {}): Promise<ProcessStage> {
  const undo: (() => unknown)[] = [];
  try {
    return await build(facts, undo);
  } catch (error) {
    await takeDown(undo);
    throw error;
  }
}

/** Last made, first removed. What cannot be removed does not keep the rest. */
async function takeDown(undo: (() => unknown)[]): Promise<void> {
  for (const step of undo.splice(0).reverse()) {
    try {
      await step();
    } catch (error) {
      console.error(`clean-up: ${error}`);
    }
  }
}

async function build(facts: StageFacts, undo: (() => unknown)[]): Promise<ProcessStage> {
  const dir = mkdtempSync(join(tmpdir(), "gantry-faults-"));
  undo.push(() => rmSync(dir, { recursive: true, force: true }));
  const registry = await startRegistry();
  undo.push(() => registry.stop());
  const slack = await startSlackWorkspace({ rateLimits: false });
  undo.push(() => slack.stop());
  const images = pushImages(registry);
  const config = writeConfig({ folder: join(dir, "config"), registry: registry.address, service: facts.service ?? {} });
  const data = facts.data ?? join(dir, "data");
  const clock = JSON.stringify({ speed: facts.speed ?? 10, since: Date.now() });
  /** The newest is the last. */
  const servers: Running[] = [];
  let launched = 0;
  let agentsDial = 1;

  function launch(options: LaunchOptions = {}): Running {
    const env = {
      ...systemEnvironment(),
      ...inherited(),
      HOME: dir,
      GANTRY_CONFIG: config,
      GANTRY_DATA: options.data ?? data,
      GANTRY_PORT: "0",
      LOG_LEVEL: "info",
      SLACK_BOT_TOKEN: slack.botToken,
      SLACK_APP_TOKEN: slack.appToken,
      SLACK_API_URL: slack.apiUrl,
      GANTRY_REHEARSAL_CLOCK: clock,
      GANTRY_REHEARSAL_SLACK: JSON.stringify(slackTiming),
      GANTRY_REHEARSAL_FAILPOINT: options.failpoint ?? "",
      ...options.env,
    };
    const running = watch(
      spawn(process.execPath, options.plain ? [cli, ...(options.command ?? ["server"])] : [failingServer], { env }),
      join(dir, `server-${launched++}.log`),
    );
    // Whoever was killed takes no more orders.
    running.child.stdin?.on("error", () => undefined);
    servers.push(running);
    return running;
  }

  async function startServer(options: LaunchOptions = {}): Promise<Running> {
    const running = launch(options);
    await running.prints("gantry is up", 30_000);
    if (options.data === undefined) agentsDial = portOf(running);
    return running;
  }

  undo.push(() => Promise.all(servers.map((each) => each.stop("SIGKILL"))));
  await startServer();
  const told: Goal[] = [];
  const hosts = new Map<HostName, ProcessHost>();
  const onGoal = rememberOnce(told);
  for (const name of hostNames) {
    const { token } = await callLocally(data, "enroll", { name, labels: { env: name.split("-")[0] } });
    const place = { folder: join(dir, "agents"), registry: registry.address, serverPort: () => agentsDial };
    hosts.set(name, await startHost({ name, token: String(token), ...place, images, onGoal, undo }));
  }
  const connected = (names: readonly HostName[] = hostNames) =>
    eventually(() => {
      for (const name of names) if (hosts.get(name)?.isConnected() !== true) throw new Error(`${name} is not connected`);
    }, 20_000);
  await connected();
  await slack.connected();

  return {
    ...{ slack, registry, dir, data, told, connected, launch, startServer, portOf },
    commits: images.map((image) => image.commit),
    server: () => servers.at(-1) as Running,
    failAt: (point) => void servers.at(-1)?.child.stdin?.write(`${point}\n`),
    forget: (server) => void servers.splice(servers.indexOf(server), 1),
    host(name) {
      const found = hosts.get(name);
      if (found === undefined) throw new Error(`there is no host ${name}`);
      return found;
    },
    pointAgentsAt(port) {
      agentsDial = port;
    },
    stop: () => takeDown(undo),
  };
}

function portOf(server: Running): number {
  const port = Number(/"port":(\d+)/.exec(server.output())?.[1]);
  if (!(port > 0)) throw new Error("the server has not said its port");
  return port;
}

/** One commit, and the digest of its image in each service's repository. */
type Image = { readonly commit: string; readonly digests: Readonly<Record<string, string>> };

function pushImages(registry: RehearsalRegistry): Image[] {
  return Array.from({ length: commitCount }, (_, index) => {
    const commit = createHash("sha1").update(`commit ${index}`).digest("hex");
    const push = (repository: string) => registry.push({ repository, tag: commit, content: `${repository} ${commit}` });
    return { commit, digests: Object.fromEntries(services.map((service) => [service, push(service)])) };
  });
}

/** Two services that differ in their name and their port. */
function writeConfig(facts: { folder: string; registry: string; service: ServiceOptions }): string {
  const people = [
    "  deployers: { users: [U0ANA, U0BO], local: [root] }",
    "  release-captains: { users: [U0BO] }",
    "  oncall: { users: [U0EVA], local: [root] }",
  ];
  const service = { soak: "2s", stagingSoak: "1s", batch: "1", hostDeadline: "20s", people, ...facts.service };
  const file = writeFiles({ folder: facts.folder, registry: facts.registry, service });
  const api = readFileSync(join(facts.folder, "services", "api.yml"), "utf8");
  const web = api
    .replace("name: api", "name: web")
    .replace("  api:\n", "  web:\n")
    .replace(`${facts.registry}/api`, `${facts.registry}/web`)
    .replaceAll(":8080/", ":8081/");
  writeFileSync(join(facts.folder, "services", "web.yml"), web);
  return file;
}

function rememberOnce(told: Goal[]): (goal: Goal) => void {
  const known = new Set<string>();
  return (goal) => {
    const text = JSON.stringify(goal);
    if (known.has(text)) return;
    known.add(text);
    told.push(goal);
  };
}

async function startHost(facts: {
  name: HostName;
  token: string;
  folder: string;
  registry: string;
  serverPort: () => number;
  images: readonly Image[];
  onGoal: (goal: Goal) => void;
  undo: (() => unknown)[];
}): Promise<ProcessHost> {
  const { name, token, folder, registry, serverPort, images, onGoal, undo } = facts;
  const engine = createFakeEngine({ clock: systemClock });
  for (const { digests } of images) {
    for (const [service, digest] of Object.entries(digests)) {
      const port = service === "web" ? 8081 : 8080;
      engine.registries.push({ repository: `${registry}/${service}`, digest, program: { port } });
    }
  }
  let pictures = 0;
  const relay = await startRelay({
    serverPort,
    onDesired(picture) {
      pictures += 1;
      const { serverId, epoch } = picture;
      for (const { service, environment, generation, rollout, release } of picture.slots) {
        onGoal({ host: name, serverId, epoch, service, environment, generation, rollout, release: release?.number ?? null });
      }
    },
  });
  undo.push(() => relay.stop());
  mkdirSync(folder, { recursive: true });
  const gate = createGate();
  const agent: RunningAgent = await startAgent({
    ...{ server: relay.url, name, token, engine, prober: engine.prober, log: silent },
    labels: { env: name.split("-")[0] ?? "" },
    stateDir: join(folder, name),
    envDir: folder,
    link: { backoff: { firstMs: 20, capMs: 200 } },
    failpoint: (point) => (point === "before:start" ? gate.pass() : undefined),
  });
  undo.push(() => agent.stop());
  undo.push(gate.open);
  return { name, engine, relay, isConnected: () => agent.isConnected(), pictures: () => pictures, holdSwap: gate.close };
}

function createGate() {
  let opened = Promise.resolve();
  let reached = () => {};
  let open = () => {};
  return {
    async pass(): Promise<void> {
      reached();
      await opened;
    },
    close() {
      const [here, way] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
      opened = way.promise;
      reached = here.resolve;
      open = way.resolve;
      return { stands: here.promise, goOn: open };
    },
    open: () => open(),
  };
}
