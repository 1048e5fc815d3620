/**
 * A whole Gantry on one machine, every part real but the three companies: Docker hosts of their own, a registry, the
 * server and the agents as processes, and stand-ins for Slack, GitHub and Jira. The demo and the journeys share it.
 */
import { execFile, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { sampleHistory } from "../../../examples/sample-service/history.ts";
import { callLocally } from "../../http/local-socket.ts";
import { buildSampleImages } from "../fleet/images.ts";
import { type Lab, startLab } from "../fleet/lab.ts";
import { systemEnvironment } from "../fleet/run.ts";
import { type RehearsalGitHub, startGitHub } from "../github/server.ts";
import { type RehearsalJira, startJira } from "../jira/server.ts";
import { type SlackWorkspace, startSlackWorkspace } from "../slack/workspace.ts";
import { type ServiceOptions, writeFiles } from "./files.ts";
import { type Running, watch } from "./process.ts";
import { sampleTickets } from "./tickets.ts";

export type StageOptions = {
  readonly hosts: readonly { readonly name: string; readonly labels: Readonly<Record<string, string>> }[];
  readonly service?: ServiceOptions;
  /** Keeps pushed images between starts. */
  readonly cacheDir?: string;
  readonly slackPort?: number;
  /** Default: on. */
  readonly slackRateLimits?: boolean;
  /** Default: both run. */
  readonly links?: boolean;
  readonly onProgress?: (line: string) => void;
  /** For every process of it, beside what it needs. */
  readonly env?: Readonly<NodeJS.ProcessEnv>;
};

export type Stage = {
  readonly lab: Lab;
  readonly slack: SlackWorkspace;
  readonly github: RehearsalGitHub;
  readonly jira: RehearsalJira;
  readonly dir: string;
  /** The commit that begins like this has this image. */
  readonly digests: ReadonlyMap<string, string>;
  server(): Running;
  /** Starts the server (again) on the same data. `failing`: one that `failAt` can be told to. */
  startServer(options?: { readonly failing?: boolean; readonly env?: Readonly<Record<string, string>> }): Promise<void>;
  /** The failing server kills itself at this point, from now on. */
  failAt(point: string): void;
  startAgent(host: string, options?: { readonly failpoint?: string }): Promise<Running>;
  agent(host: string): Running;
  /** The CLI on the server's data. Never rejects. */
  gantry(...args: string[]): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }>;
  serverUrl(): string;
  stop(): Promise<void>;
};

const cli = fileURLToPath(new URL("../../cli.ts", import.meta.url));
const repositoryName = "acme/api";

export async function startStage(options: StageOptions): Promise<Stage> {
  const progress = options.onProgress ?? (() => undefined);
  const dir = mkdtempSync(join(tmpdir(), "gantry-stage-"));
  const undo: (() => Promise<unknown>)[] = [async () => rmSync(dir, { recursive: true, force: true })];
  try {
    return await build(options, { dir, progress, undo });
  } catch (error) {
    await takeDown(undo);
    throw error;
  }
}

/** Last made, first removed. What cannot be removed does not keep the rest. */
async function takeDown(undo: (() => Promise<unknown>)[]): Promise<void> {
  for (const step of undo.splice(0).reverse()) await step().catch((error: unknown) => console.error(`clean-up: ${error}`));
}

