// Secrets on a real engine: given, kept with the container to go back to, gone with the last, and nowhere else.
import assert from "node:assert/strict";
import { existsSync, globSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { AskError } from "../../src/core/ask.ts";
import type { ContainerSpec, SecretUse } from "../../src/core/release.ts";
import type { DesiredSlot } from "../../src/core/slot.ts";
import { answerSecrets, secretsWord } from "../../src/fleet/secrets-shape.ts";
import { findCompose } from "../kit/compose.ts";
import { eventually } from "../kit/eventually.ts";
import { sampleCommit, testLab } from "../kit/lab.ts";
import { order } from "./kit/orders.ts";
import { type RealHost, realHost, startTestServer, type TestServer } from "./kit/real-host.ts";

const lab = testLab("secret-1");
const canary = "canary-d00dfeed31";
const hostCanary = "canary-host-9977aa";

const db: SecretUse = {
  name: "db",
  from: { kind: "server", name: "db" },
  to: { kind: "file", target: "/run/secrets/db", uid: 1000, gid: 1001, mode: 0o440 },
};
const key: SecretUse = { name: "key", from: { kind: "server", name: "key" }, to: { kind: "variable", variable: "KEY" } };
const cert: SecretUse = {
  name: "cert",
  from: { kind: "host", path: "cert" },
  to: { kind: "file", target: "/app/cert", uid: 0, gid: 0, mode: 0o444 },
};

describe("secrets on a real engine", () => {
  let server: TestServer;
  let host: RealHost;
  let secretsDir: string;
  let generation = 0;
  /** What the server's provider has; null: it says no. */
  let value: string | null = canary;

  before(async () => {
    const valueFor = async (_host: string, { name }: { name: string }) => {
      if (value === null) throw new AskError("secret_missing", "/etc/gantry/db is not on the server");
      return Buffer.from(name === "key" ? `key-${value}` : value);
    };
    server = await startTestServer(lab.lab.bridgeAddress, { answerers: { [secretsWord]: answerSecrets(valueFor) } });
    const machine = lab.host("secret-1");
    secretsDir = join(machine.dir, "secrets");
    mkdirSync(secretsDir);
    writeFileSync(join(secretsDir, "cert"), `${hostCanary}\n`, { mode: 0o600 });
    host = realHost(machine, server, { secretsDir });
    await host.start();
  });
  after(async () => {
    await host.end();
    await server.stop();
  });

  function next(container: Partial<ContainerSpec> = {}): DesiredSlot {
    generation += 1;
    const digest = lab.digest(sampleCommit("1a4c9e2"));
    return order({ generation, digest, container: { image: lab.repository, secrets: [db, key, cert], ...container } });
  }

  async function swaps(slot: DesiredSlot): Promise<void> {
    const { outcome } = await host.carryOut(slot);
    assert.equal(outcome?.ok, true, JSON.stringify(outcome));
  }

  const inside = (...command: string[]) => host.lab.docker("exec", "gantry-api.prod-g1", "/bin/busybox", ...command);
  const folders = () => readdirSync(join(host.lab.dir, "agent/secrets")).sort();

  it("are there when the container starts: files with their owner and rights, read-only, and a variable", async () => {
    await swaps(next());
    assert.equal(await inside("cat", "/run/secrets/db"), canary);
    assert.equal(await inside("cat", "/app/cert"), hostCanary);
    assert.equal(await inside("stat", "-c", "%u %g %a", "/run/secrets/db"), "1000 1001 440");
    assert.equal(await inside("stat", "-c", "%u %g %a", "/app/cert"), "0 0 444");
    await assert.rejects(inside("sh", "-c", "echo x > /run/secrets/db"), /Read-only file system/);
    assert.equal(await inside("sh", "-c", "echo $KEY"), `key-${canary}`);
    assert.equal(statSync(join(host.lab.dir, "agent/secrets")).mode & 0o777, 0o700);
  });

  it("are nowhere else: not in the agent's state, log, reports, or the labels of the container", async () => {
    const state = globSync("**/*", { cwd: join(host.lab.dir, "agent"), withFileTypes: true })
      .filter((entry) => entry.isFile() && !entry.parentPath.startsWith(join(host.lab.dir, "agent/secrets")))
      .map((entry) => readFileSync(join(entry.parentPath, entry.name), "latin1"));
    assert.ok(state.length >= 3, `${state.length} files`);
    const labels = await host.lab.docker("inspect", "-f", "{{json .Config.Labels}}", "gantry-api.prod-g1");
    const all = [
      ...state,
      ...host.log,
      labels,
      JSON.stringify(server.desk.pictureOf("secret-1")),
      JSON.stringify(server.desk.desired("secret-1")),
    ];
    for (const text of all) assert.doesNotMatch(text, new RegExp(`${canary}|${hostCanary}`));
    assert.match(labels, /gantry\.secrets/);
  });

  it("that are missing end a swap before anything was touched", async () => {
    const before = await host.containers();
    value = null;
    const refused = await host.carryOut(next());
    assert.deepEqual(
      { ...refused.outcome, tookMs: 0 },
      {
        ok: false,
        tookMs: 0,
        reason: "secret_missing",
        detail: "the secret db: /etc/gantry/db is not on the server",
        logTail: [],
        after: "restored",
      },
    );
    value = canary;
    rmSync(join(secretsDir, "cert"));
    const again = await host.carryOut(next());
    assert.equal(again.outcome?.ok, false);
    assert.match(JSON.stringify(again.outcome), /secret_missing.*the secret cert: .*\/cert is not on this host/);
    assert.deepEqual(await host.containers(), before);
    assert.deepEqual(folders(), ["gantry-api.prod-g1"]);
    writeFileSync(join(secretsDir, "cert"), `${hostCanary}\n`, { mode: 0o600 });
  });

  it("are taken out of the last lines of a container that prints them", async () => {
    const command = "cat /run/secrets/db /app/cert; echo; echo key=$KEY; sleep 0.2; exit 3";
    const { outcome } = await host.carryOut(next({ entrypoint: ["/bin/busybox", "sh", "-c", command] }));
    assert.ok(outcome?.ok === false);
    assert.doesNotMatch(JSON.stringify(outcome), /canary/);
    assert.match(outcome.logTail.join("\n"), /key=\[redacted\]/);
    await eventually(() => assert.deepEqual(folders(), ["gantry-api.prod-g1"]));
  });

  it("stay with the container that is kept, also without a server and after the agent's death, and go with it", async () => {
    value = `${canary}-new`;
    await swaps(next());
    const live = `gantry-api.prod-g${generation}`;
    await eventually(() => assert.deepEqual(folders(), ["gantry-api.prod-g1", live]));
    await eventually(async () => assert.match(await host.lab.docker("ps", "-a", "--format", "{{.Names}}"), /g1-kept/));
    await host.end("SIGKILL");
    // What a person, or the host's own way back, does with nothing but Docker.
    await host.lab.docker("stop", "-t", "1", live);
    await host.lab.docker("start", "gantry-api.prod-g1-kept");
    const old = (...words: string[]) => host.lab.docker("exec", "gantry-api.prod-g1-kept", "/bin/busybox", ...words);
    assert.equal(await old("cat", "/run/secrets/db"), canary);
    assert.equal(await old("sh", "-c", "echo $KEY"), `key-${canary}`);
    await host.lab.docker("stop", "-t", "1", "gantry-api.prod-g1-kept");
    await host.lab.docker("start", live);
    await host.start();
    await swaps(next());
    const now = `gantry-api.prod-g${generation}`;
    await eventually(() => assert.deepEqual(folders(), [live, now]));
    await host.carryOut({ ...next(), release: null });
    await eventually(() => assert.deepEqual(folders(), []));
  });

  it("are there after a reboot, when the engine brings the container back before there is an agent", async () => {
    await swaps(next());
    await host.end("SIGKILL");
    await host.lab.reboot();
    const live = `gantry-api.prod-g${generation}`;
    const seen = () => host.lab.docker("exec", live, "/bin/busybox", "cat", "/run/secrets/db");
    await eventually(async () => assert.equal(await seen(), value), 20_000);
    await host.start();
  });

  it("look inside the container as they do when Compose starts it from the same file", async () => {
    const compose = await findCompose(`unix://${host.lab.dockerSocket}`);
    const file = join(host.lab.dir, "parity/compose.yml");
    mkdirSync(join(host.lab.dir, "parity"));
    writeFileSync(join(host.lab.dir, "parity/cert"), `${hostCanary}\n`, { mode: 0o444 });
    const lines = [
      "name: parity",
      "services:",
      "  parity:",
      `    image: ${lab.repository}@${lab.digest(sampleCommit("1a4c9e2"))}`,
    ];
    const wait = ['    entrypoint: ["/bin/busybox", "sleep", "600"]', "    network_mode: none"];
    const secrets = ["    secrets: [cert, { source: cert, target: other }]", "secrets:", "  cert: { file: ./cert }"];
    writeFileSync(
      file,
      [...lines, ...wait, ...secrets, "x-gantry: { environments: { prod: { hosts: { env: prod } } } }"].join("\n"),
    );
    await compose.up(file);
    const theirs = (await host.lab.docker("ps", "-q", "--filter", "label=com.docker.compose.project=parity")).trim();
    const to = { kind: "file", target: "/run/secrets/cert", uid: 0, gid: 0, mode: 0o444 } as const;
    const uses: SecretUse[] = [
      { ...cert, to },
      { ...cert, to: { ...to, target: "/run/secrets/other" } },
    ];
    await swaps(next({ secrets: uses }));
    const look =
      "cd /run/secrets; for f in *; do stat -c '%n %a' $f; cat $f; (echo x > $f) 2>/dev/null && echo writable; done; true";
    const seen = (container: string) => host.lab.docker("exec", container, "/bin/busybox", "sh", "-c", look);
    assert.equal(await seen(`gantry-api.prod-g${generation}`), await seen(theirs));
    await host.lab.docker("rm", "-fv", theirs);
    assert.ok(existsSync(join(host.lab.dir, "agent/secrets")));
  });
});
