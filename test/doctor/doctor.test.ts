import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { OutsideError } from "../../src/app/ports.ts";
import { type Check, type Finding, runDoctor } from "../../src/doctor.ts";
import {
  clockCheck,
  configCheck,
  databaseCheck,
  diskCheck,
  dockerCheck,
  githubCheck,
  jiraCheck,
  registryCheck,
  type SlackFacts,
  slackChecks,
} from "../../src/doctor-checks.ts";
import { folderOf, goodGantry, goodService } from "../config/files.ts";

const root = mkdtempSync(join(tmpdir(), "gantry-doctor-"));
after(() => rmSync(root, { recursive: true, force: true }));

/** A server that answers as told; its address without a slash at the end. */
async function serverOf(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** What is printed of the checks, with runs of spaces as one. */
async function printed(checks: readonly Check[], options: { timeoutMs?: number; secrets?: readonly string[] } = {}) {
  const lines: string[] = [];
  const { exitCode } = await runDoctor({ checks, print: (line) => lines.push(line.replace(/ +/g, " ")), ...options });
  return { lines, exitCode };
}

async function findingOf(check: Check | undefined): Promise<Finding> {
  if (check === undefined) throw new Error("no such check");
  const { findings } = await runDoctor({ checks: [check], print: () => {}, timeoutMs: 5000 });
  return findings[0]?.finding as Finding;
}

const ok = (detail: string): Finding => ({ state: "ok", detail });
const wrong = (detail: string, next: string): Finding => ({ state: "wrong", detail, next });
const absent = (detail: string): Finding => ({ state: "absent", detail });

test("a line for each check, in order, and a verdict", async () => {
  const checks: Check[] = [
    { name: "one", look: async () => ok("fine") },
    { name: "two", look: async () => wrong("not\nfine", "do this") },
    { name: "three", look: async () => absent("not set") },
  ];
  assert.deepEqual(await printed(checks), {
    lines: ["ok one fine", "WRONG two not fine; do this", "- three not set", "1 of 3 is wrong."],
    exitCode: 1,
  });
  assert.deepEqual(await printed(checks.slice(0, 1)), { lines: ["ok one fine", "All is well."], exitCode: 0 });
});

test("a check that throws, rejects or hangs is wrong, and does not hold up the others", async () => {
  const checks: Check[] = [
    {
      name: "throws",
      look: () => {
        throw new Error("bang");
      },
    },
    { name: "rejects", look: () => Promise.reject(new Error("fetch failed", { cause: { code: "ECONNREFUSED" } })) },
    { name: "hangs", look: () => new Promise(() => {}) },
    { name: "lives", look: async () => ok("fine") },
  ];
  const { lines } = await printed(checks, { timeoutMs: 100 });
  assert.deepEqual(lines, [
    "WRONG throws bang; check the address and the network",
    "WRONG rejects fetch failed (ECONNREFUSED); check the address and the network",
    "WRONG hangs no answer within 100 ms; check the network between this machine and it",
    "ok lives fine",
    "3 of 4 are wrong.",
  ]);
});

test("nothing secret is printed", async () => {
  const check: Check = { name: "leak", look: async () => ok("token hunter2 and xoxb-1234567890-abc") };
  assert.deepEqual((await printed([check], { secrets: ["hunter2"] })).lines[0], "ok leak token [redacted] and [redacted]");
});

function slackFacts(facts: Partial<SlackFacts>): SlackFacts {
  return {
    botToken: "xoxb-1",
    appToken: "xapp-1",
    signingSecret: null,
    apiUrl: "http://127.0.0.1:9/",
    scopes: ["chat:write"],
    ...facts,
  };
}

test("Slack's tokens are looked at before they are tried", async () => {
  const say = async (facts: Partial<SlackFacts>) => (await findingOf(slackChecks(slackFacts(facts))[0])).detail;
  assert.equal(await say({}), "for Socket Mode");
  assert.equal(await say({ appToken: null, signingSecret: "s" }), "for HTTP mode");
  assert.equal(await say({ botToken: null }), "SLACK_BOT_TOKEN is not set");
  assert.equal(await say({ botToken: "xapp-1" }), "SLACK_BOT_TOKEN is not a bot token");
  assert.equal(await say({ appToken: "xoxb-1" }), "SLACK_APP_TOKEN is not an app token");
  assert.equal(await say({ appToken: null }), "neither SLACK_APP_TOKEN nor SLACK_SIGNING_SECRET is set");
});

test("Slack's login, scopes and socket are tried", async () => {
  let scopes = "chat:write,commands";
  const apiUrl = `${await serverOf((request, response) => {
    const good = ["Bearer xoxb-1", "Bearer xapp-1"].includes(request.headers.authorization ?? "");
    response.setHeader("x-oauth-scopes", scopes);
    response.end(JSON.stringify(good ? { ok: true, team: "Acme", user: "gantry" } : { ok: false, error: "invalid_auth" }));
  })}/api/`;
  const look = async (at: number, facts: Partial<SlackFacts> = {}) =>
    await findingOf(slackChecks(slackFacts({ apiUrl, ...facts }))[at]);
  assert.deepEqual(await look(1), ok("Acme, as gantry"));
  assert.deepEqual(await look(2), ok("a socket can be opened"));
  scopes = "commands";
  assert.deepEqual(
    await look(1),
    wrong("scopes are missing: chat:write", "update the app from manifest.yml and install it again"),
  );
  assert.equal((await look(1, { botToken: "xoxb-2" })).detail, "Slack says invalid_auth");
  assert.equal((await look(2, { appToken: "xapp-2" })).detail, "Slack says invalid_auth");
  assert.deepEqual(await look(1, { botToken: null }), absent("no token to try"));
  assert.deepEqual(await look(2, { appToken: null }), absent("HTTP mode: Slack calls us"));
});

test("GitHub and Jira are absent, well, or refuse", async () => {
  const url = await serverOf((request, response) => {
    const good = ["Bearer good", `Basic ${Buffer.from("ana@x:good").toString("base64")}`].includes(
      request.headers.authorization ?? "",
    );
    const known = ["/api/rate_limit", "/jira/rest/api/2/myself"].includes(request.url ?? "");
    response.writeHead(known ? (good ? 200 : 401) : 404, { "x-ratelimit-remaining": "4999" }).end("{}");
  });
  const github = (token: string | null, path = "/api") => findingOf(githubCheck({ token, apiUrl: `${url}${path}` }));
  assert.deepEqual(await github(null), absent("no GITHUB_TOKEN: commits are not looked up"));
  assert.deepEqual(await github("good"), ok("4999 calls left this hour"));
  assert.deepEqual(await github("bad"), wrong("GitHub answers HTTP 401", "Renew GITHUB_TOKEN."));
  assert.deepEqual(await github("good", "/wrong"), wrong("GitHub answers HTTP 404", "check GITHUB_API_URL"));
  const jira = (token: string | null, where: string | null = `${url}/jira`) =>
    findingOf(jiraCheck({ url: where, email: "ana@x", token }));
  assert.deepEqual(await jira("good", null), absent("no JIRA_URL: tickets are not looked up"));
  assert.deepEqual(await jira(null), wrong("JIRA_EMAIL or JIRA_API_TOKEN is not set", "set both"));
  assert.deepEqual(await jira("good"), ok("logged in as ana@x"));
  assert.deepEqual(await jira("bad"), wrong("Jira answers HTTP 401", "Renew JIRA_API_TOKEN."));
  assert.deepEqual(await jira("good", url), wrong("Jira answers HTTP 404", "check JIRA_URL"));
});

test("a registry's failure comes with its way on", async () => {
  const host = "r.example.com";
  assert.deepEqual(await findingOf(registryCheck({ host, check: async () => {} })), ok("answers"));
  const check = () => Promise.reject(new OutsideError({ reason: "registry_auth", message: `${host} refuses the login` }));
  assert.deepEqual(
    await findingOf(registryCheck({ host, check })),
    wrong(`${host} refuses the login`, "Renew the registry login."),
  );
});

test("the engine is asked over its socket", async () => {
  let answer: [number, object] = [200, { ServerVersion: "20.10.24", LiveRestoreEnabled: true }];
  const engine = createServer((_request, response) => void response.writeHead(answer[0]).end(JSON.stringify(answer[1])));
  const path = join(root, "docker.sock");
  await new Promise<void>((resolve) => engine.listen(path, resolve));
  after(() => engine.close());
  assert.deepEqual(await findingOf(dockerCheck(path)), ok("version 20.10.24, live-restore on"));
  answer = [200, { ServerVersion: "20.10.24", LiveRestoreEnabled: false }];
  const next = 'put "live-restore": true into /etc/docker/daemon.json, then systemctl reload docker';
  assert.deepEqual(await findingOf(dockerCheck(path)), wrong("version 20.10.24, live-restore off", next));
  answer = [500, {}];
  assert.equal((await findingOf(dockerCheck(path))).detail, `${path} does not answer (HTTP 500)`);
  const nowhere = join(root, "nothing.sock");
  const stopped = wrong(`${nowhere} does not answer (ENOENT)`, "Start the engine: systemctl status docker.");
  assert.deepEqual(await findingOf(dockerCheck(nowhere)), stopped);
});

test("the clock is compared with somebody else's", async () => {
  const url = await serverOf((_request, response) => void response.end());
  const host = new URL(url).host;
  assert.match((await findingOf(clockCheck({ url, now: () => Date.now() }))).detail, new RegExp(`^within [0-2] s of ${host}$`));
  const ahead = await findingOf(clockCheck({ url, now: () => Date.now() + 600_000 }));
  assert.match(ahead.detail, new RegExp(`^(599|600|601) s ahead of ${host}$`));
  assert.match((await findingOf(clockCheck({ url, now: () => Date.now() - 600_000 }))).detail, / s behind of /);
  const mute = await serverOf((_request, response) => {
    response.sendDate = false;
    response.end();
  });
  assert.deepEqual(
    await findingOf(clockCheck({ url: mute, now: () => Date.now() })),
    absent(`${new URL(mute).host} does not tell the time`),
  );
});

test("the database must be whole and durable", async () => {
  const look = (integrity: string, synchronous: number) =>
    findingOf(databaseCheck(() => ({ integrity, synchronous, path: "db" })));
  assert.deepEqual(await look("ok", 2), ok("db: whole, synchronous=FULL"));
  assert.equal((await look("ok", 1)).detail, "db runs with synchronous=1");
  assert.deepEqual(
    await look("row 7 missing", 2),
    wrong("db is damaged: row 7 missing", "stop the server and restore the last backup"),
  );
});

test("a database that cannot be opened is told with what to look at", async () => {
  const inspect = () => {
    throw new Error("unable to open database file");
  };
  assert.deepEqual(
    await findingOf(databaseCheck(inspect)),
    wrong(
      "cannot be read: unable to open database file",
      "check GANTRY_DATA and its owner; the first start of the server makes it",
    ),
  );
});

test("the disk must have room", async () => {
  assert.equal((await findingOf(diskCheck({ path: root, minFreeBytes: 1 }))).state, "ok");
  const full = await findingOf(diskCheck({ path: root, minFreeBytes: 2 ** 60 }));
  assert.match(full.state === "wrong" ? full.next : "", /^free some: Gantry wants \d+ MiB$/);
});

test("the configuration is loaded", async () => {
  const good = folderOf({ "gantry.yml": goodGantry, "services/api.yml": goodService });
  assert.match((await findingOf(configCheck(join(good, "gantry.yml")))).detail, /gantry\.yml: 1 service\(s\)$/);
  const bad = folderOf({ "gantry.yml": "peple: {}\ncolour: red", "services/api.yml": goodService });
  const finding = await findingOf(configCheck(join(bad, "gantry.yml")));
  assert.match(finding.detail, /^2 error\(s\), the first: .*gantry\.yml:1:1 unknown key "peple"/);
});
