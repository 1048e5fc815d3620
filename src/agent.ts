/** Composition root of the host agent. */
import { randomUUID } from "node:crypto";
import { readFile, realpath } from "node:fs/promises";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { systemClock } from "./app/clock.ts";
import type { Clock, Log } from "./app/ports.ts";
import { agentCan } from "./core/abilities.ts";
import type { UsageSample } from "./core/usage.ts";
import { createDockerEngine } from "./docker/engine.ts";
import { createExecutorClient, type ExecutorClient } from "./executor/client.ts";
import { type AgentLink, createAgentLink, type LinkOptions } from "./fleet/link.ts";
import { askForSecret } from "./fleet/secrets-shape.ts";
import type { Engine, Prober } from "./host/engine.ts";
import { defaultEnvDir } from "./host/env-file.ts";
import { createHolder } from "./host/hold/holder.ts";
import { createHost, type Host } from "./host/host.ts";
import type { Lock } from "./host/lock.ts";
import { createLogs } from "./host/logs.ts";
import { readMachine } from "./host/machine.ts";
import { createOwnEngine } from "./host/own-engine.ts";
import { createProber } from "./host/probe.ts";
import { seatsOf, takeSeats } from "./host/seat.ts";
import { createSecretFiles } from "./host/secret-files.ts";
import { defaultSecretsDir, knowingSecrets, type SecretTools } from "./host/secrets.ts";
import type { Failpoint } from "./host/slot-worker.ts";
import { type HostState, type Identity, openState } from "./host/state.ts";
import { openSwapTools, plainTools, type SwapTools } from "./host/swap-tools.ts";
import { createUsage, type Usage } from "./host/usage.ts";
import { type AgentPage, readAddress, serveAgentPage } from "./http/agent-page.ts";
import { createLog, isLogLevel, type LogLevel, logLevels } from "./log.ts";
import { createLogins } from "./registry/logins.ts";

export type AgentOptions = {
  /** `http(s)://` or `ws(s)://` address of the server. */
  readonly server: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly dockerHost?: string;
  /** `unix:///path` of the executor's socket, instead of an engine: then this process needs no rights on the host. */
  readonly executor?: string;
  readonly stateDir?: string;
  /** Needed once, to enrol. */
  readonly tokenFile?: string;
  /** Where env_files of service files are looked for. */
  readonly envDir?: string;
  /** Where their secrets are. */
  readonly secretsDir?: string;
  /** Where Prometheus may ask: `PORT` (on loopback) or `HOST:PORT`. Absent: nowhere. */
  readonly metrics?: string;
  /** Whether a new container may wait at a gate while the old one serves, where this host can. Absent: yes. */
  readonly gate?: boolean;
  // What follows is for tests and the rehearsal.
  readonly token?: string;
  readonly log?: Log;
  readonly clock?: Clock;
  readonly engine?: Engine;
  /** How long a call of the engine may take. */
  readonly callMs?: number;
  readonly prober?: Prober;
  readonly failpoint?: Failpoint;
  readonly sampleEveryMs?: number;
  readonly link?: Pick<LinkOptions, "backoff" | "heartbeatMs" | "deadMs">;
};

/** One line for the operator; no stack. */
export class AgentError extends Error {
  override readonly name = "AgentError";
}

export type RunningAgent = {
  /**
   * Finishes the step under way, at most 20 s; containers keep running. "late" when it still goes on: then only the end of the
   * process may free the state directory, because a second agent must not work beside it.
   */
  stop(): Promise<"done" | "late">;
  /** Rejects with AgentError when the server will never let this agent in; otherwise resolves after `stop`. */
  readonly ended: Promise<void>;
  isConnected(): boolean;
};

export const agentVersion = "0.1.0";
const stopDeadlineMs = 20_000;
/** Refusals that trying again cannot mend, when they answer an enrolment. */
const hopeless = ["bad_token", "bad_proof", "host_revoked", "unknown_host"];