async function build(
  options: StageOptions,
  base: { dir: string; progress: (line: string) => void; undo: (() => Promise<unknown>)[] },
): Promise<Stage> {
  const { dir, progress, undo } = base;
  const keep = options.cacheDir === undefined ? {} : { dir: options.cacheDir };
  const lab = await startLab({ hosts: options.hosts, onProgress: progress, ...keep });
  undo.push(() => lab.stop());
  const registry = lab.registry.address;
  const digests = await buildSampleImages({
    registry,
    service: "api",
    builds: sampleHistory.map(({ sha, behaviour, title }) => ({ commit: sha, behaviour, message: title })),
  });
  progress(`${digests.size} builds of the sample service are in the registry`);
  const slack = await startSlackWorkspace({ port: options.slackPort ?? 0, rateLimits: options.slackRateLimits ?? true });
  undo.push(() => slack.stop());
  const github = await startGitHub({
    repositories: [
      { fullName: repositoryName, commits: sampleHistory, branches: { main: sampleHistory.at(-1)?.sha ?? "" }, tags: {} },
    ],
  });
  undo.push(() => github.stop());
  const jira = await startJira({ tickets: sampleTickets() });
  undo.push(() => jira.stop());
  const config = writeFiles({ folder: join(dir, "config"), registry, ...(options.service && { service: options.service }) });

  let server: Running | null = null;
  let port = 0;
  const agents = new Map<string, Running>();
  const links = options.links ?? true;

  function environment(): NodeJS.ProcessEnv {
    const outside = {
      GITHUB_TOKEN: github.token,
      GITHUB_API_URL: github.url,
      JIRA_URL: jira.url,
      JIRA_EMAIL: jira.email,
      JIRA_API_TOKEN: jira.token,
    };
    return {
      ...systemEnvironment(),
      ...options.env,
      HOME: dir,
      GANTRY_CONFIG: config,
      GANTRY_DATA: join(dir, "data"),
      GANTRY_PORT: String(port),
      LOG_LEVEL: "info",
      SLACK_BOT_TOKEN: slack.botToken,
      SLACK_APP_TOKEN: slack.appToken,
      SLACK_API_URL: slack.apiUrl,
      ...(links ? outside : {}),
    };
  }

  async function startServer(facts: { failing?: boolean; env?: Readonly<Record<string, string>> } = {}): Promise<void> {
    const entry = facts.failing === true ? [failingServer] : [cli, "server"];
    const child = spawn(process.execPath, entry, { env: { ...environment(), ...facts.env } });
    const running = watch(child, join(dir, "server.log"));
    server = running;
    await running.prints("gantry is up");
    port = Number(/"port":(\d+)/.exec(running.output())?.[1] ?? port);
  }

  function failAt(point: string): void {
    server?.child.stdin?.write(`${point}\n`);
  }

  async function startAgent(host: string, facts: { failpoint?: string } = {}): Promise<Running> {
    const machine = lab.host(host);
    const state = join(dir, `agent-${host}`);
    mkdirSync(state, { recursive: true });
    const args = agentArgs({
      host,
      labels: machine.labels,
      server: `http://${lab.bridgeAddress}:${port}`,
      state,
      socket: machine.dockerSocket,
    });
    const entry = facts.failpoint === undefined ? [cli, "agent"] : [failingAgent];
    const env = facts.failpoint === undefined ? {} : { GANTRY_REHEARSAL_FAILPOINT: facts.failpoint };
    const child = machine.spawn(process.execPath, [...entry, ...args], {
      env: { ...systemEnvironment(), ...options.env, HOME: state, ...env },
    });
    const running = watch(child, join(dir, `agent-${host}.log`));
    agents.set(host, running);
    await running.prints(/"msg":"connected|"msg":"[^"]*connected/);
    return running;
  }

  async function gantry(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
    const { promise, resolve } = Promise.withResolvers<{ code: number; stdout: string; stderr: string }>();
    execFile(process.execPath, [cli, ...args], { env: environment(), timeout: 60_000 }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === "number" ? error.code : 1;
      resolve({ code, stdout, stderr });
    });
    return promise;
  }

  undo.push(async () => {
    await Promise.all([...agents.values()].map((agent) => agent.stop("SIGKILL")));
    await server?.stop("SIGKILL");
  });
  await startServer();
  progress("the server is up");
  await Promise.all(options.hosts.map(({ name }) => enrolAndStart(name)));
  progress(`${options.hosts.length} agents are connected`);

  /** Enrols a host and starts its agent. */
  async function enrolAndStart(name: string): Promise<void> {
    const { labels } = lab.host(name);
    const { token } = await callLocally(join(dir, "data"), "enroll", { name, labels });
    mkdirSync(join(dir, `agent-${name}`), { recursive: true });
    writeFileSync(tokenFile(join(dir, `agent-${name}`)), String(token), { mode: 0o600 });
    await startAgent(name);
  }

  return {
    lab,
    slack,
    github,
    jira,
    dir,
    digests,
    server() {
      if (server === null) throw new Error("the server was not started");
      return server;
    },
    startServer,
    failAt,
    startAgent,
    agent(host) {
      const found = agents.get(host);
      if (found === undefined) throw new Error(`no agent was started on ${host}`);
      return found;
    },
    gantry,
    serverUrl: () => `http://127.0.0.1:${port}`,
    stop: () => takeDown(undo),
  };
}

const failingServer = fileURLToPath(new URL("failing-server.ts", import.meta.url));
const failingAgent = fileURLToPath(new URL("failing-agent.ts", import.meta.url));

function tokenFile(state: string): string {
  return join(state, "token");
}

function agentArgs(facts: {
  host: string;
  labels: Readonly<Record<string, string>>;
  server: string;
  state: string;
  socket: string;
}): string[] {
  const labels = Object.entries(facts.labels).flatMap(([k, v]) => ["--label", `${k}=${v}`]);
  return [
    ...["--server", facts.server, "--name", facts.host, ...labels],
    ...["--docker-host", `unix://${facts.socket}`, "--state-dir", facts.state],
    ...["--token-file", tokenFile(facts.state), "--env-dir", join(facts.state, "env")],
  ];
}
