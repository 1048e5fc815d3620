import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import type Dockerode from "dockerode";
import { createDockerEngine } from "../../src/docker/engine.ts";
import { effectiveCommand } from "../../src/docker/gate.ts";
import { type Engine, gateTarget } from "../../src/host/engine.ts";
import { createGates, type Gates } from "../../src/host/gate/gates.ts";
import { provideGate } from "../../src/host/gate/program.ts";
import { plainSpec } from "../host/kit/orders.ts";
import { eventually } from "../kit/eventually.ts";
import { sampleCommit, testLab } from "../kit/lab.ts";

const lab = testLab("gate-1");
const commit = sampleCommit("3f2a1c9");

describe("a gate before the command of a container", () => {
  let engine: Engine;
  let gates: Gates;
  let imageRef: string;
  let dir: string;
  let count = 0;

  before(async () => {
    const host = lab.host("gate-1");
    engine = createDockerEngine({ dockerHost: `unix://${host.dockerSocket}` });
    dir = join(host.dir, "gates");
    const provided = await provideGate(host.dir);
    assert.ok("program" in provided, JSON.stringify(provided));
    gates = createGates({ dir, program: provided.program });
    const signal = new AbortController().signal;
    imageRef = await engine.pull({ repository: lab.repository, digest: lab.digest(commit), signal });
  });

  type Changes = Partial<typeof plainSpec>;

  async function gated(changes: Changes = {}): Promise<{ id: string; name: string }> {
    count += 1;
    const name = `gantry-gated-${count}`;
    const spec = { ...plainSpec, image: lab.repository, ...changes };
    const gate = await gates.make(name);
    assert.ok(gate !== null);
    const id = await engine.create({ name, imageRef, spec, environment: [], labels: { "gantry.service": "api" }, gate });
    return { id, name };
  }

  const docker = (...args: string[]) => lab.host("gate-1").docker(...args);
  const says = (id: string) => engine.logTail(id, 10);
  const answers = async () => (await lab.host("gate-1").fetch("/")).body;

  it("holds the image's own command back until it is opened, and then is that command", async () => {
    const { id, name } = await gated();
    await engine.start(id);
    assert.equal((await engine.inspect(id))?.status, "running");
    assert.deepEqual(await says(id), []);
    await assert.rejects(answers());
    assert.equal(gates.isOpen(name), false);
    const pid = (await engine.inspect(id))?.pid;
    await gates.open(name);
    await eventually(async () => assert.match(await answers(), new RegExp(commit.sha)));
    assert.equal(gates.isOpen(name), true);
    const now = await engine.inspect(id);
    assert.equal(now?.pid, pid, "the same process");
    assert.equal(now?.restarts, 0);
    await engine.remove(id);
  });

  it("lets every later start pass, whoever makes it", async () => {
    const { id, name } = await gated();
    await engine.start(id);
    await gates.open(name);
    await eventually(async () => assert.match(await answers(), new RegExp(commit.sha)));
    await docker("restart", "--time", "1", id);
    await eventually(async () => assert.match(await answers(), new RegExp(commit.sha)));
    await engine.setRestartPolicy(id, "unless-stopped");
    process.kill((await engine.inspect(id))?.pid ?? 0, "SIGUSR1");
    await eventually(async () => assert.equal((await engine.inspect(id))?.restarts, 1));
    await eventually(async () => assert.match(await answers(), new RegExp(commit.sha)));
    await lab.host("gate-1").cutPower();
    await lab.host("gate-1").startEngine();
    await eventually(async () => assert.match(await answers(), new RegExp(commit.sha)));
    await engine.remove(id);
  });

  it("opens for a container that is started afterwards, too", async () => {
    const { id, name } = await gated();
    await gates.open(name);
    await engine.start(id);
    await eventually(async () => assert.match(await answers(), new RegExp(commit.sha)));
    await engine.remove(id);
  });

  it("is left at once by the stop signal, though it is process 1", async () => {
    const { id } = await gated({ stopGraceMs: 5_000 });
    await engine.start(id);
    const state = await engine.inspect(id);
    assert.ok(state !== null);
    assert.deepEqual(await engine.stop(state), { killed: false });
    await engine.remove(id);
  });

  it("asks nothing of the image: another user, a command without a path, and words with spaces come through", async () => {
    const entrypoint = ["sh", "-c", 'echo "$0|$1|$(busybox id -u)"; exec usleep 20000000'];
    const { id, name } = await gated({ user: "65534", entrypoint, command: ["one word", ""], environment: { PATH: "/bin" } });
    await engine.start(id);
    await gates.open(name);
    await eventually(async () => assert.deepEqual(await says(id), ["one word||65534"]));
    await engine.remove(id);
  });

  it("says as the engine does that there is no such command", async () => {
    const { id, name } = await gated({ entrypoint: ["/no/such/program"] });
    await engine.start(id);
    await gates.open(name);
    await eventually(async () => assert.equal((await engine.inspect(id))?.exitCode, 127));
    assert.match((await says(id)).join(), /gantry gate: \/no\/such\/program: No such file or directory/);
    await engine.remove(id);
  });

  it("fails at create or start, not later, where the engine does not see the folder", async () => {
    const spec = { ...plainSpec, image: lab.repository };
    const order = { name: "gantry-nowhere", imageRef, spec, environment: [], labels: {}, gate: "/no/such/folder" };
    await assert.rejects(engine.create(order), { reason: "mount_missing" });
  });

  it("differs from a plain container in entrypoint, command and one mount", async () => {
    const plain = await engine.create({
      ...{ name: "gantry-plain", imageRef, environment: [], labels: { "gantry.service": "api" } },
      spec: { ...plainSpec, image: lab.repository },
    });
    const { id, name } = await gated();
    const [one, other] = JSON.parse(await docker("inspect", plain, id)) as Dockerode.ContainerInspectInfo[];
    assert.ok(one !== undefined && other !== undefined);
    assert.deepEqual(other.Config.Entrypoint, [`${gateTarget}/gate`]);
    assert.deepEqual(other.Config.Cmd, ["/bin/busybox", "sh", "/entrypoint.sh"]);
    assert.deepEqual(
      other.Mounts.map((m) => [m.Source, m.Destination, m.RW]),
      [[join(dir, name), gateTarget, false]],
    );
    const { Entrypoint: _e, Cmd: _c, ...config } = other.Config;
    const { Entrypoint: _pe, Cmd: _pc, ...plainConfig } = one.Config;
    assert.deepEqual({ ...config, Hostname: "" }, { ...plainConfig, Hostname: "" });
    const { Mounts: _m, ...hostConfig } = other.HostConfig;
    assert.deepEqual(hostConfig, one.HostConfig);
    await Promise.all([engine.remove(plain), engine.remove(id)]);
  });

  it("tells the command as the engine does", async () => {
    const lists = [undefined, null, [], [""], ["sh", "-c"]];
    for (const Entrypoint of lists) {
      for (const Cmd of [undefined, null, [], ["echo", "a b"]]) {
        const image = { Entrypoint: ["/bin/busybox", "sh", "/entrypoint.sh"], Cmd: null };
        const told = await commandOf({ Entrypoint, Cmd });
        const ours = effectiveCommand({ Entrypoint, Cmd }, image);
        assert.deepEqual(ours, told ?? [], JSON.stringify({ Entrypoint, Cmd }));
      }
    }
  });

  /** What the engine would run for this order; null when it says that there is no command. */
  async function commandOf(order: { Entrypoint: unknown; Cmd: unknown }): Promise<string[] | null> {
    const host = lab.host("gate-1");
    const { default: Docker } = await import("dockerode");
    const client = new Docker({ socketPath: host.dockerSocket });
    try {
      const made = await client.createContainer({ Image: imageRef, ...order } as Dockerode.ContainerCreateOptions);
      const { Path, Args } = await made.inspect();
      await made.remove();
      return [Path, ...Args];
    } catch (thrown) {
      assert.match(String(thrown), /No command specified/i);
      return null;
    }
  }

  it("is made again, open, when it was lost under a container that it let through", async () => {
    const { id, name } = await gated();
    await engine.start(id);
    await gates.open(name);
    await engine.setRestartPolicy(id, "unless-stopped");
    assert.equal(await gates.mend(name), false);
    assert.ok((await engine.mounts()).includes(join(dir, name)));
    await rm(join(dir, name), { recursive: true });
    const state = await engine.inspect(id);
    assert.ok(state !== null);
    await engine.stop(state);
    await assert.rejects(engine.start(id), { reason: "mount_missing" });
    assert.equal(await gates.mend(name), true);
    await engine.start(id);
    await eventually(async () => assert.match(await answers(), new RegExp(commit.sha)));
    await rm(join(dir, name), { recursive: true });
    assert.equal(await gates.mend(name), true, "under one that runs");
    process.kill((await engine.inspect(id))?.pid ?? 0, "SIGUSR1");
    await eventually(async () => assert.equal((await engine.inspect(id))?.restarts, 1));
    await eventually(async () => assert.match(await answers(), new RegExp(commit.sha)));
    await engine.remove(id);
    await gates.remove(name);
  });

  it("is swept away by the next agent when no container has it", async () => {
    const { id, name } = await gated();
    await gates.make("orphan");
    const anew = createGates({ dir, program: null });
    await anew.sweep(new Set([name]));
    assert.deepEqual(await readdir(dir), [name]);
    await engine.remove(id);
    await anew.remove(name);
    assert.equal(existsSync(join(dir, name)), false);
  });
});
