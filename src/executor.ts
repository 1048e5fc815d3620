/** Composition root of the executor: the part of a host's agent that holds the engine, and obeys the host's own policy. */
import { mkdirSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join, resolve } from "node:path";
import type { Log } from "./app/ports.ts";
import { createDockerEngine } from "./docker/engine.ts";
import { createGuard, type Guard } from "./executor/guard.ts";
import { placesOf } from "./executor/places.ts";
import { isIn, type Policy, plainPolicy, refusalText } from "./executor/policy.ts";
import { PolicyError, readPolicy } from "./executor/policy-file.ts";
import { type Handlers, type Streams, serveExecutor } from "./executor/server.ts";
import { type Engine, EngineError } from "./host/engine.ts";
import { createGates, type Gates } from "./host/gate/gates.ts";
import { provideGate } from "./host/gate/program.ts";
import { createRedirect, type Redirect } from "./host/hold/redirect.ts";
import { gateLabel, marksOf } from "./host/labels.ts";
import { mountedNames } from "./host/mounts.ts";
import { createSecretFiles, type SecretFiles } from "./host/secret-files.ts";
import { portHolder } from "./host/socket-owner.ts";
import { createLog, isLogLevel } from "./log.ts";
import { registriesIn } from "./registry/docker-config.ts";
import { createLogins } from "./registry/logins.ts";

export type ExecutorOptions = {
  /** Path of its Unix socket. */
  readonly socket: string;
  /** Name or number of the group whose members may ask; absent: root alone. */
  readonly group?: string;
  readonly policyFile: string;
  readonly stateDir: string;
  readonly dockerHost?: string;
  // What follows is for tests.
  readonly engine?: Engine;
  readonly log?: Log;
  /** Absent: those that this process's user is logged in to. */
  readonly registries?: readonly string[];
};

export type RunningExecutor = {
  /** Reads the policy again. One that is wrong is not taken; the old one goes on. */
  reload(): Promise<void>;
  stop(): Promise<void>;
};

/** A port that the holder's proof may choose: of those that the kernel gives to clients. */
const firstFreePort = 32_768;
const proofMs = 2_000;

/** `gantry executor`: runs until SIGTERM or SIGINT; SIGHUP reads the policy again. */
export async function runExecutor(options: ExecutorOptions): Promise<void> {
  const executor = await startExecutor(options);
  process.on("SIGHUP", () => void executor.reload());
  const { promise, resolve: end } = Promise.withResolvers<void>();
  process.once("SIGTERM", end);
  process.once("SIGINT", end);
  await promise;
  await executor.stop();
  // What it was asked to do is asked again: calls under way are not waited for.
  process.exit(0);
}

/** Rejects with PolicyError, or with one clear line. */
export async function startExecutor(options: ExecutorOptions): Promise<RunningExecutor> {
  const log = options.log ?? createLog({ level: logLevel(), secrets: [] });
  const configDir = process.env["DOCKER_CONFIG"] ?? join(homedir(), ".docker");
  const load = async () => {
    const read = await readPolicy(options.policyFile);
    return read ?? plainPolicy(options.policyFile, options.registries ?? (await registriesIn(configDir)));
  };
  const gid = options.group === undefined ? null : groupNumber(options.group);
  let policy = await load();
  const stateDir = resolve(options.stateDir);
  const engine = options.engine ?? dockerEngine(options, configDir);
  const gates = await openGates(stateDir, log);
  const guard = createGuard({
    engine,
    policy: () => policy,
    places: placesOf,
    gateFolder: (name) => join(stateDir, "gates", name),
    secretsFolder: (name) => join(stateDir, "secrets", name),
    log,
  });
  const redirect = createRedirect("gantry_hold_executor");
  const handlers = handlersOf({
    guard,
    gates,
    secrets: createSecretFiles(join(stateDir, "secrets")),
    redirect,
    policy: () => policy,
  });
  mkdirSync(dirname(options.socket), { recursive: true, mode: 0o755 });
  const serving = await serveExecutor({ path: options.socket, gid, handlers, streams: streamsOf(guard), log });
  tell(log, policy, "executor started");
  return {
    async reload() {
      try {
        policy = await load();
        tell(log, policy, "policy read again");
      } catch (thrown) {
        log.error({ detail: (thrown as Error).message }, "the policy is wrong: the one before it goes on");
      }
    },
    async stop() {
      await serving.stop();
      await redirect.close().catch(() => undefined);
    },
  };
}

function tell(log: Log, { lines, ...policy }: Policy, what: string): void {
  log.info({ ...policy, file: lines === null ? `no ${policy.file}: the built-in policy` : policy.file }, what);
}

function logLevel(): Parameters<typeof createLog>[0]["level"] {
  const wanted = process.env["LOG_LEVEL"] || "info";
  if (isLogLevel(wanted)) return wanted;
  throw new PolicyError(`LOG_LEVEL=${wanted} is no level`);
}

function dockerEngine(options: ExecutorOptions, configDir: string): Engine {
  const dockerHost = options.dockerHost ?? "unix:///var/run/docker.sock";
  return createDockerEngine({ dockerHost, logins: createLogins({ configDir, env: process.env }) });
}

