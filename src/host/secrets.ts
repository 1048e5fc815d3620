/**
 * Secrets of a container, read when it is created and never before: from files of this host, or from the server over the
 * agent's own connection. Values of variables then stand in the container's configuration, as those of env_files do; files are
 * in a folder of the agent's (secret-files.ts). Nothing else of the agent holds them: no order, journal, label, report or log.
 */
import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { isAbsolute, relative, resolve } from "node:path";
import type { ContainerSpec, SecretUse, Volume } from "../core/release.ts";
import type { SlotKey } from "../core/slot.ts";
import { type ContainerState, type Engine, EngineError } from "./engine.ts";
import { marksOf } from "./labels.ts";
import { pause } from "./prove.ts";
import type { SecretFiles } from "./secret-files.ts";
import type { Bench } from "./slot-bench.ts";

/** Where relative paths begin, and what absolute ones must be inside of, unless the agent is told otherwise. */
export const defaultSecretsDir = "/etc/gantry/secrets";

export type SecretOrder = SlotKey & { readonly release: number; readonly name: string };

export type SecretTools = {
  readonly dir: string;
  readonly files: SecretFiles;
  /** Asks the server. Rejects with an error that has a `reason`: `host_lost` when it is not there. */
  readonly ask: (order: SecretOrder) => Promise<Uint8Array>;
};

const mostBytes = 64 * 1024;
/** For a server that starts anew. Nothing was stopped yet, so that waiting costs nobody anything. */
const patienceMs = 30_000;
const askAgainMs = 500;
/** Containers whose secrets are remembered. */
const mostTold = 200;

/** What the container gets besides what its spec says. */
export type Provided = { readonly environment: readonly string[]; readonly volumes: readonly Volume[] };

/** Rejects with secret_missing; then no file is left behind. */
export async function provideSecrets(
  bench: Pick<Bench, "secrets" | "clock" | "newer">,
  facts: { readonly order: Omit<SecretOrder, "name">; readonly container: string; readonly spec: ContainerSpec },
): Promise<Provided> {
  const { secrets: uses = [] } = facts.spec;
  if (uses.length === 0) return { environment: [], volumes: [] };
  if (bench.secrets === null) throw missing(uses[0]?.name ?? "", "this agent gives no secrets");
  const values = new Map<string, Uint8Array>();
  for (const use of uses) if (!values.has(use.name)) values.set(use.name, await readValue(bench, facts.order, use));
  const valueFor = ({ name }: SecretUse) => values.get(name) ?? new Uint8Array();
  return {
    environment: uses.flatMap((use) => (use.to.kind === "variable" ? [`${use.to.variable}=${asText(use, valueFor(use))}`] : [])),
    volumes: await mounted(bench.secrets.files, { ...facts, uses, valueFor }),
  };
}

async function mounted(
  files: SecretFiles,
  facts: { container: string; uses: readonly SecretUse[]; valueFor: (use: SecretUse) => Uint8Array },
): Promise<readonly Volume[]> {
  const asked = facts.uses.flatMap((use) => (use.to.kind === "file" ? [{ use, to: use.to }] : []));
  if (asked.length === 0) return [];
  try {
    const paths = await files.put(
      facts.container,
      asked.map(({ use, to: { uid, gid, mode } }) => ({ bytes: facts.valueFor(use), uid, gid, mode })),
    );
    return asked.map(({ to }, at) => ({ source: paths[at] ?? "", target: to.target, readOnly: true, mustExist: true }));
  } catch (error) {
    const { code = "", message } = error as NodeJS.ErrnoException;
    if (code === "EPERM") throw missing(asked[0]?.use.name ?? "", "cannot be given to another user: the agent is not root");
    const reason = code === "ENOSPC" ? "disk_full" : "create_failed";
    throw new EngineError({ reason, message: `the files of its secrets cannot be written: ${message}`, cause: error });
  }
}

