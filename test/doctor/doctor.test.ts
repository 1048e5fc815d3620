import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { OutsideError } from "../../src/app/ports.ts";
import { registryHosts } from "../../src/diagnose.ts";
import { type Check, type Finding, runDoctor } from "../../src/doctor.ts";
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
  type SlackFacts,
  slackChecks,
} from "../../src/doctor-checks.ts";
import { folderOf, goodGantry, goodService, sayOf } from "../config/files.ts";

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

test("GitHub and Jira are absent, well, or refuse; a GitHub App counts like a token", async () => {
  assert.deepEqual(
    await findingOf(githubCheck({ whoAmI: null })),
    absent("neither GITHUB_TOKEN nor a GitHub App is set: commits are not looked up"),
  );
  assert.deepEqual(await findingOf(githubCheck({ whoAmI: async () => "App gantry" })), ok("logged in as App gantry"));
  const refused = new OutsideError({ reason: "github_auth", message: "The GitHub App's private key is not a key in PEM form" });
  assert.deepEqual(
    await findingOf(githubCheck({ whoAmI: () => Promise.reject(refused) })),
    wrong("The GitHub App's private key is not a key in PEM form", "Renew GITHUB_TOKEN."),
  );
  assert.deepEqual(await findingOf(jiraCheck({ whoAmI: null })), absent("no JIRA_URL: tickets are not looked up"));
  assert.deepEqual(await findingOf(jiraCheck({ whoAmI: async () => "user Gantry" })), ok("logged in as user Gantry"));
  const forbidden = new OutsideError({ reason: "jira_auth", message: "Jira answered 401" });
  assert.deepEqual(
    await findingOf(jiraCheck({ whoAmI: () => Promise.reject(forbidden) })),
    wrong("Jira answered 401", "Renew JIRA_API_TOKEN."),
  );
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

const sound: DatabaseFacts = {
  path: "db",
  integrity: "ok",
  dead: 0,
  lastDead: null,
  frozen: null,
  head: { seq: 1842, hash: "9f3a1c2b4d5e".repeat(5) },
  fault: null,
};

test("the database must be whole, and the server that writes it durable", async () => {
  const look = (integrity: string, synchronous: number | null) => {
    const inspect = () => ({ ...sound, integrity });
    return findingOf(databaseCheck({ inspect, synchronous: async () => synchronous }));
  };
  assert.deepEqual(await look("ok", 2), ok("db: whole, and the server writes with synchronous=FULL"));
  assert.deepEqual(await look("ok", null), ok("db: whole; no server runs on it"));
  assert.equal((await look("ok", 1)).detail, "the server writes db with synchronous=1");
  assert.deepEqual(
    await look("row 7 missing", 2),
    wrong("db is damaged: row 7 missing", "stop the server and restore the last backup"),
  );
});

test("a server that stands still, and a history that does not hold, are told with the way on", async () => {
  const look = (change: Partial<DatabaseFacts>) => findingOf(fenceCheck(() => ({ ...sound, ...change })));
  const well = "its newest entries hold, up to #1842 9f3a1c2b4d5e; gantry audit verify walks all of them";
  assert.deepEqual(await look({}), ok(well));
  const frozen = { reason: "server_behind", at: 1, host: "web-1", detail: "web-1 has obeyed epoch 2." } as const;
  const still = wrong("the server stands still (server_behind): web-1 has obeyed epoch 2.", "see gantry adopt --dry-run");
  assert.deepEqual(await look({ frozen }), still);
  const fault = { seq: 7, what: "changed: an act" };
  assert.deepEqual(await look({ frozen, fault }), wrong("it does not hold at #7: changed: an act", "run gantry audit verify"));
});

test("what was given up is told", async () => {
  assert.deepEqual(await findingOf(outboxCheck(() => sound)), ok("nothing was given up in the last 7 days"));
  const lastDead = "ticket:7:SEC-1 (Jira answered 403)";
  assert.equal(
    (await findingOf(outboxCheck(() => ({ ...sound, dead: 2, lastDead })))).detail,
    "2 given up in the last 7 days, the last: ticket:7:SEC-1 (Jira answered 403)",
  );
});

test("a database that cannot be opened is told with what to look at", async () => {
  const inspect = () => {
    throw new Error("unable to open database file");
  };
  const unreadable = wrong(
    "cannot be read: unable to open database file",
    "check GANTRY_DATA and its owner; the first start of the server makes it",
  );
  assert.deepEqual(await findingOf(databaseCheck({ inspect, synchronous: async () => null })), unreadable);
  assert.deepEqual(await findingOf(outboxCheck(inspect)), unreadable);
});

test("registries are those of gantry.yml, or those that services use", () => {
  const hosts = (gantry: string, service = goodService) => {
    const { loaded } = sayOf(folderOf({ "gantry.yml": gantry, "services/api.yml": service }));
    return registryHosts(loaded);
  };
  const beside = goodService.replace("x-gantry:", "  metrics: { image: other.example.com/metrics:v3 }\nx-gantry:");
  assert.deepEqual(hosts(goodGantry), ["registry.example.com", "localhost:5000"]);
  assert.deepEqual(hosts(goodGantry.replace(/registries:[\s\S]*$/, "")), ["registry.example.com"]);
  const used = hosts(goodGantry.replace(/registries:[\s\S]*$/, ""), beside);
  assert.deepEqual(used, ["registry.example.com", "other.example.com"], "also of containers beside the released one");
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
