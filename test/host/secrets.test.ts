// What a container gets of its secrets, what is refused, and what of it can be seen afterwards.
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { AskError } from "../../src/core/ask.ts";
import type { SecretUse } from "../../src/core/release.ts";
import { EngineError } from "../../src/host/engine.ts";
import { labelsFor, marksOf, wantedContainers } from "../../src/host/labels.ts";
import { cleanTail } from "../../src/host/log-tail.ts";
import { createSecretFiles } from "../../src/host/secret-files.ts";
import { type Provided, provideSecrets, type SecretTools, secretLines } from "../../src/host/secrets.ts";
import { aClock } from "../app/kit.ts";
import { order, plainSpec, spec } from "./kit/orders.ts";

const canary = "canary-51c0ffee77";
const root = mkdtempSync(join(tmpdir(), "gantry-secrets-"));
after(() => rmSync(root, { recursive: true, force: true }));
let count = 0;

const toFile = {
  kind: "file",
  target: "/run/secrets/db",
  uid: process.getuid?.() ?? 0,
  gid: process.getgid?.() ?? 0,
  mode: 0o440,
} as const;
const onHost = (path: string, to: SecretUse["to"] = toFile): SecretUse => ({ name: "db", from: { kind: "host", path }, to });
const ofServer = (to: SecretUse["to"] = toFile): SecretUse => ({ name: "db", from: { kind: "server", name: "database" }, to });
const variable = { kind: "variable", variable: "DB_PASSWORD" } as const;

/** An agent's end of it in folders of its own. `ask`: the server's answer. */
function anAgent(ask: SecretTools["ask"] = async () => Buffer.from(canary)) {
  const dir = join(root, String(++count));
  mkdirSync(join(dir, "host"), { recursive: true });
  const files = createSecretFiles(join(dir, "state"));
  const secrets: SecretTools = { dir: join(dir, "host"), files, ask };
  const { clock, passes } = aClock();
  const bench = { secrets, clock, newer: () => new AbortController().signal };
  const give = (...uses: SecretUse[]): Promise<Provided> =>
    provideSecrets(bench, {
      order: { service: "api", environment: "prod", release: 1 },
      container: "gantry-api.prod-g1",
      spec: { ...plainSpec, secrets: uses },
    });
  return { dir, secrets, give, passes, bench };
}

async function refusal(giving: Promise<unknown>, dir = ""): Promise<string> {
  const error = await giving.then(
    () => assert.fail("it was given"),
    (thrown: EngineError) => thrown,
  );
  assert.ok(error instanceof EngineError);
  assert.equal(error.reason, "secret_missing");
  assert.doesNotMatch(`${error.stack} ${error.cause}`, new RegExp(canary));
  return error.message.replaceAll(dir, "");
}

test("a file is what it is on the host, for its owner, below a folder that nobody else can enter", async () => {
  const { dir, give } = anAgent();
  writeFileSync(join(dir, "host/db"), `${canary}\n`);
  const { environment, volumes } = await give(onHost("./db"));
  assert.deepEqual(environment, []);
  const [volume] = volumes;
  assert.deepEqual(volumes, [{ source: volume?.source, target: "/run/secrets/db", readOnly: true, mustExist: true }]);
  assert.equal(readFileSync(volume?.source ?? "", "utf8"), `${canary}\n`);
  assert.equal(statSync(volume?.source ?? "").mode & 0o777, 0o440);
  assert.equal(statSync(join(dir, "state")).mode & 0o777, 0o700);
  assert.equal(statSync(join(dir, "state/gantry-api.prod-g1")).mode & 0o777, 0o700);
});

test("a variable has no line end, and a value that is asked for once is asked once", async () => {
  let asked = 0;
  const { give } = anAgent(async (wanted) => {
    asked += 1;
    assert.deepEqual(wanted, { service: "api", environment: "prod", release: 1, name: "db" });
    return Buffer.from(`${canary}\n`);
  });
  const { environment, volumes } = await give(ofServer(variable), ofServer());
  assert.deepEqual(environment, [`DB_PASSWORD=${canary}`]);
  assert.equal(readFileSync(volumes[0]?.source ?? "", "utf8"), `${canary}\n`);
  assert.equal(asked, 1);
});

test("what is not to be had is said with where it was looked for, and leaves nothing behind", async () => {
  const { dir, give } = anAgent(async () => {
    throw new AskError("secret_missing", "/etc/gantry/db is not on the server");
  });
  writeFileSync(join(dir, "host/empty"), "");
  writeFileSync(join(dir, "host/long"), canary.repeat(5_000));
  writeFileSync(join(dir, "host/binary"), Buffer.from([0xff, 0x00, 0x01]));
  mkdirSync(join(dir, "host/folder"));
  const why = (use: SecretUse) => refusal(give(use), dir);
  assert.equal(await why(onHost("none")), "the secret db: /host/none is not on this host");
  assert.equal(await why(onHost("empty")), "the secret db: /host/empty is empty");
  assert.equal(await why(onHost("long")), "the secret db: /host/long is longer than 64 KiB");
  assert.equal(await why(onHost("folder")), "the secret db: /host/folder is no file");
  assert.equal(await why(onHost("empty/x")), "the secret db: /host/empty/x cannot be read (ENOTDIR)");
  assert.equal(await why(onHost("/etc/shadow")), "the secret db: /etc/shadow is outside /host (see --secrets-dir)");
  assert.equal(await why(onHost("../state")), "the secret db: /state is outside /host (see --secrets-dir)");
  assert.equal(await why(onHost("binary", variable)), "the secret db: its value is no text, which a variable must be");
  assert.equal(await why(ofServer()), "the secret db: /etc/gantry/db is not on the server");
  assert.deepEqual(readdirSync(join(dir, "state")), []);
});

