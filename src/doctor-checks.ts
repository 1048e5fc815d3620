/** The checks of `gantry doctor`, one small function each. They are given what they look at; only the CLI reads the environment. */
import { statfs } from "node:fs/promises";
import { request } from "node:http";
import { OutsideError } from "./app/ports.ts";
import type { ChainFault } from "./app/store.ts";
import { formatConfigErrors } from "./config/format.ts";
import { loadConfig } from "./config/load.ts";
import type { FreezeFacts } from "./core/facts.ts";
import { reasons } from "./core/reasons.ts";
import type { Head } from "./core/slot.ts";
import type { Check, Finding } from "./doctor.ts";

/** Slack refuses signed requests that are more than five minutes off; well before that something is wrong with the clock. */
const maxSkewMs = 30_000;

function ok(detail: string): Finding {
  return { state: "ok", detail };
}

function wrong(detail: string, next: string): Finding {
  return { state: "wrong", detail, next };
}

export function configCheck(file: string): Check {
  return {
    name: "configuration",
    look: async () => {
      const loaded = loadConfig(file);
      if (loaded.ok) return ok(`${file}: ${loaded.config.services.length} service(s)`);
      const [first] = formatConfigErrors(loaded.errors).split("\n");
      return wrong(`${loaded.errors.length} error(s), the first: ${first}`, "run `gantry validate`");
    },
  };
}

export type SlackFacts = {
  readonly botToken: string | null;
  readonly appToken: string | null;
  readonly signingSecret: string | null;
  /** With a slash at the end: https://slack.com/api/ */
  readonly apiUrl: string;
  /** Scopes of the manifest. */
  readonly scopes: readonly string[];
};

export function slackChecks(facts: SlackFacts): readonly Check[] {
  return [
    { name: "Slack tokens", look: async () => slackTokens(facts) },
    { name: "Slack bot token", look: (signal) => slackBot(facts, signal) },
    { name: "Slack connection", look: (signal) => slackSocket(facts, signal) },
  ];
}

function slackTokens({ botToken, appToken, signingSecret }: SlackFacts): Finding {
  if (botToken === null)
    return wrong("SLACK_BOT_TOKEN is not set", "set it (or SLACK_BOT_TOKEN_FILE): OAuth & Permissions of the Slack app");
  if (!botToken.startsWith("xoxb-")) return wrong("SLACK_BOT_TOKEN is not a bot token", "take the one that begins with xoxb-");
  if (appToken === null && signingSecret === null) {
    return wrong(
      "neither SLACK_APP_TOKEN nor SLACK_SIGNING_SECRET is set",
      "set SLACK_APP_TOKEN for Socket Mode: Basic Information of the Slack app",
    );
  }
  if (appToken !== null && !appToken.startsWith("xapp-"))
    return wrong("SLACK_APP_TOKEN is not an app token", "take the one that begins with xapp-");
  return ok(appToken === null ? "for HTTP mode" : "for Socket Mode");
}

async function slackBot(facts: SlackFacts, signal: AbortSignal): Promise<Finding> {
  if (facts.botToken === null) return { state: "absent", detail: "no token to try" };
  const { answer, headers } = await slackCall({ url: `${facts.apiUrl}auth.test`, token: facts.botToken, signal });
  if (answer.ok !== true)
    return wrong(`Slack says ${String(answer.error)}`, "renew SLACK_BOT_TOKEN: install the app to the workspace again");
  const granted = (headers.get("x-oauth-scopes") ?? "").split(",").map((scope) => scope.trim());
  const missing = facts.scopes.filter((scope) => !granted.includes(scope));
  if (missing.length > 0)
    return wrong(`scopes are missing: ${missing.join(", ")}`, "update the app from manifest.yml and install it again");
  return ok(`${String(answer.team)}, as ${String(answer.user)}`);
}

async function slackSocket(facts: SlackFacts, signal: AbortSignal): Promise<Finding> {
  if (facts.appToken === null) return { state: "absent", detail: "HTTP mode: Slack calls us" };
  const { answer } = await slackCall({ url: `${facts.apiUrl}apps.connections.open`, token: facts.appToken, signal });
  if (answer.ok === true) return ok("a socket can be opened");
  return wrong(`Slack says ${String(answer.error)}`, "make an app token with connections:write, and switch Socket Mode on");
}