/** `gantry agent`: runs until SIGTERM or SIGINT. Rejects with AgentError. */
export async function runAgent(options: AgentOptions): Promise<void> {
  const agent = await startAgent(options);
  const stop = () => void agent.stop();
  process.once("SIGTERM", stop);
  process.once("SIGINT", stop);
  try {
    await agent.ended;
  } finally {
    process.off("SIGTERM", stop);
    process.off("SIGINT", stop);
    if ((await agent.stop()) === "late") process.exit(1);
  }
}

/** Resolves when the agent runs, connected or not. Rejects with AgentError for what the operator must put right. */
export async function startAgent(options: AgentOptions): Promise<RunningAgent> {
  check(options);
  const log = options.log ?? createLog({ level: logLevel(), secrets: [] });
  const clock = options.clock ?? systemClock;
  const stateDir = resolve(options.stateDir ?? "/var/lib/gantry-agent");
  const state = await openState(stateDir).catch((error) => {
    throw new AgentError(`state directory ${stateDir}: ${error.message}`);
  });
  const seats = await sit({ options, log, clock, stateDir, publicKey: state.identity.publicKey }).catch((error) => {
    state.lock.release();
    throw error;
  });
  const lock = {
    release() {
      seats.release();
      state.lock.release();
    },
  };
  try {
    return await assemble({ options, log, clock, stateDir, state: { ...state, lock } });
  } catch (error) {
    lock.release();
    throw error;
  }
}

/** Before the engine is looked at: nothing may be done beside another agent. */
async function sit(facts: { options: AgentOptions; log: Log; clock: Clock; stateDir: string; publicKey: string }): Promise<Lock> {
  const { options, log, clock, stateDir, publicKey } = facts;
  const { name } = options;
  const engine = options.engine === undefined ? await addressOfEngine(options) : null;
  const onUnable = (why: string) => log.warn({ why }, "a second agent on this machine would not be held back");
  const seats = seatsOf({ name, publicKey, engine });
  return takeSeats({ seats, name, me: { pid: process.pid, stateDir }, clock, onUnable }).catch((error) => {
    throw new AgentError(error.message);
  });
}

function logLevel(): LogLevel {
  const wanted = process.env["LOG_LEVEL"] || "info";
  if (isLogLevel(wanted)) return wanted;
  throw new AgentError(`LOG_LEVEL=${wanted} is no level: write one of ${logLevels.join(", ")}`);
}

type Parts = { options: AgentOptions; log: Log; clock: Clock; state: HostState; stateDir: string };

