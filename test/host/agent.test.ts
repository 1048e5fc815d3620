import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdir, mkdtemp, readFile, rm, rmdir, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { AgentError, type AgentOptions, type RunningAgent, startAgent } from "../../src/agent.ts";
import { systemClock } from "../../src/app/clock.ts";
import { createFakeEngine } from "../../src/docker/fake.ts";
import { readEnvFiles } from "../../src/host/env-file.ts";
import { cleanTail } from "../../src/host/log-tail.ts";
import { seatsOf, takeSeats } from "../../src/host/seat.ts";
import { eventually } from "../kit/eventually.ts";
import { order, plainSpec } from "./kit/orders.ts";
import { silent, startTestServer, type TestServer } from "./kit/real-host.ts";

const cli = fileURLToPath(new URL("../../src/cli.ts", import.meta.url));

describe("the agent as its operator meets it", () => {
  let server: TestServer;
  let dir: string;
  let running: RunningAgent[] = [];
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), "gantry-agent-"));
    server = await startTestServer("127.0.0.1");
  });
  afterEach(async () => {
    for (const agent of running) await agent.stop();
    running = [];
    await server.stop();
    await rm(dir, { recursive: true, force: true });
  });

  async function start(options: Partial<AgentOptions> = {}): Promise<RunningAgent> {
    const engine = createFakeEngine({ clock: systemClock });
    const agent = await startAgent({
      server: server.url,
      name: "web-1",
      labels: { env: "prod" },
      stateDir: join(dir, "state"),
      engine,
      prober: engine.prober,
      log: silent,
      link: { backoff: { firstMs: 5, capMs: 20 } },
      ...options,
    });
    running.push(agent);
    return agent;
  }

  const oneLine = (pattern: RegExp) => (error: Error) => {
    assert.ok(error instanceof AgentError, String(error));
    assert.match(error.message, pattern);
    assert.ok(!error.message.includes("\n"));
    return true;
  };

  it("says in one line what is wrong with how it was started", async () => {
    await assert.rejects(start({ server: "nowhere" }), oneLine(/--server nowhere: use an address/));
    await assert.rejects(start({ name: "web 1" }), oneLine(/--name web 1/));
    await assert.rejects(start({ dockerHost: "/var/run/docker.sock" }), oneLine(/--docker-host .*unix:\/\/\//));
    await assert.rejects(start({ tokenFile: join(dir, "none") }), oneLine(/--token-file .*there is no such file/));
    await assert.rejects(start(), oneLine(/web-1 is not enrolled: run `gantry enroll --name web-1`/));
  });

  it("enrols with the last line of the token file, keeps its key to itself, and needs no token again", async () => {
    server.desk.tokens.set("gnt_1", { name: "web-1" });
    await writeFile(join(dir, "token"), "Token for web-1, valid for an hour:\ngnt_1\n");
    const first = await start({ tokenFile: join(dir, "token") });
    await eventually(() => assert.ok(first.isConnected()));
    const identity = join(dir, "state", "identity.json");
    await eventually(async () => assert.match(await readFile(identity, "utf8"), /"enrolled":true/));
    assert.equal((await stat(identity)).mode & 0o777, 0o600);
    await first.stop();
    await first.ended;
    const second = await start();
    await eventually(() => assert.ok(second.isConnected()));
  });

  it("ends with one line when its token is not taken", async () => {
    const agent = await start({ token: "gnt_spent" });
    await assert.rejects(agent.ended, oneLine(/the server refuses web-1: .* \((bad_token|unknown_host)\)/));
  });

  it("comes in by its key when the answer to its enrolment was lost", async () => {
    server.desk.tokens.set("gnt_1", { name: "web-1" });
    const first = await start({ token: "gnt_1" });
    await eventually(() => assert.ok(first.isConnected()));
    await first.stop();
    const identity = join(dir, "state", "identity.json");
    const text = await readFile(identity, "utf8");
    await writeFile(identity, text.replace('"enrolled":true', '"enrolled":false'));
    const second = await start({ token: "gnt_1" });
    await eventually(() => assert.ok(second.isConnected()));
  });

  it("comes in by its key without a token when its enrolment could not be written down", async () => {
    server.desk.tokens.set("gnt_1", { name: "web-1" });
    const first = await start({ token: "gnt_1" });
    await eventually(() => assert.ok(first.isConnected()));
    const identity = join(dir, "state", "identity.json");
    await eventually(async () => assert.match(await readFile(identity, "utf8"), /"enrolled":true/));
    await first.stop();
    const lost = (await readFile(identity, "utf8")).replace('"enrolled":true', '"enrolled":false');
    await writeFile(identity, lost.replace('"serverId":"server-1"', '"serverId":null'));
    const second = await start();
    await eventually(() => assert.ok(second.isConnected()));
    await eventually(async () => assert.match(await readFile(identity, "utf8"), /"enrolled":true,"serverId":"server-1"/));
  });

  it("says how to enrol when the server does not know the key of an earlier enrolment", async () => {
    const refused = await start({ token: "gnt_spent" });
    await assert.rejects(refused.ended);
    await refused.stop();
    const agent = await start();
    await assert.rejects(agent.ended, oneLine(/\(unknown_host\); run `gantry enroll --name web-1` on the server/));
  });

  it("does not take a key that it cannot read for a new host", async () => {
    server.desk.tokens.set("gnt_1", { name: "web-1" });
    const first = await start({ token: "gnt_1" });
    await eventually(() => assert.ok(first.isConnected()));
    await first.stop();
    const identity = join(dir, "state", "identity.json");
    const text = await readFile(identity, "utf8");
    await writeFile(identity, text.slice(0, 40));
    await assert.rejects(start(), oneLine(/identity\.json is damaged: bring it back, or remove it and enrol this host again/));
    assert.equal(await readFile(identity, "utf8"), text.slice(0, 40));
    await rm(identity);
    await mkdir(identity);
    await assert.rejects(start(), oneLine(/EISDIR/));
    await rmdir(identity);
    await writeFile(identity, text);
    const again = await start();
    await eventually(() => assert.ok(again.isConnected()));
  });

  it("keeps its state directory when a step still goes on at the end of its patience", async () => {
    server.desk.tokens.set("gnt_1", { name: "web-1" });
    const engine = createFakeEngine({ clock: systemClock });
    const digest = `sha256:${"a".repeat(64)}`;
    engine.registries.push({ repository: plainSpec.image, digest });
    const creating = Promise.withResolvers<void>();
    const stuck = Promise.withResolvers<string>();
    const create = () => {
      creating.resolve();
      return stuck.promise;
    };
    // Twenty seconds pass in a fifth of one.
    const wakeAt = (at: number, wake: () => void) => systemClock.wakeAt(Date.now() + (at - Date.now()) / 100, wake);
    server.desk.desire("web-1", order({ generation: 1, digest }));
    const agent = await start({ token: "gnt_1", engine: { ...engine, create }, clock: { ...systemClock, wakeAt } });
    await creating.promise;
    assert.equal(await agent.stop(), "late");
    await assert.rejects(start({ token: "gnt_1" }), oneLine(/another agent uses/));
    stuck.reject(new Error("the end of the test"));
  });

  it("reads env_files where the command line says that it does", async () => {
    server.desk.tokens.set("gnt_1", { name: "web-1" });
    const engine = createFakeEngine({ clock: systemClock });
    const digest = `sha256:${"a".repeat(64)}`;
    engine.registries.push({ repository: plainSpec.image, digest });
    server.desk.desire("web-1", order({ generation: 1, digest, container: { envFiles: ["of-no-host.env"] } }));
    await start({ token: "gnt_1", engine });
    const { outcome } = await server.desk.settled("web-1", 1);
    assert.equal(outcome?.ok === false && outcome.detail, "env_file /etc/gantry/env/of-no-host.env is not on this host");
  });

  it("lets no second agent use its state directory", async () => {
    server.desk.tokens.set("gnt_1", { name: "web-1" });
    await start({ token: "gnt_1" });
    await assert.rejects(
      start({ token: "gnt_1" }),
      oneLine(/another agent uses .*: stop it, or give this one its own --state-dir/),
    );
  });

  describe("with a copy of its state directory", () => {
    const copyOf = (name: string) => join(dir, name);
    const children: ChildProcess[] = [];
    afterEach(() => {
      for (const child of children.splice(0)) child.kill("SIGKILL");
    });

    async function enrol(): Promise<void> {
      server.desk.tokens.set("gnt_1", { name: "web-1" });
      const agent = await start({ token: "gnt_1" });
      await eventually(() => assert.ok(agent.isConnected()));
      await agent.stop();
    }

    /** `gantry agent` as a process of its own, on a copy; its engine and its server are not there. */
    async function startCopy(facts: {
      name: string;
    }): Promise<{ child: ChildProcess; output: () => string; ended: Promise<unknown> }> {
      await cp(join(dir, "state"), copyOf("copy"), { recursive: true, filter: (path) => !path.includes("/lock") });
      const engine = ["--docker-host", `unix://${join(dir, "docker.sock")}`];
      const child = spawn(
        process.execPath,
        [cli, "agent", "--server", "ws://127.0.0.1:1", "--name", facts.name, "--state-dir", copyOf("copy"), ...engine],
        { stdio: ["ignore", "pipe", "pipe"] },
      );
      children.push(child);
      let output = "";
      for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (output += chunk));
      return { child, output: () => output, ended: once(child, "close") };
    }

    it("AG22: in mid-swap the second one ends with one clear line, and the swap of the first goes on", async () => {
      server.desk.tokens.set("gnt_1", { name: "web-1" });
      const engine = createFakeEngine({ clock: systemClock });
      const digest = `sha256:${"a".repeat(64)}`;
      engine.registries.push({ repository: plainSpec.image, digest });
      const starting = Promise.withResolvers<void>();
      const goOn = Promise.withResolvers<void>();
      server.desk.desire("web-1", order({ generation: 1, digest }));
      const failpoint = (point: string) => {
        if (point !== "before:start") return;
        starting.resolve();
        return goOn.promise;
      };
      await start({ token: "gnt_1", engine, prober: engine.prober, failpoint });
      await starting.promise;
      for (const name of ["web-1", "web-2"]) {
        const copy = await startCopy({ name });
        await eventually(() => assert.equal(copy.child.exitCode, 1));
        await copy.ended;
        const line = `another agent works for ${name} on this machine (pid ${process.pid}, ${join(dir, "state")}): stop it first`;
        assert.ok(copy.output().includes(line), copy.output());
        assert.equal(copy.output().trim().split("\n").length, 1, copy.output());
      }
      goOn.resolve();
      assert.equal((await server.desk.settled("web-1", 1)).outcome?.ok, true);
    });

    it("once the first is killed the copy may work", async () => {
      await enrol();
      const first = await startCopy({ name: "web-1" });
      await eventually(() => assert.match(first.output(), /agent started/));
      await assert.rejects(start(), oneLine(/another agent works for web-1 on this machine \(pid \d+, .*copy\)/));
      first.child.kill("SIGKILL");
      await first.ended;
      const second = await start();
      await eventually(() => assert.ok(second.isConnected()));
    });

    it("one that stands still is not passed over", async () => {
      await enrol();
      const first = await startCopy({ name: "web-1" });
      await eventually(() => assert.match(first.output(), /agent started/));
      first.child.kill("SIGSTOP");
      await assert.rejects(start(), oneLine(/another agent works for web-1 on this machine \(`ss -xlp` shows/));
      first.child.kill("SIGCONT");
    });
  });

  it("has its name on its engine for itself, whatever the key of the other", async () => {
    const dockerHost = `unix://${join(dir, "docker.sock")}`;
    const options = { name: "web-1", me: { pid: 1, stateDir: "/one" }, clock: systemClock, onUnable: assert.fail };
    const seats = await takeSeats({ ...options, seats: seatsOf({ name: "web-1", publicKey: "a", engine: dockerHost }) });
    const other = seatsOf({ name: "web-1", publicKey: "b", engine: dockerHost });
    await assert.rejects(
      takeSeats({ ...options, seats: other }),
      /another agent works for web-1 on this machine \(pid 1, \/one\)/,
    );
    const besides = await takeSeats({ ...options, seats: seatsOf({ name: "web-2", publicKey: "b", engine: dockerHost }) });
    besides.release();
    seats.release();
    (await takeSeats({ ...options, seats: other })).release();
  });
});