async function slackCall(facts: { url: string; token: string; signal: AbortSignal }) {
  const headers = { authorization: `Bearer ${facts.token}`, "content-type": "application/x-www-form-urlencoded" };
  const response = await fetch(facts.url, { method: "POST", headers, signal: facts.signal, redirect: "error" });
  const answer: unknown = await response.json().catch(() => null);
  const readable = answer !== null && typeof answer === "object";
  return {
    answer: readable ? (answer as Record<string, unknown>) : { error: `HTTP ${response.status}` },
    headers: response.headers,
  };
}

/** `whoAmI` rejects with OutsideError; null: no credentials are set. */
export function githubCheck(facts: { whoAmI: (() => Promise<string>) | null }): Check {
  const unset = "neither GITHUB_TOKEN nor a GitHub App is set: commits are not looked up";
  return { name: "GitHub", look: () => login(facts.whoAmI, unset) };
}

/** `whoAmI` rejects with OutsideError; null: no credentials are set. */
export function jiraCheck(facts: { whoAmI: (() => Promise<string>) | null }): Check {
  return { name: "Jira", look: () => login(facts.whoAmI, "no JIRA_URL: tickets are not looked up") };
}

async function login(whoAmI: (() => Promise<string>) | null, unset: string): Promise<Finding> {
  if (whoAmI === null) return { state: "absent", detail: unset };
  return outside(async () => `logged in as ${await whoAmI()}`);
}

/** What somebody else's server says, or its failure with the way on. */
async function outside(ask: () => Promise<string>): Promise<Finding> {
  try {
    return ok(await ask());
  } catch (error) {
    if (error instanceof OutsideError) return wrong(error.message, reasons[error.reason].next);
    throw error;
  }
}

/** `check` rejects with OutsideError when the registry does not answer or refuses the login. */
export function registryCheck(facts: { host: string; check: (host: string) => Promise<void> }): Check {
  return {
    name: `registry ${facts.host}`,
    look: () =>
      outside(async () => {
        await facts.check(facts.host);
        return "answers";
      }),
  };
}

/** The engine behind a unix socket: that it answers, and that containers survive its restart. */
export function dockerCheck(socketPath: string): Check {
  return {
    name: "Docker engine",
    look: async (signal) => {
      const answer = await engineInfo(socketPath, signal).catch((error: NodeJS.ErrnoException) => error.code ?? error.message);
      if (typeof answer === "string") {
        const next = answer === "EACCES" ? "let this user into the group docker" : reasons.engine_down.next;
        return wrong(`${socketPath} does not answer (${answer})`, next);
      }
      const version = `version ${String(answer.ServerVersion)}`;
      if (answer.LiveRestoreEnabled === true) return ok(`${version}, live-restore on`);
      return wrong(
        `${version}, live-restore off`,
        'put "live-restore": true into /etc/docker/daemon.json, then systemctl reload docker',
      );
    },
  };
}

function engineInfo(socketPath: string, signal: AbortSignal): Promise<Readonly<Record<string, unknown>>> {
  const { promise, resolve, reject } = Promise.withResolvers<Readonly<Record<string, unknown>>>();
  const call = request({ socketPath, path: "/info", signal, headers: { host: "docker" } }, (response) => {
    let text = "";
    response.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
    });
    response.on("error", reject).on("end", () => {
      if (response.statusCode === 200) resolve(JSON.parse(text));
      else reject(new Error(`HTTP ${response.statusCode}`));
    });
  });
  call.on("error", reject).end();
  return promise;
}