test("a server that is away for a moment is waited for; one that stays away ends the swap before it has begun", async () => {
  let isBack = false;
  const { give, passes } = anAgent(async () => {
    if (!isBack) throw new AskError("host_lost", "the connection ended");
    return Buffer.from(canary);
  });
  const giving = give(ofServer(variable));
  await passes(5_000);
  isBack = true;
  await passes(1_000);
  assert.deepEqual((await giving).environment, [`DB_PASSWORD=${canary}`]);
  isBack = false;
  const refused = refusal(give(ofServer(variable)));
  await passes(31_000);
  assert.equal(await refused, "the secret db: the server cannot be asked: the connection ended");
});

test("what was left by an agent before this one goes, unless a container has it", async () => {
  const { dir, secrets } = anAgent();
  const file = { bytes: Buffer.from(canary), uid: toFile.uid, gid: toFile.gid, mode: 0o400 };
  await secrets.files.put("gantry-api.prod-g1", [file]);
  await secrets.files.put("gantry-api.prod-g2", [file]);
  const next = createSecretFiles(join(dir, "state"));
  await next.put("gantry-api.prod-g3", [file]);
  await next.sweep(new Set(["gantry-api.prod-g2"]));
  assert.deepEqual(readdirSync(join(dir, "state")), ["gantry-api.prod-g2", "gantry-api.prod-g3"]);
  await next.remove("gantry-api.prod-g2");
  assert.deepEqual((await next.read("gantry-api.prod-g2")).length, 0);
});

test("labels name what is secret, and hold none of it", () => {
  const desired = order({
    generation: 7,
    digest: `sha256:${"a".repeat(64)}`,
    container: { secrets: [ofServer(), ofServer(variable)] },
  });
  const release = desired.release;
  assert.ok(release !== null);
  const [member] = wantedContainers(release);
  assert.ok(member !== undefined);
  const labels = labelsFor({ desired, release, member, replaces: null, gate: null, place: 0 });
  assert.deepEqual(marksOf(labels)?.secrets, { folder: "gantry-api.prod-g7", variables: ["DB_PASSWORD"] });
  assert.equal(marksOf({ ...labels, "gantry.secrets": '{"folder":"../../etc","variables":[]}' })?.secrets?.folder, null);
  const without = labelsFor({
    desired,
    release: { ...release, spec: spec() },
    member: { ...member, container: plainSpec },
    replaces: null,
    gate: null,
    place: 0,
  });
  assert.ok(!("gantry.secrets" in without));
});

test("another version of a secret makes another container", () => {
  const of = (version: string) => {
    const made = order({
      generation: 1,
      digest: `sha256:${"a".repeat(64)}`,
      container: { secrets: [{ ...ofServer(), version }] },
    });
    return made.release === null ? null : wantedContainers(made.release)[0]?.specHash;
  };
  assert.equal(of("1"), of("1"));
  assert.notEqual(of("1"), of("2"));
});

test("values are taken out of what a container prints, in the forms in which programs print them", async () => {
  const { secrets } = anAgent();
  const inFile = 'pass"word with space\nsecond line of it';
  const file = { bytes: Buffer.from(`${inFile}\n`), uid: toFile.uid, gid: toFile.gid, mode: 0o400 };
  await secrets.files.put("gantry-api.prod-g1", [file]);
  const desired = order({
    generation: 1,
    digest: `sha256:${"a".repeat(64)}`,
    container: { secrets: [ofServer(), ofServer({ kind: "variable", variable: "PLAIN" })] },
  });
  const release = desired.release;
  const member = release === null ? undefined : wantedContainers(release)[0];
  assert.ok(release !== null && member !== undefined);
  const labels = labelsFor({ desired, release, member, replaces: null, gate: null, place: 0 });
  const lines = await secretLines({ labels, environment: [`PLAIN=${canary}`, "PORT=8080"] }, secrets.files);
  const shown = (line: string) => cleanTail([line], lines)[0];
  assert.equal(shown(`login with ${canary} on 8080`), "login with [redacted] on 8080");
  assert.equal(shown('login with pass"word with space'), "login with [redacted]");
  assert.equal(shown("second line of it"), "[redacted]");
  assert.equal(shown(JSON.stringify({ db: inFile })), '{"db":"[redacted]"}');
  assert.equal(shown(`?db=${encodeURIComponent(canary)}&x=1`), "?db=[redacted]&x=1");
  assert.equal(shown(Buffer.from(inFile).toString("base64")), "[redacted]");
  assert.equal(shown(`Basic ${Buffer.from(canary).toString("base64")}`), "Basic [redacted]");
});