async function assemble(parts: Parts): Promise<RunningAgent> {
  const { options, log, clock, state } = parts;
  const token = await tokenOf(options);
  const membership = createMembership({ state, token, name: options.name, log });
  // Before a server may learn of it.
  if (state.isNew) await state.files.identity.save(state.identity);
  const executor = executorOf(options);
  const swaps = await toolsFor(parts, executor);
  const prober = createProber();
  const ending = Promise.withResolvers<void>();
  ending.promise.catch(() => undefined);
  let link: AgentLink | null = null;
  let usage: Usage | null = null;
  const page = await openPage(options, {
    sample: () => usage?.newest() ?? null,
    isConnected: () => link?.isConnected() ?? false,
    log,
  });
  const own = options.engine ?? executor?.engine ?? dockerEngine(options);
  const files = executor?.secretFiles ?? createSecretFiles(join(parts.stateDir, "secrets"));
  const engine = createOwnEngine({ engine: knowingSecrets(own, files), host: options.name, log });
  const secrets: SecretTools = {
    dir: resolve(options.secretsDir ?? defaultSecretsDir),
    files,
    ask: async (order) => await askForSecret((question) => dialled.ask(question), order),
  };
  const host: Host = createHost({
    engine,
    prober: options.prober ?? (executor === null ? prober : { ...prober, holder: executor.holder }),
    clock,
    log,
    state,
    swaps,
    secrets,
    serverId: membership.serverId,
    envDir: resolve(options.envDir ?? defaultEnvDir),
    bootId: await bootId(),
    agentVersion,
    random: Math.random,
    ...(options.failpoint === undefined ? {} : { failpoint: options.failpoint }),
    onChange: () => link?.changed(),
  });
  usage = createUsage({
    ...{ engine, clock, log, machine: readMachine, serving: host.serving },
    ...(options.sampleEveryMs === undefined ? {} : { everyMs: options.sampleEveryMs }),
    onSample: () => link?.sampled(),
  });
  const dialled = createAgentLink({
    ...options.link,
    url: options.server,
    name: options.name,
    labels: options.labels,
    agentVersion,
    instance: randomUUID(),
    identity: membership,
    clock,
    log,
    random: Math.random,
    known: host.known,
    onServer: host.hearServer,
    observed: host.observed,
    onDesired: host.obey,
    onWelcome: membership.welcomed,
    can: agentCan,
    answerers: { logs: createLogs({ engine, clock }) },
    usage: () => usage?.newest() ?? null,
    onRefused(reason, text) {
      if (membership.refused(reason) || !hopeless.includes(reason) || membership.isEnrolled()) return;
      const wayOn = token === null ? `; ${enrolFirst(options.name)}` : "";
      ending.reject(new AgentError(`the server refuses ${options.name}: ${text} (${reason})${wayOn}`));
    },
  });
  link = dialled;
  log.info({ name: options.name, labels: options.labels, server: options.server, agentVersion }, "agent started");
  const stop = once(async () => {
    dialled.stop();
    usage?.stop();
    void page?.stop();
    const late = Promise.withResolvers<"late">();
    const cancel = clock.wakeAt(clock.now() + stopDeadlineMs, () => late.resolve("late"));
    const how = await Promise.race([host.stop().then(() => "done" as const), late.promise]);
    cancel();
    if (how === "done") state.lock.release();
    log.info({ how }, "agent stopped; containers keep running");
    ending.resolve();
    return how;
  });
  return { stop, ended: ending.promise, isConnected: dialled.isConnected };
}

/** Before anything is begun: an address that cannot be had is told to whoever starts the agent. */
async function openPage(
  { metrics, name }: AgentOptions,
  facts: { readonly sample: () => UsageSample | null; readonly isConnected: () => boolean; readonly log: Log },
): Promise<AgentPage | null> {
  if (metrics === undefined) return null;
  const address = readAddress(metrics);
  if (address === null)
    throw new AgentError(`--metrics ${metrics}: use a port such as 9477, or an address such as 10.0.0.5:9477`);
  const newest = () => {
    const sample = facts.sample();
    return sample === null ? null : { host: name, sample };
  };
  return await serveAgentPage({ ...facts, address, newest }).catch((error) => {
    throw new AgentError(`--metrics ${metrics}: ${error.message}`);
  });
}

/** Who this host is to the server: enrols with the token once, and proves its key from then on. */
function createMembership(facts: { state: HostState; token: string | null; name: string; log: Log }) {
  const { state, token } = facts;
  let identity: Identity = state.identity;
  let usesToken = token !== null && !identity.enrolled;
  let triedToken = false;
  // A key from an earlier enrolment may be known to the server, though this host could not write that down: the server says.
  if (!usesToken && state.isNew) throw new AgentError(`${facts.name} is not enrolled: ${enrolFirst(facts.name)}`);
  return {
    publicKey: () => identity.publicKey,
    privateKey: () => identity.privateKey,
    token: () => (usesToken ? token : null),
    serverId: () => identity.serverId,
    isEnrolled: () => identity.enrolled,
    welcomed(serverId: string): void {
      usesToken = false;
      if (identity.enrolled && identity.serverId === serverId) return;
      identity = { ...identity, enrolled: true, serverId };
      state.files.identity.save(identity).catch((error) => {
        facts.log.error({ error: String(error) }, "the enrolment cannot be written down; the server knows it");
      });
    },
    /** True when the other way in is worth a try. */
    refused(reason: string): boolean {
      // A spent token may have been spent by us, with the answer lost: then the server knows our key.
      const keyMayDo = usesToken && reason === "bad_token";
      // A host that was revoked or forgotten may have been given a new token.
      const tokenMayDo = !usesToken && !triedToken && token !== null && hopeless.includes(reason);
      triedToken ||= usesToken || tokenMayDo;
      if (keyMayDo || tokenMayDo) usesToken = tokenMayDo;
      return keyMayDo || tokenMayDo;
    },
  };
}