/** In a folder of root's: what is mounted from there nobody else can change. */
async function openGates(stateDir: string, log: Log): Promise<Gates> {
  mkdirSync(join(stateDir, "gates"), { recursive: true, mode: 0o755 });
  const found = await provideGate(stateDir);
  if ("why" in found) log.info({ why: found.why }, "no gate: new containers start when the old ones have stopped");
  return createGates({ dir: join(stateDir, "gates"), program: "why" in found ? null : found.program });
}

function groupNumber(group: string): number {
  if (/^\d{1,9}$/.test(group)) return Number(group);
  const line = readFileSync("/etc/group", "utf8")
    .split("\n")
    .find((each) => each.split(":", 1)[0] === group);
  if (line === undefined) throw new PolicyError(`there is no group ${group} on this host: \`groupadd --system ${group}\``);
  return Number(line.split(":")[2]);
}

type Parts = {
  readonly guard: Guard;
  readonly gates: Gates;
  readonly secrets: SecretFiles;
  readonly redirect: Redirect;
  readonly policy: () => Policy;
};

function handlersOf(parts: Parts): Handlers {
  const { guard, gates, secrets, redirect } = parts;
  const kept = new Map<string, Promise<void>>();
  return {
    info: guard.info,
    async list({ key }) {
      const containers = await guard.list(key);
      const openGates = containers.map(({ labels }) => gateIn(labels)).filter((name) => isName(name) && gates.isOpen(name));
      return { containers, openGates };
    },
    inspect: ({ id }) => guard.inspect(id),
    findImage: guard.findImage,
    pull: (image, signal) => guard.pull({ ...image, signal }),
    removeImage: ({ ref }) => guard.removeImage(ref),
    freeBytes: guard.freeBytes,
    create: guard.create,
    clone: guard.clone,
    start: ({ id }) => guard.start(id),
    setRestartPolicy: ({ id, policy }) => guard.setRestartPolicy(id, policy),
    stop: (order) => guard.stop(order),
    remove: ({ id }) => guard.remove(id),
    exec: guard.exec,
    usage: ({ id }) => guard.usage({ id }),
    logTail: ({ id, lines }) => guard.logTail(id, lines),
    async holder({ port, pid }) {
      if (!guard.isOurProcess(pid)) return { by: "unknown", detail: `process ${pid} is not of a container of Gantry's` };
      return portHolder({ port, pid });
    },
    makeGate: ({ name }) => gates.make(name),
    async openGate({ name }) {
      const { durable } = await gates.open(name);
      durable.catch(() => undefined);
      kept.set(name, durable);
    },
    async gateKept({ name }) {
      // The executor that opened it may be gone.
      await (kept.get(name) ?? (await gates.open(name)).durable);
      kept.delete(name);
    },
    async removeGate({ name }) {
      if (!(await inUse(guard, gateIn)).has(name)) await gates.remove(name);
    },
    // Which are needed this host sees itself.
    mendGate: ({ name }) => gates.mend(name),
    sweepGates: async () => await gates.sweep(await inUse(guard, gateIn)),
    putSecrets: ({ name, files }) =>
      secrets.put(
        name,
        files.map((file) => ({ ...file, bytes: Buffer.from(file.bytes, "base64") })),
      ),
    readSecrets: async ({ name }) => (await secrets.read(name)).map((bytes) => Buffer.from(bytes).toString("base64")),
    async removeSecrets({ name }) {
      if (!(await inUse(guard, secretsIn)).has(name)) await secrets.remove(name);
    },
    sweepSecrets: async () => await secrets.sweep(await inUse(guard, secretsIn)),
    async hold(order) {
      demandHold(parts.policy(), order);
      await redirect.set(order);
    },
    letGo: ({ port }) => redirect.unset(port),
    letAllGo: () => redirect.close(),
  };
}

function streamsOf(guard: Guard): Streams {
  return {
    logs: (order, { tell, signal }) => guard.logs({ ...order, signal, onLine: tell }),
    watch: (_body, { tell, signal }) =>
      new Promise((resolve) => {
        const watching = guard.watch({ onEvent: tell, onEnd: resolve });
        signal.addEventListener("abort", () => {
          watching.stop();
          resolve();
        });
      }),
  };
}

function isName(text: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9_.-]{0,254}$/.test(text);
}

type Labels = Readonly<Record<string, string>>;

function gateIn(labels: Labels): string {
  return labels[gateLabel] ?? "";
}

function secretsIn(labels: Labels): string {
  return marksOf(labels)?.secrets?.folder ?? "";
}

/** What containers have mounted: without it they could not start again. */
async function inUse(guard: Guard, folderIn: (labels: Labels) => string): Promise<ReadonlySet<string>> {
  const labelled = (await guard.list()).map(({ labels }) => folderIn(labels));
  return new Set([...labelled, ...(await mountedNames(guard))]);
}

/** The proof that holding works at all takes a free port for a moment. */
function demandHold(policy: Policy, { port, to, mostMs }: { port: number; to: number; mostMs: number }): void {
  const isAllowed = isIn(policy.hold, { from: port, to: port });
  const isProof = policy.hold.length > 0 && port >= firstFreePort && mostMs <= proofMs;
  if ((isAllowed || isProof) && to >= 1_024) return;
  const refusal = { rule: "hold" as const, what: `holding the connections of port ${port}` };
  throw new EngineError({ reason: "refused_by_host", message: refusalText([refusal], policy) });
}
