/** `gantry doctor`, with the checks that this machine's settings call for. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { loadConfig } from "./config/load.ts";
import { type Check, runDoctor } from "./doctor.ts";
import {
  clockCheck,
  configCheck,
  databaseCheck,
  diskCheck,
  dockerCheck,
  githubCheck,
  jiraCheck,
  registryCheck,
  slackChecks,
} from "./doctor-checks.ts";
import { createRegistry } from "./registry/registry.ts";
import type { Settings } from "./settings.ts";
import { botScopes } from "./slack/scopes.ts";

const defaultSocket = "/var/run/docker.sock";
const minFreeBytes = 1024 ** 3;

/** Prints a line per check; returns the exit code. */
export async function diagnose(settings: Settings, dockerHost: string | null): Promise<number> {
  const loaded = loadConfig(settings.config);
  const registries = loaded.ok ? loaded.config.registries : [];
  const registry = createRegistry({ registries, dockerConfigDir: settings.dockerConfigDir });
  const slackUrl = settings.slack.apiUrl ?? "https://slack.com/api/";
  const { credentials } = settings.github;
  const checks: Check[] = [
    configCheck(settings.config),
    ...slackChecks({ ...settings.slack, apiUrl: slackUrl, scopes: botScopes }),
    githubCheck({
      token: credentials !== null && "token" in credentials ? credentials.token : null,
      apiUrl: settings.github.apiUrl ?? "https://api.github.com",
    }),
    jiraCheck({ url: settings.jira?.url ?? null, email: settings.jira?.email ?? null, token: settings.jira?.token ?? null }),
    ...registries.map(({ host }) => registryCheck({ host, check: (name) => registry.check(name) })),
    ...engineChecks(dockerHost),
    clockCheck({ url: slackUrl, now: () => Date.now() }),
    databaseCheck(() => inspectDatabase(join(settings.data, "gantry.db"))),
    diskCheck({ path: settings.data, minFreeBytes }),
  ];
  const { exitCode } = await runDoctor({ checks, print: (line) => console.log(line), secrets: settings.secrets });
  await registry.close();
  return exitCode;
}

/** A server needs no engine; its own machine's is looked at when there is one, and any that is named. */
function engineChecks(dockerHost: string | null): Check[] {
  if (dockerHost === null && !existsSync(defaultSocket)) return [];
  return [dockerCheck((dockerHost ?? defaultSocket).replace(/^unix:\/\//, ""))];
}

/** Looks beside a running server: read only, with a connection of its own set as the server sets its own. */
function inspectDatabase(path: string): { integrity: string; synchronous: number; path: string } {
  const db = new Database(path, { readonly: true, fileMustExist: true });
  try {
    db.pragma("synchronous = full");
    const integrity = String(db.pragma("quick_check", { simple: true }));
    return { integrity, synchronous: Number(db.pragma("synchronous", { simple: true })), path };
  } finally {
    db.close();
  }
}
