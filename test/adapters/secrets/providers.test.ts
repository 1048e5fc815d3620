// Where the server reads secrets: files, variables and commands, with everything that can be wrong with them.
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { systemClock } from "../../../src/app/clock.ts";
import type { OutsideError, Secrets } from "../../../src/app/ports.ts";
import type { SecretProvider } from "../../../src/core/secrets.ts";
import { versionKey } from "../../../src/secrets/key.ts";
import { createSecrets } from "../../../src/secrets/secrets.ts";
import { aClock } from "../../app/kit.ts";
import { eventually } from "../../kit/eventually.ts";

const canary = "canary-7f3a9c1e5d";
const folder = mkdtempSync(join(tmpdir(), "gantry-secrets-"));
after(() => rmSync(folder, { recursive: true, force: true }));

function file(name: string, text: string): string {
  writeFileSync(join(folder, name), text, { mode: 0o600 });
  return join(folder, name);
}

type From = SecretProvider["from"];
const provider = (from: From, more: Partial<SecretProvider> = {}): SecretProvider => {
  return { name: "db", environment: null, services: [], from, ...more };
};
const env = { DB: `${canary}\n`, SLACK_BOT_TOKEN: "xoxb-mine", PATH: process.env["PATH"] };
const asked = { service: "api", environment: "prod", name: "db" };

function secretsOf(...providers: readonly SecretProvider[]): Secrets {
  return createSecrets({ providers, key: versionKey(folder), clock: systemClock, env });
}

async function givenBy(from: From): Promise<string> {
  return Buffer.from((await secretsOf(provider(from)).read(asked)).bytes).toString();
}

async function refusalOf(from: From): Promise<string> {
  const error = await givenBy(from).then(
    (value) => assert.fail(`it gave ${value}`),
    (thrown: OutsideError) => thrown,
  );
  assert.equal(error.reason, "secret_missing");
  assert.doesNotMatch(`${error.stack} ${JSON.stringify(error)} ${error.cause}`, new RegExp(canary));
  return error.message.replaceAll(folder, "");
}

const command = (...words: string[]): From => ({ kind: "command", command: words });
const path = (name: string): From => ({ kind: "file", path: join(folder, name) });

test("a file, a variable and a command give their value, without one line end", async () => {
  file("plain", `${canary}\n`);
  file("windows", `${canary}\r\n`);
  file("many", `${canary}\n\n`);
  assert.equal(await givenBy(path("plain")), canary);
  assert.equal(await givenBy(path("windows")), canary);
  assert.equal(await givenBy(path("many")), `${canary}\n`);
  assert.equal(await givenBy({ kind: "environment", variable: "DB" }), canary);
  assert.equal(await givenBy(command("printf", "%s", `${canary} $HOME; ls`)), `${canary} $HOME; ls`);
});

test("what is wrong is said with its place, and never with what was read", async () => {
  file("empty", "\n");
  file("long", canary.repeat(5_000));
  mkdirSync(join(folder, "dir"), { recursive: true });
  assert.equal(await refusalOf(path("none")), "/none is not on the server");
  assert.equal(await refusalOf(path("empty")), "/empty on the server is empty");
  assert.equal(await refusalOf(path("long")), "/long on the server is longer than 64 KiB");
  assert.equal(await refusalOf(path("dir")), "/dir on the server is no file");
  assert.equal(await refusalOf(path("plain/x")), "/plain/x on the server cannot be read (ENOTDIR)");
  assert.equal(await refusalOf({ kind: "environment", variable: "NONE" }), "the server has no variable NONE");
  assert.equal(await refusalOf(command("/no/such/vault")), "the command vault cannot be run (ENOENT)");
  const fails = await refusalOf(command("sh", "-c", `echo ${canary}; echo ${canary} >&2; exit 3`));
  assert.equal(fails, "the command sh ended with exit code 3");
  assert.equal(await refusalOf(command("true")), "what the command true prints is empty");
});

test("a command that prints without end is ended, with all that it has started", async () => {
  const pidFile = join(folder, "pid");
  const script = `sleep 300 & echo $! > ${pidFile}; while :; do echo ${canary.repeat(200)}; done`;
  assert.equal(await refusalOf(command("sh", "-c", script)), "the command sh printed more than 64 KiB");
  const pid = Number(readFileSync(pidFile, "utf8"));
  await eventually(() => assert.ok(!isAlive(pid), "what it had started ends"));
});

test("a command that hangs is ended after ten seconds", async () => {
  const pidFile = join(folder, "hanging");
  const { clock, passes } = aClock();
  const hangs = provider(
    command("sh", "-c", `echo ${canary}; echo $$ > ${pidFile}.new; mv ${pidFile}.new ${pidFile}; exec sleep 300`),
  );
  const reading = createSecrets({ providers: [hangs], key: versionKey(folder), clock, env }).read(asked);
  const refused = assert.rejects(reading, { reason: "secret_missing", message: "the command sh did not end within 10 s" });
  const pid = await eventually(() => Number(readFileSync(pidFile, "utf8")));
  await passes(10_000);
  await refused;
  await eventually(() => assert.ok(!isAlive(pid), "it ends"));
});

test("a command does not get the server's own tokens", async () => {
  assert.equal(await givenBy(command("sh", "-c", 'echo "token:$SLACK_BOT_TOKEN"; echo "$DB"')), `token:\n${canary}\n`);
});

test("a version is the same for the same value, of that name, under that key, and tells nothing else", async () => {
  file("one", canary);
  const secrets = secretsOf(provider(path("one")), provider(path("one"), { name: "other" }));
  const { version } = await secrets.read(asked);
  assert.match(version, /^[0-9a-f]{12}$/);
  assert.equal((await secretsOf(provider(path("one"))).read(asked)).version, version);
  assert.notEqual((await secrets.read({ ...asked, name: "other" })).version, version);
  file("one", "another");
  assert.notEqual((await secrets.read(asked)).version, version);
  assert.equal(statSync(join(folder, "secrets.key")).mode & 0o777, 0o600);
});

test("an environment's own comes before the common one, and other services get nothing", async () => {
  file("common", "common");
  file("prod", "prod");
  const secrets = secretsOf(
    provider(path("common"), { services: ["api"] }),
    provider(path("prod"), { environment: "prod", services: ["api"] }),
  );
  const of = async (environment: string) => Buffer.from((await secrets.read({ ...asked, environment })).bytes).toString();
  assert.deepEqual([await of("prod"), await of("staging")], ["prod", "common"]);
  await assert.rejects(secrets.read({ ...asked, service: "web" }), { message: "gantry.yml does not say where it is" });
});

test("many that ask at one moment are one reading", async () => {
  const counted = join(folder, "count");
  const secrets = secretsOf(provider(command("sh", "-c", `echo x >> ${counted}; sleep 0.2; echo ${canary}`)));
  const all = await Promise.all(Array.from({ length: 50 }, () => secrets.read(asked)));
  assert.equal(new Set(all.map(({ version }) => version)).size, 1);
  assert.equal(readFileSync(counted, "utf8"), "x\n");
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}