describe("env_files", () => {
  it("are read in Compose's form, and only below the env folder", async () => {
    const dir = await mkdtemp(join(tmpdir(), "gantry-env-"));
    try {
      await writeFile(join(dir, "api.env"), "# a comment\n\nA=1\nexport B = 'two words' \nC=x # why\nnonsense\nD=a=b\n");
      assert.deepEqual(await readEnvFiles({ envDir: dir, files: ["api.env"] }), ["A=1", "B=two words", "C=x", "D=a=b"]);
      for (const file of ["../etc/passwd", "/etc/passwd", "missing.env"]) {
        await assert.rejects(readEnvFiles({ envDir: dir, files: [file] }), { reason: "env_file_missing" });
      }
      await writeFile(join(dir, "raw.env"), "# a comment\nA='x' # y\n B=2\n");
      const both = await readEnvFiles({ envDir: dir, files: ["raw.env", "gone.env"], optional: ["gone.env"], raw: ["raw.env"] });
      assert.deepEqual(both, ["A='x' # y", " B=2"]);
    } finally {
      await rm(dir, { recursive: true });
    }
  });
});

describe("the last lines of a container", () => {
  it("are short, without control characters and without the values of secret settings", () => {
    const lines = ["\u001b[1;31mred\u001b[0m", "a\u0007b\u0000c\r", "login with hunter2hunter2", "x".repeat(500)];
    const clean = cleanTail(lines, ["DB_PASSWORD=hunter2hunter2", "HOME=/root"]);
    assert.deepEqual(clean, ["red", "abc", "login with [redacted]", `${"x".repeat(199)}…`]);
    assert.equal(cleanTail(Array.from({ length: 50 }, String), []).length, 20);
  });
});
