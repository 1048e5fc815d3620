import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, constants, mkdtempSync, openSync, readFileSync, readSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { redact, secretKind } from "../../src/core/redact.ts";
import { createLog, isLogLevel, type LogLevel, toFile } from "../../src/log.ts";

function logOf(level: LogLevel, secrets: readonly string[] = []) {
  const lines: string[] = [];
  const log = createLog({ level, secrets, destination: { write: (line: string) => void lines.push(line) } });
  return { log, lines };
}

/** Secrets, put together here so that no scanner takes this file for a leak. */
const secrets: readonly (readonly [string, string])[] = [
  ["a Slack token", `xoxb-${"1234567890-"}abcdefGHIJ`],
  ["a Slack token", `xoxe.xoxp-${"1-Mi0yLTEyMzQ1"}`],
  ["a Slack app token", `xapp-1-${"A012345-678-abcdef"}`],
  ["a GitHub token", `ghp_${"a1B2".repeat(9)}`],
  ["a GitHub token", `ghs_${"a1B2".repeat(9)}`],
  ["a GitHub token", `github_pat_${"11ABC_".repeat(8)}`],
  ["a Jira token", `ATATT3${"xFfGF0abc-_=".repeat(4)}`],
  ["an enrolment token", `gnt_${"k3J9".repeat(6)}`],
  ["an AWS key", `AKIA${"IOSFODNN7EXAMPLE"}`],
  ["a Google key", `AIza${"SyD4-x_".repeat(5)}`],
  ["a Stripe key", `sk_live_${"abc123".repeat(4)}`],
  ["a JSON web token", `eyJ${"hbGciOiJI"}.eyJ${"zdWIiOiIx"}.sig-nature`],
  ["a private key", `-----BEGIN RSA PRIVATE KEY-----\nMIIE\nabc+/=\n-----END RSA PRIVATE KEY-----`],
];

test("whatever looks like a secret is taken out of a text, and nothing around it", () => {
  for (const [kind, secret] of secrets) {
    assert.equal(redact(`before ${secret} after`), "before [redacted] after", kind);
    assert.equal(secretKind(secret), kind);
  }
  assert.equal(redact(`https://hooks.slack.com/services/T0/B0/${"x".repeat(24)} `), "https://hooks.slack.com/[redacted] ");
  assert.equal(redact("postgres://ana:p4ss-word@db:5432/x"), "postgres://ana:[redacted]@db:5432/x");
  assert.equal(redact("GET / Authorization: Bearer abc.def~ghi+/=="), "GET / Authorization: Bearer [redacted]");
  assert.equal(redact("authorization: basic dXNlcjpwYXNz"), "authorization: basic [redacted]");
});

test("a private key without its end is taken out to the end", () => {
  assert.equal(redact("key -----BEGIN PRIVATE KEY-----\nMIIEabc\nmore"), "key [redacted]");
});

test("ordinary words stay", () => {
  const plain = [
    "commit a94a8fe5ccb19ba61c4c0873d391e987982fbbd3",
    "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "http://127.0.0.1:8080/healthz answers 500",
    "registry.example.com:5000/team/api@sha256:abc",
    "mail ana@example.com about it, bearer of news",
    "xoxo, ghost_writer, gnt",
    "-----BEGIN CERTIFICATE-----",
  ];
  for (const text of plain) {
    assert.equal(redact(text), text);
    assert.equal(secretKind(text), null, text);
  }
});

test("known values are taken out wherever they stand; very short ones would blot out words", () => {
  assert.equal(redact("a hunter2 b hunter2", ["hunter2"]), "a [redacted] b [redacted]");
  assert.equal(redact("the cat", ["the"]), "the cat");
});

test("hostile text costs no time", () => {
  const hostile = [
    "-----BEGIN PRIVATE KEY-----".repeat(4000),
    "a://".repeat(25_000),
    `a://${"b".repeat(100_000)}`,
    "Bearer ".repeat(15_000),
  ];
  hostile.push("eyJaaaaaaaa.".repeat(9000), "-".repeat(100_000), "xox".repeat(33_000), `https://${"u:".repeat(50_000)}`);
  for (const text of hostile) {
    const before = process.cpuUsage();
    redact(text);
    const { user, system } = process.cpuUsage(before);
    const tookMs = (user + system) / 1000;
    assert.ok(tookMs < 500, `${tookMs} ms for ${text.slice(0, 30)}`);
  }
});

