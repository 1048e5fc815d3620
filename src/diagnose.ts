/** `gantry doctor`, with the checks that this machine's settings call for. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { registryOf } from "./config/image.ts";
import { type Loaded, loadConfig } from "./config/load.ts";
import { type Check, runDoctor } from "./doctor.ts";
import {
  clockCheck,
  configCheck,
  type DatabaseFacts,
  databaseCheck,
  diskCheck,
  dockerCheck,
  fenceCheck,
  githubCheck,
  jiraCheck,
  outboxCheck,
  registryCheck,
  slackChecks,
} from "./doctor-checks.ts";
import { createGitHub } from "./github/github.ts";
import { callLocally, NoServerError } from "./http/local-socket.ts";
import { createJira } from "./jira/jira.ts";
import { createLog } from "./log.ts";
import { createLogins } from "./registry/logins.ts";
import { createRegistry } from "./registry/registry.ts";
import type { Settings } from "./settings.ts";
import { botScopes } from "./slack/scopes.ts";
import { chainOn } from "./sqlite/chain.ts";
import { verifierOn } from "./sqlite/chain-verify.ts";
import { freezeStore } from "./sqlite/freeze.ts";
import { outboxStore } from "./sqlite/outbox.ts";

const defaultSocket = "/var/run/docker.sock";
const minFreeBytes = 1024 ** 3;
/** Of the history; all of it may take long. */
const entriesLookedAt = 1_000;

/** Prints a line per check; returns the exit code. */
export async function diagnose(settings: Settings, dockerHost: string | null): Promise<number> {
  const loaded = loadConfig(settings.config);
  const registries = loaded.ok ? loaded.config.registries : [];
  const logins = createLogins({ configDir: settings.dockerConfigDir, env: process.env });
  const registry = createRegistry({ registries, logins });
  const slackUrl = settings.slack.apiUrl ?? "https://slack.com/api/";
  const inspect = () => inspectDatabase(join(settings.data, "gantry.db"));
  const checks: Check[] = [
    configCheck(settings.config),
    ...slackChecks({ ...settings.slack, apiUrl: slackUrl, scopes: botScopes }),
    githubCheck({ whoAmI: githubLogin(settings) }),
    jiraCheck({ whoAmI: jiraLogin(settings) }),
    ...registryHosts(loaded).map((host) => registryCheck({ host, check: (name) => registry.check(name) })),
    ...engineChecks(dockerHost),
    clockCheck({ url: slackUrl, now: () => Date.now() }),
    databaseCheck({ inspect, synchronous: () => synchronousOf(settings.data) }),
    fenceCheck(inspect),
    outboxCheck(inspect),
    diskCheck({ path: settings.data, minFreeBytes }),
  ];
  const { exitCode } = await runDoctor({ checks, print: (line) => console.log(line), secrets: settings.secrets });
  await Promise.all([registry.close(), logins.close()]);
  return exitCode;
}

/** A server needs no engine; its own machine's is looked at when there is one, and any that is named. */
function engineChecks(dockerHost: string | null): Check[] {
  if (dockerHost === null && !existsSync(defaultSocket)) return [];
  return [dockerCheck((dockerHost ?? defaultSocket).replace(/^unix:\/\//, ""))];
}

function githubLogin(settings: Settings): (() => Promise<string>) | null {
  const { credentials, apiUrl } = settings.github;
  if (credentials === null) return null;
  const log = createLog({ level: "silent", secrets: settings.secrets });
  return () => createGitHub({ ...credentials, ...(apiUrl === null ? {} : { apiUrl }), log }).whoAmI();
}

function jiraLogin({ jira }: Settings): (() => Promise<string>) | null {
  return jira === null ? null : () => createJira(jira).whoAmI();
}

/** Those of gantry.yml and those that services take their images from. */
export function registryHosts(loaded: Loaded): readonly string[] {
  if (!loaded.ok) return [];
  const { registries, services } = loaded.config;
  const containers = services.flatMap(({ spec }) => [spec.container, ...(spec.supporting ?? []).map((one) => one.container)]);
  const used = containers.map(({ image }) => registryOf(image)).filter((host) => host !== null);
  return [...new Set([...registries.map(({ host }) => host), ...used])];
}

/** A pragma belongs to a connection: only the server can say how the one that writes is set. */
async function synchronousOf(folder: string): Promise<number | null> {
  try {
    return Number((await callLocally(folder, "durability", {}))["synchronous"]);
  } catch (error) {
    if (error instanceof NoServerError) return null;
    throw error;
  }
}

/** Looks beside a running server: read only. */
function inspectDatabase(path: string): DatabaseFacts {
  const db = new Database(path, { readonly: true, fileMustExist: true });
  try {
    const integrity = String(db.pragma("quick_check", { simple: true }));
    const outbox = outboxStore(db);
    const [last] = outbox.dead(1);
    const lastDead = last === undefined ? null : `${last.key} (${last.lastError ?? "?"})`;
    return { path, integrity, dead: outbox.depth().dead, lastDead, ...historyOf(db) };
  } finally {
    db.close();
  }
}

function historyOf(db: Database.Database): Pick<DatabaseFacts, "frozen" | "head" | "fault"> {
  const isOld = db.prepare("select 1 from sqlite_master where type = 'table' and name = 'chain'").get() === undefined;
  // Written by a version without a chain; the next start of the server makes it.
  if (isOld) return { frozen: null, head: { seq: 0, hash: "" }, fault: null };
  const head = chainOn(db).head();
  const { fault } = verifierOn(db)({ from: Math.max(1, head.seq - entriesLookedAt), limit: entriesLookedAt + 1 });
  return { frozen: freezeStore(db).current(), head, fault };
}
