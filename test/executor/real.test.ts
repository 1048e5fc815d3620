import assert from "node:assert/strict";
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { ContainerSpec } from "../../src/core/release.ts";
import { createExecutorClient } from "../../src/executor/client.ts";
import { readPolicy } from "../../src/executor/policy-file.ts";
import { type Engine, EngineError } from "../../src/host/engine.ts";
import { type ContractHost, engineContract, type Kind } from "../docker/contract.ts";
import { order } from "../host/kit/orders.ts";
import { startTestServer, type TestServer } from "../host/kit/real-host.ts";
import { eventually } from "../kit/eventually.ts";
import { sampleCommit, testLab } from "../kit/lab.ts";
import { hostileOrders } from "./kit/hostile.ts";
import { orderOf } from "./kit/orders.ts";
import { nobodyMay, type SplitHost, splitHost } from "./kit/split-host.ts";

const lab = testLab("prod-1");
const one = sampleCommit("1a4c9e2");
const two = sampleCommit("3f2a1c9");
const unhealthy = sampleCommit("7c81f36");

describe("a host whose agent holds no engine", () => {
  let server: TestServer;
  let host: SplitHost;
  let engine: Engine;
  let policyFile: string;
  let imageRef: string;
  /** Folders that the policy of these tests is about. */
  let farm: string;

  before(async () => {
    server = await startTestServer(lab.lab.bridgeAddress);
    farm = mkdtempSync("/srv/gantry-test-");
    chmodSync(farm, 0o755);
    // Its folder must be root's alone, too.
    policyFile = join(farm, "policy.yaml");
    writePolicy([]);
    host = splitHost(lab.host("prod-1"), server, policyFile);
    await host.startExecutor();
    await host.agent.start();
    engine = createExecutorClient({ socketPath: host.socket }).engine;
    const signal = new AbortController().signal;
    imageRef = await engine.pull({ repository: lab.repository, digest: lab.digest(one), signal });
  });
  after(async () => {
    await host.agent.end();
    await host.endExecutor("SIGTERM");
    await server.stop();
    rmSync(farm, { recursive: true });
  });

  function writePolicy(more: readonly string[]): void {
    const registry = lab.repository.split("/", 1)[0];
    const lines = [
      `images: ["${registry}/**", "10.0.0.1:5000/**"]`,
      `binds: ["${farm}/data/*", "/etc/ssl/certs:ro"]`,
      "networks: [host, bridge]",
      "ports: [1024-65535]",
      "logging: [json-file]",
      "root: true",
      "hold: [1024-65535]",
      ...more,
    ];
    writeFileSync(policyFile, `${lines.join("\n")}\n`, { mode: 0o644 });
  }

  let generation = 0;
  function next(commit: { sha: string }, container: Partial<ContainerSpec> = {}) {
    generation += 1;
    const digest = lab.digest(sampleCommit(commit.sha));
    return order({ generation, digest, container: { image: lab.repository, ...container }, health: { deadlineMs: 5_000 } });
  }

  const refusedBecause = (why: RegExp) => (thrown: unknown) => {
    assert.ok(thrown instanceof EngineError, String(thrown));
    assert.equal(thrown.reason, "refused_by_host");
    assert.match(thrown.message, why);
    return true;
  };

  describe("swaps", () => {
    it("has an agent that may open the executor's socket and no engine's", () => {
      assert.equal(nobodyMay("connect", host.socket), true);
      assert.equal(nobodyMay("connect", lab.host("prod-1").dockerSocket), false);
    });

    it("deploys, deploys again behind a gate, and goes back", async () => {
      for (const commit of [one, two, one]) {
        const { outcome } = await host.agent.carryOut(next(commit));
        assert.equal(outcome?.ok, true, JSON.stringify(outcome));
        assert.match((await host.agent.lab.fetch("/")).body, new RegExp(commit.sha));
      }
      const gates = await host.agent.lab.docker("ps", "-a", "--filter", "label=gantry.gate", "--format", "{{.Names}}");
      assert.notEqual(gates, "", "the executor made gates");
      const weaker = host.agent.log.filter((line) => /health proved less strictly|no gates|not held/.test(line));
      assert.deepEqual(weaker, [], "the owner of the port was seen");
    });

    it("puts the old one back when the new one is not healthy", async () => {
      const { outcome } = await host.agent.carryOut(next(unhealthy));
      assert.equal(outcome?.ok === false && outcome.after, "restored", JSON.stringify(outcome));
      assert.match((await host.agent.lab.fetch("/")).body, new RegExp(one.sha));
    });

    it("fails before anything is stopped when the host's policy refuses", async () => {
      const startedAt = await liveSince();
      const refused = next(two, { volumes: [{ source: "/etc/shadow", target: "/x", readOnly: true }] });
      const { outcome } = await host.agent.carryOut(refused);
      assert.ok(outcome?.ok === false);
      assert.equal(outcome.reason, "refused_by_host");
      assert.match(outcome.detail, /the folder \/etc\/shadow is not allowed by `binds` \(line 2 of .*policy\.yaml\)/);
      assert.equal(outcome.after, "restored");
      assert.equal(await liveSince(), startedAt);
    });

    it("gives a container its secrets as files that the agent cannot change", async () => {
      const { secretFiles } = createExecutorClient({ socketPath: host.socket });
      const name = "gantry-keeper.prod-g1";
      const file = { bytes: Buffer.from("s3cret\n"), uid: 65_534, gid: 65_534, mode: 0o400 };
      const [source = ""] = await secretFiles.put(name, [file]);
      assert.equal(nobodyMay("read", source), false, "the folder is root's");
      const mount = { source, target: "/run/secrets/key", readOnly: true, mustExist: true } as const;
      const labels = {
        ...orderOf({ imageRef }).labels,
        "gantry.service": "keeper",
        "gantry.secrets": JSON.stringify({ folder: name, variables: [] }),
      };
      const ordered = orderOf({ imageRef, name }, { volumes: [mount], entrypoint: ["sleep", "60"], user: "65534" }, { labels });
      const stolen = { ...ordered, name: "gantry-thief.prod-g1" };
      await assert.rejects(engine.create(stolen), refusedBecause(/`binds`/));
      const writing = { ...ordered, spec: { ...ordered.spec, volumes: [{ ...mount, readOnly: false }] } };
      await assert.rejects(engine.create(writing), refusedBecause(/writing to/));
      const id = await engine.create(ordered);
      await engine.start(id);
      assert.deepEqual(await engine.exec({ id, command: ["cat", "/run/secrets/key"], timeoutMs: 5_000 }), {
        exitCode: 0,
        output: "s3cret",
      });
      await secretFiles.remove(name);
      assert.equal((await secretFiles.read(name)).length, 1, "a container has them mounted");
      await engine.remove(id);
      await secretFiles.remove(name);
      assert.equal((await secretFiles.read(name)).length, 0);
    });

    it("takes a policy that was changed, and keeps the old one when the new one is wrong", async () => {
      writePolicy(["capabilities: [NET_ADMIN]"]);
      host.reloadPolicy();
      const allowed = orderOf({ imageRef }, { capAdd: ["NET_ADMIN"] });
      const id = await eventually(() => engine.create(allowed));
      await engine.remove(id);
      writePolicy(["capabilities: [SYS_ADMIN]"]);
      host.reloadPolicy();
      await eventually(() => assert.match(host.log.join("\n"), /SYS_ADMIN is the host's root by another name/));
      await engine.remove(await engine.create(allowed));
      writePolicy([]);
      host.reloadPolicy();
      await eventually(() => assert.rejects(engine.create(allowed), refusedBecause(/capability NET_ADMIN/)));
    });

    for (const moment of ["before:create", "before:stop", "before:start", "before:check", "before:promote", "before:keep"]) {
      it(`goes on when the executor is killed ${moment.replace(":", " ")}`, async () => {
        const commit = generation % 2 === 0 ? two : one;
        const ordered = next(commit);
        // The agent stands still there, so that the moment is no matter of luck.
        host.agent.dieAt(`SIGSTOP ${moment}`);
        host.agent.tell(ordered);
        await eventually(() => assert.ok(host.isStill()));
        await host.endExecutor("SIGKILL");
        host.agent.signal("SIGCONT");
        await host.startExecutor();
        const { outcome } = await host.agent.desk.settled("prod-1", ordered.generation);
        assert.equal(outcome?.ok, true, JSON.stringify(outcome));
        assert.match((await host.agent.lab.fetch("/")).body, new RegExp(commit.sha));
      });
    }

    it("goes on when the agent is killed in mid-swap", async () => {
      const commit = generation % 2 === 0 ? two : one;
      const ordered = next(commit);
      host.agent.dieAt("before:check");
      host.agent.tell(ordered);
      assert.equal(await host.agent.died(), "SIGKILL");
      host.agent.dieAt(null);
      await host.agent.start();
      const { outcome } = await host.agent.desk.settled("prod-1", ordered.generation);
      assert.equal(outcome?.ok, true, JSON.stringify(outcome));
    });

    it("says that its engine is away while the executor is, and the service serves on", async () => {
      await host.endExecutor("SIGKILL");
      await host.agent.desk.seen("prod-1", ({ engine: seen }) => !seen.ok && seen.reason === "engine_down");
      assert.equal((await host.agent.lab.fetch("/")).status, 200);
      await host.startExecutor();
      await host.agent.desk.seen("prod-1", ({ engine: seen }) => seen.ok);
    });
  });

  describe("the policy's file", () => {
    const file = () => join(farm, "other.yaml");
    const says = async (why: RegExp) => await assert.rejects(readPolicy(file()), why);

    it("must be root's, and nobody else's to write or to put another in its place", async () => {
      assert.equal(await readPolicy(file()), null);
      writeFileSync(file(), "root: true\n", { mode: 0o600 });
      assert.equal((await readPolicy(file()))?.root, true);
      chmodSync(file(), 0o664);
      await says(/can be written by others than root: `chmod go-w /);
      chmodSync(file(), 0o600);
      chownSync(file(), 65_534, 0);
      await says(/belongs to user 65534, not to root: `chown root:root /);
      chownSync(file(), 0, 0);
      chmodSync(farm, 0o777);
      await says(/others than root can change what is in .*gantry-test-/);
      chmodSync(farm, 0o755);
      rmSync(file());
      symlinkSync("/etc/hostname", file());
      await says(/a link; write the file itself there/);
      rmSync(file());
    });
  });

  describe("hostile orders", () => {
    // It would still be tidying.
    before(() => host.agent.end());

    it("are refused without any trace on the engine", async () => {
      const before = await everything();
      for (const { what, order: hostile } of hostileOrders(imageRef)) {
        await assert.rejects(engine.create(hostile), refusedBecause(/./), what);
      }
      assert.equal(await everything(), before);
    });

    it("do not reach containers of others", async () => {
      const docker = host.agent.lab.docker;
      const id = await docker("create", "--name", "postgres", "--entrypoint", "sleep", imageRef, "60");
      await docker("start", id);
      const before = await everything();
      const calls = [
        () => engine.start(id),
        () => engine.remove(id),
        () => engine.remove("postgres"),
        () => engine.exec({ id: "postgres", command: ["id"], timeoutMs: 1_000 }),
        () => engine.logTail(id, 10),
      ];
      for (const call of calls) await assert.rejects(call, refusedBecause(/that is not Gantry's/));
      assert.equal(await engine.inspect("postgres"), null);
      assert.equal(await everything(), before);
      await docker("rm", "-f", id);
    });
  });

  describe("links", () => {
    it("are followed before the policy is asked, and not again by the engine", async () => {
      const data = join(farm, "data");
      mkdirSync(data, { mode: 0o755 });
      mkdirSync(join(data, "good"));
      mkdirSync(join(data, "open"), { mode: 0o755 });
      chmodSync(join(data, "open"), 0o777);
      const links: [string, string][] = [
        ["to-etc", "/etc"],
        ["to-root", "/"],
        ["to-shadow", "/etc/shadow"],
        ["to-link", "to-etc"],
        ["to-engine", lab.host("prod-1").dockerSocket],
        ["to-proc", "/proc/self/root"],
        ["to-loop", "to-loop"],
        ["to-nothing", "/srv/nothing/here"],
        ["to-above", "../.."],
        ["to-open", "open"],
        ["to-good", "good"],
      ];
      for (const [name, to] of links) symlinkSync(to, join(data, name));
      const listening = createServer().listen(join(data, "a-socket")).unref();
      const bind = (name: string) =>
        orderOf({ imageRef }, { volumes: [{ source: join(data, name), target: "/x", readOnly: false }] });
      const good = new Set(["to-good", "to-open"]);
      const before = await everything();
      for (const [name] of links.filter(([each]) => !good.has(each))) {
        await assert.rejects(engine.create(bind(name)), refusedBecause(/the folder/), name);
      }
      await assert.rejects(engine.create(bind("a-socket")), refusedBecause(/a socket/));
      assert.equal(await everything(), before);
      const id = await engine.create(bind("to-good"));
      const binds = await host.agent.lab.docker("inspect", "--format", "{{json .HostConfig.Binds}}", id);
      assert.deepEqual(JSON.parse(binds), [`${join(data, "good")}:/x:rw`]);
      await engine.remove(id);
      await new Promise((resolve) => listening.close(resolve));
    });

    it("cannot be put there by anybody else once the policy was asked", async () => {
      const data = join(farm, "data");
      chmodSync(data, 0o777);
      const inside = orderOf({ imageRef }, { volumes: [{ source: join(data, "good"), target: "/x", readOnly: true }] });
      await assert.rejects(engine.create(inside), refusedBecause(/others than root can change what is in .*data/));
      chmodSync(data, 0o755);
      await engine.remove(await engine.create(inside));
    });
  });

  describe("the real engine behind the executor keeps the engine's contract", () => {
    const environments = { plain: {}, stubborn: { IGNORE_TERM: "1" }, broken: {}, dying: { EXIT_AT_START: "3" }, busy: {} };
    const entrypoints: Partial<Record<Kind, readonly string[]>> = {
      broken: ["/no/such/program"],
      busy: ["sh", "-c", "while :; do :; done"],
    };
    before(async () => {
      // What serves has the port that the containers of the contract want.
      const ids = await host.agent.lab.docker("ps", "-aq");
      if (ids !== "") await host.agent.lab.docker("rm", "-f", ...ids.split("\n"));
      await engine.removeImage(imageRef);
    });
    const contractHost = (): ContractHost => ({
      engine,
      repository: lab.repository,
      otherRepository: "10.0.0.1:5000/elsewhere",
      digest: lab.digest(one),
      stopRegistry: () => lab.lab.registry.stop(),
      startRegistry: () => lab.lab.registry.start(),
    });
    engineContract({
      host: contractHost,
      digestFor: () => lab.digest(one),
      specFor: (kind) => ({ environment: environments[kind], entrypoint: entrypoints[kind] ?? null }),
    });
  });

  async function everything(): Promise<string> {
    const all = await host.agent.lab.docker("ps", "-a", "--no-trunc", "--format", "{{.ID}} {{.Names}} {{.State}} {{.Mounts}}");
    return all.split("\n").sort().join("\n");
  }

  async function liveSince(): Promise<string> {
    const id = await host.agent.lab.docker("ps", "-q", "--filter", "label=gantry.role=live");
    return await host.agent.lab.docker("inspect", "--format", "{{.Id}} {{.State.StartedAt}}", id);
  }
});