function enrolFirst(name: string): string {
  return `run \`gantry enroll --name ${name}\` on the server and give --token-file`;
}

const unixUrl = "unix://";

function executorOf({ executor }: AgentOptions): ExecutorClient | null {
  return executor === undefined ? null : createExecutorClient({ socketPath: executor.slice(unixUrl.length) });
}

async function toolsFor(parts: Parts, executor: ExecutorClient | null): Promise<SwapTools> {
  const { options, stateDir, log } = parts;
  const gate = options.gate ?? true;
  if (executor !== null) return { ...plainTools, gates: gate ? executor.gates : null, holder: createHolder(executor.redirect) };
  return options.engine === undefined ? await openSwapTools({ stateDir, gate, log }) : plainTools;
}

function check(options: AgentOptions): void {
  if (!/^[a-z0-9][a-z0-9._-]{0,62}$/i.test(options.name)) {
    throw new AgentError(`--name ${options.name}: use up to 63 letters, digits, dots, dashes and underscores`);
  }
  if (!URL.canParse(options.server) || !/^(https?|wss?):$/.test(new URL(options.server).protocol)) {
    throw new AgentError(`--server ${options.server}: use an address such as https://gantry.example.com`);
  }
  const dockerHost = options.dockerHost ?? "";
  if (dockerHost !== "" && !/^(unix:\/\/\/|tcp:\/\/)/.test(dockerHost)) {
    throw new AgentError(`--docker-host ${dockerHost}: use unix:///path/to/docker.sock or tcp://host:port`);
  }
  if (options.executor === undefined) return;
  if (!/^unix:\/\/\/[^/]/.test(options.executor)) {
    throw new AgentError(`--executor ${options.executor}: use unix:///run/gantry/executor.sock`);
  }
  if (dockerHost !== "") throw new AgentError("--executor and --docker-host: the executor has the engine; give one of the two");
}

async function tokenOf(options: AgentOptions): Promise<string | null> {
  if (options.token !== undefined) return options.token;
  if (options.tokenFile === undefined) return null;
  const file = options.tokenFile;
  const text = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    throw new AgentError(`--token-file ${file}: ${error.code === "ENOENT" ? "there is no such file" : error.message}`);
  });
  // `gantry enroll` prints the token alone on its last line; its whole output may have been saved.
  const token =
    text
      .trim()
      .split(/\s*\n\s*/)
      .at(-1) ?? "";
  if (token === "") throw new AgentError(`--token-file ${file}: the file is empty`);
  return token;
}

function dockerHostOf(options: AgentOptions): string {
  return options.dockerHost ?? process.env["DOCKER_HOST"] ?? "unix:///var/run/docker.sock";
}

/** One socket may have several paths; one that is not there yet has the path that was given. */
async function addressOfEngine(options: AgentOptions): Promise<string> {
  const address = options.executor ?? dockerHostOf(options);
  if (!address.startsWith(unixUrl)) return address;
  const path = address.slice(unixUrl.length);
  return await realpath(path).catch(() => path);
}

function dockerEngine(options: AgentOptions): Engine {
  const dockerHost = dockerHostOf(options);
  const configDir = process.env["DOCKER_CONFIG"] ?? join(homedir(), ".docker");
  const { callMs } = options;
  const patience = callMs === undefined ? {} : { quickMs: callMs, heavyMs: callMs };
  return createDockerEngine({ dockerHost, ...patience, logins: createLogins({ configDir, env: process.env }) });
}

/** Changes with every boot of the host; where the kernel does not tell, every start of the agent counts as one. */
async function bootId(): Promise<string> {
  const text = await readFile("/proc/sys/kernel/random/boot_id", "utf8").catch(() => "");
  return text.trim() || randomUUID();
}

function once<T>(work: () => Promise<T>): () => Promise<T> {
  let done: Promise<T> | null = null;
  return () => {
    done ??= work();
    return done;
  };
}