test("the log takes secrets out of messages, facts, errors and nested facts", () => {
  const known = 'odd "known" value\nof two lines';
  const { log, lines } = logOf("info", [known]);
  const [, slack = ""] = secrets[0] ?? [];
  log.info({ note: known, deep: { deeper: { url: `https://x?t=${encodeURIComponent(known)}` } } }, `said ${slack}`);
  log.error({ err: new Error(`failed with ${slack}`, { cause: new Error(known) }) }, "it failed");
  log.warn({ token: "plain", slack: { response_url: "https://hooks.example/x", trigger_id: "1.2.3" } }, "by name");
  assert.equal(lines.length, 3);
  for (const line of lines) {
    assert.doesNotThrow(() => JSON.parse(line));
    for (const secret of [slack, "known", "plain", "hooks.example", "1.2.3"]) assert.ok(!line.includes(secret), line);
  }
});

test("a line is JSON with level and UTC time, and cannot rewrite a terminal", () => {
  const { log, lines } = logOf("info");
  log.info({ rollout: 142 }, "swapped\nFAKE line \u001b[2J \u202e \u009b31m");
  assert.equal(lines.length, 1);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
  assert.doesNotMatch((lines[0] ?? "").trimEnd(), /[\u0000-\u001f\u007f-\u009f\u202e]/);
  const line = JSON.parse(lines[0] ?? "");
  assert.equal(line.level, "info");
  assert.match(line.time, /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
  assert.equal(line.rollout, 142);
  assert.equal(line.msg, "swapped\nFAKE line \u001b[2J \u202e \u009b31m");
});

test("levels are obeyed", () => {
  const { log, lines } = logOf("warn");
  log.debug({}, "a");
  log.info({}, "b");
  log.warn({}, "c");
  log.error({}, "d");
  assert.deepEqual(
    lines.map((line) => JSON.parse(line).msg),
    ["c", "d"],
  );
  assert.deepEqual(["debug", "silent", "trace", "INFO", ""].map(isLogLevel), [true, true, false, false, false]);
});

test("a log whose reader has gone, or whose disk is full, stops nobody; how much was lost stands in it when it can be written again", () => {
  const folder = mkdtempSync(join(tmpdir(), "gantry-log-"));
  const file = join(folder, "log");
  const full = openSync("/dev/full", "w");
  const destination = toFile(full);
  destination.write('{"msg":"one"}\n');
  destination.write('{"msg":"two"}\n');
  closeSync(full);
  // The same number again, as after the disk has room.
  const fd = openSync(file, "w");
  assert.equal(fd, full);
  destination.write('{"msg":"three"}\n');
  destination.write('{"msg":"four"}\n');
  const lines = readFileSync(file, "utf8").trimEnd().split("\n");
  assert.match(lines[0] ?? "", /"lost":2,"msg":"lines of the log could not be written"/);
  assert.deepEqual(lines.slice(1), ['{"msg":"three"}', '{"msg":"four"}']);
  closeSync(fd);
  rmSync(folder, { recursive: true });
});

test("a reader that stands still is waited for once, and what it missed does not run into what follows", async () => {
  const folder = mkdtempSync(join(tmpdir(), "gantry-log-"));
  const pipe = join(folder, "pipe");
  execFileSync("mkfifo", [pipe]);
  const reading = openSync(pipe, constants.O_RDONLY | constants.O_NONBLOCK);
  const writing = openSync(pipe, constants.O_WRONLY | constants.O_NONBLOCK);
  const destination = toFile(writing);
  const long = `{"msg":"${"x".repeat(40_000)}"}\n`;
  destination.write(long);
  const start = performance.now();
  for (let i = 0; i < 20; i += 1) destination.write(long);
  assert.ok(performance.now() - start < 5_000, "not half a second for each of them");
  const drained = () => {
    const chunk = Buffer.alloc(1 << 20);
    return chunk.subarray(0, readSync(reading, chunk)).toString();
  };
  drained();
  destination.write('{"msg":"after"}\n');
  assert.match(drained(), /^\n\{"level":"warn","lost":20,"msg":"lines of the log could not be written"\}\n\{"msg":"after"\}\n$/);
  closeSync(writing);
  closeSync(reading);
  rmSync(folder, { recursive: true });
});

test("a process whose log nobody reads any more goes on, and ends when it wants to", async () => {
  const script = `
    const { createLog } = await import(${JSON.stringify(new URL("../../src/log.ts", import.meta.url).href)});
    const log = createLog({ level: "info", secrets: [] });
    log.info({}, "first");
    process.stdin.once("data", () => {
      log.info({}, "nobody reads this");
      log.info({}, "nor this");
      process.exit(7);
    });`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: ["pipe", "pipe", "inherit"] });
  await once(child.stdout, "data");
  child.stdout.destroy();
  await once(child.stdout, "close");
  child.stdin.write("go on\n");
  const [code] = await once(child, "exit", { signal: AbortSignal.timeout(20_000) }).catch((error) => {
    child.kill("SIGKILL");
    throw error;
  });
  assert.equal(code, 7);
});