/** Compares with the Date header of a server that has the time. */
export function clockCheck(facts: { url: string; now: () => number }): Check {
  return {
    name: "clock",
    look: async (signal) => {
      const sentAt = facts.now();
      const response = await fetch(facts.url, { method: "HEAD", signal, redirect: "manual" });
      const date = Date.parse(response.headers.get("date") ?? "");
      if (Number.isNaN(date)) return { state: "absent", detail: `${new URL(facts.url).host} does not tell the time` };
      // The header has whole seconds, cut off; and the answer was made between the two readings.
      const ours = (sentAt + facts.now()) / 2 - 500;
      const skewMs = Math.round(ours - date);
      if (Math.abs(skewMs) <= maxSkewMs)
        return ok(`within ${Math.ceil(Math.abs(skewMs) / 1000)} s of ${new URL(facts.url).host}`);
      const side = skewMs > 0 ? "ahead" : "behind";
      return wrong(
        `${Math.round(Math.abs(skewMs) / 1000)} s ${side} of ${new URL(facts.url).host}`,
        "switch time synchronisation on: timedatectl set-ntp true",
      );
    },
  };
}

export type DatabaseFacts = {
  readonly path: string;
  readonly integrity: string;
  /** Things that were to be said outside and were given up. */
  readonly dead: number;
  /** The newest of them, in words. */
  readonly lastDead: string | null;
  readonly frozen: FreezeFacts | null;
  readonly head: Head;
  /** Among the newest entries of the history. */
  readonly fault: ChainFault | null;
};

/** The server stands still, or the end of its history does not hold. */
export function fenceCheck(inspect: () => DatabaseFacts): Check {
  return {
    name: "history",
    look: async () => {
      const found = attempt(inspect);
      if (typeof found === "string") return unreadable(found);
      const { frozen, fault, head } = found;
      if (fault !== null) return wrong(`it does not hold at #${fault.seq}: ${fault.what}`, "run gantry audit verify");
      if (frozen !== null)
        return wrong(`the server stands still (${frozen.reason}): ${frozen.detail}`, "see gantry adopt --dry-run");
      return ok(`its newest entries hold, up to #${head.seq} ${head.hash.slice(0, 12)}; gantry audit verify walks all of them`);
    },
  };
}

/** `synchronous` asks the running server how its own connection is set (SQLite's pragma: 2 is FULL); null when none runs. */
export function databaseCheck(facts: { inspect: () => DatabaseFacts; synchronous: () => Promise<number | null> }): Check {
  return {
    name: "database",
    look: async () => {
      const found = attempt(facts.inspect);
      if (typeof found === "string") return unreadable(found);
      const { integrity, path } = found;
      if (integrity !== "ok") return wrong(`${path} is damaged: ${integrity}`, "stop the server and restore the last backup");
      const synchronous = await facts.synchronous();
      if (synchronous === null) return ok(`${path}: whole; no server runs on it`);
      if (synchronous >= 2) return ok(`${path}: whole, and the server writes with synchronous=FULL`);
      const next = "this would lose data at a power cut: report it as a fault in Gantry";
      return wrong(`the server writes ${path} with synchronous=${synchronous}`, next);
    },
  };
}

/** What was promised to Slack, GitHub or Jira and never arrived. */
export function outboxCheck(inspect: () => DatabaseFacts): Check {
  return {
    name: "outbox",
    look: async () => {
      const found = attempt(inspect);
      if (typeof found === "string") return unreadable(found);
      if (found.dead === 0) return ok("nothing was given up in the last 7 days");
      const next = "it is not tried again; see to the cause, and tell those it was for";
      return wrong(`${found.dead} given up in the last 7 days, the last: ${found.lastDead ?? "?"}`, next);
    },
  };
}

function unreadable(why: string): Finding {
  return wrong(`cannot be read: ${why}`, "check GANTRY_DATA and its owner; the first start of the server makes it");
}

/** The facts, or why there are none. */
function attempt(inspect: () => DatabaseFacts): DatabaseFacts | string {
  try {
    return inspect();
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

export function diskCheck(facts: { path: string; minFreeBytes: number }): Check {
  return {
    name: "disk",
    look: async () => {
      const { bavail, bsize, ffree, files } = await statfs(facts.path);
      const free = `${Math.floor((bavail * bsize) / 1024 ** 2)} MiB free under ${facts.path}`;
      if (bavail * bsize < facts.minFreeBytes)
        return wrong(free, `free some: Gantry wants ${Math.ceil(facts.minFreeBytes / 1024 ** 2)} MiB`);
      if (files > 0 && ffree < 1000) return wrong(`${ffree} inodes free under ${facts.path}`, "remove small files");
      return ok(free);
    },
  };
}