async function readValue(
  bench: Pick<Bench, "secrets" | "clock" | "newer">,
  order: Omit<SecretOrder, "name">,
  { name, from }: SecretUse,
): Promise<Uint8Array> {
  if (from.kind === "host") return await fromHost(bench.secrets?.dir ?? "", name, from.path);
  const until = bench.clock.now() + patienceMs;
  for (;;) {
    try {
      const { service, environment, release } = order;
      return await (bench.secrets as SecretTools).ask({ service, environment, release, name });
    } catch (error) {
      const { reason, message } = error as { reason?: unknown; message: string };
      const isAway = reason === "host_lost" && bench.clock.now() < until && !bench.newer().aborted;
      if (!isAway) throw missing(name, reason === "host_lost" ? `the server cannot be asked: ${message}` : message);
    }
    await pause(bench.clock, askAgainMs);
  }
}

/** The order comes from the server, and which files of this host it may read is for the host to say. */
async function fromHost(dir: string, name: string, path: string): Promise<Uint8Array> {
  const whole = resolve(dir, path);
  const inside = relative(dir, whole);
  if (inside === "" || inside.startsWith("..") || isAbsolute(inside)) {
    throw missing(name, `${whole} is outside ${dir} (see --secrets-dir)`);
  }
  try {
    const file = await open(whole, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      if (!(await file.stat()).isFile()) throw missing(name, `${whole} is no file`);
      const { buffer, bytesRead } = await file.read(Buffer.alloc(mostBytes + 1), 0, mostBytes + 1, 0);
      if (bytesRead === 0) throw missing(name, `${whole} is empty`);
      if (bytesRead > mostBytes) throw missing(name, `${whole} is longer than ${mostBytes / 1024} KiB`);
      return buffer.subarray(0, bytesRead);
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error instanceof EngineError) throw error;
    const { code = "unknown" } = error as NodeJS.ErrnoException;
    throw missing(name, code === "ENOENT" ? `${whole} is not on this host` : `${whole} cannot be read (${code})`);
  }
}

/** Without one line end at its end, which editors leave there and no variable should have. */
function asText({ name }: SecretUse, bytes: Uint8Array): string {
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    if (!text.includes("\0")) return text.replace(/\r?\n$/, "");
  } catch {
    // Told below.
  }
  throw missing(name, "its value is no text, which a variable must be");
}

function missing(name: string, why: string): EngineError {
  return new EngineError({ reason: "secret_missing", message: `the secret ${name}: ${why}` });
}

/**
 * The engine as whoever shows something of a container should see it: among the container's variables stand all of its secrets,
 * also those in files, in the forms in which programs print them. Every cleaner of this agent takes those out.
 */
export function knowingSecrets(engine: Engine, files: SecretFiles): Engine {
  // A container is looked at many times in a swap, and its secrets never change.
  const told = new Map<string, readonly string[]>();
  async function known(state: ContainerState): Promise<ContainerState> {
    if (!marksOf(state.labels)?.secrets) return state;
    const environment = told.get(state.id) ?? (await secretLines(state, files));
    if (told.size >= mostTold) told.clear();
    // Without more than was there: its files could not be read just now.
    if (environment.length > state.environment.length) told.set(state.id, environment);
    return { ...state, environment };
  }
  return {
    ...engine,
    async inspect(id) {
      const state = await engine.inspect(id);
      return state === null ? null : await known(state);
    },
    list: async (key) => await Promise.all((await engine.list(key)).map(known)),
  };
}

/** As `NAME=value` lines, whose names say secret. */
export async function secretLines(
  { labels, environment }: Pick<ContainerState, "labels" | "environment">,
  files: SecretFiles,
): Promise<readonly string[]> {
  const { secrets = null } = marksOf(labels) ?? {};
  if (secrets === null) return environment;
  const named = environment.filter((line) => secrets.variables.includes(line.split("=", 1)[0] ?? ""));
  const inFiles = secrets.folder === null ? [] : await files.read(secrets.folder);
  const values = [
    ...named.map((line) => line.slice(line.indexOf("=") + 1)),
    ...inFiles.map((bytes) => Buffer.from(bytes).toString()),
  ];
  return [...environment, ...values.flatMap(formsOf).map((value) => `secret=${value}`)];
}

function formsOf(raw: string): string[] {
  const value = raw.trim();
  const forms = [value, JSON.stringify(value).slice(1, -1), encodeURIComponent(value.toWellFormed())];
  return [...new Set([...forms, Buffer.from(value).toString("base64"), Buffer.from(raw).toString("base64")])];
}
