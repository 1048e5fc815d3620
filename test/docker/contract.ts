import assert from "node:assert/strict";
import { it } from "node:test";
import {
  type ContainerState,
  type CreateOrder,
  type Engine,
  EngineError,
  type EngineEvent,
  type EngineLine,
} from "../../src/host/engine.ts";
import { plainSpec } from "../host/kit/orders.ts";
import { eventually } from "../kit/eventually.ts";

/** `busy` keeps one core busy. */
export type Kind = "plain" | "stubborn" | "broken" | "dying" | "busy";

/** What each kind of engine brings along for the contract. */
export type ContractHost = {
  readonly engine: Engine;
  readonly repository: string;
  /** A mirror of `repository` that nothing was pulled from. */
  readonly otherRepository: string;
  /** A service that serves; pushed, not pulled. */
  readonly digest: string;
  stopRegistry(): Promise<void>;
  startRegistry(): Promise<void>;
};

/** What every engine does, real or fake. `stubborn` and `broken` change an order so that it ignores its stop signal, or cannot start. */
export function engineContract(facts: {
  host: () => ContractHost;
  digestFor: (kind: Kind) => string;
  specFor: (kind: Kind) => Partial<CreateOrder["spec"]>;
}): void {
  const { host, digestFor, specFor } = facts;
  let names = 0;

  async function made(kind: Kind = "plain", order: Partial<CreateOrder> = {}): Promise<string> {
    const { engine, repository } = host();
    const digest = digestFor(kind);
    const imageRef =
      (await engine.findImage({ repositories: [repository], digest })) ??
      (await engine.pull({ repository, digest, signal: never() }));
    names += 1;
    const labels = labelsOf(`e${names}`);
    const spec = { ...plainSpec, image: repository, stopGraceMs: 1_000, ...specFor(kind) };
    return await engine.create({
      name: `gantry-contract-${names}`,
      imageRef,
      spec,
      environment: ["FROM_FILE=1"],
      labels,
      ...order,
    });
  }

  async function stateOf(id: string): Promise<ContainerState> {
    const state = await host().engine.inspect(id);
    assert.ok(state !== null, "the container exists");
    return state;
  }

  const rejectsWith =
    (reason: string, more: Partial<EngineError> = {}) =>
    (thrown: unknown) => {
      assert.ok(thrown instanceof EngineError, String(thrown));
      assert.equal(thrown.reason, reason, thrown.message);
      for (const [name, value] of Object.entries(more)) assert.equal(thrown[name as keyof EngineError], value);
      return true;
    };

  it("finds no image that was never pulled, and one that was under any repository", async () => {
    const { engine, repository, otherRepository, digest } = host();
    const none = `sha256:${"1".repeat(64)}`;
    assert.equal(await engine.findImage({ repositories: [repository], digest: none }), null);
    const ref = await engine.pull({ repository, digest, signal: never() });
    assert.equal(ref, `${repository}@${digest}`);
    assert.equal(await engine.findImage({ repositories: [otherRepository], digest }), ref);
  });

  it("removes an image that no container needs, and no other", async () => {
    const { engine, repository } = host();
    const digest = digestFor("plain");
    const ref = await engine.pull({ repository, digest, signal: never() });
    const id = await made();
    assert.equal(await engine.removeImage(ref), false);
    await engine.remove(id);
    assert.equal(await engine.removeImage(ref), true);
    assert.equal(await engine.findImage({ repositories: [repository], digest }), null);
    assert.equal(await engine.removeImage(ref), false);
    assert.notEqual(await engine.freeBytes(), 0);
  });

  it("says that an image is missing, and that a registry does not answer", async () => {
    const { engine, repository, stopRegistry, startRegistry } = host();
    const digest = `sha256:${"2".repeat(64)}`;
    await assert.rejects(engine.pull({ repository, digest, signal: never() }), rejectsWith("image_missing"));
    await stopRegistry();
    try {
      await assert.rejects(engine.pull({ repository, digest, signal: never() }), rejectsWith("registry_unreachable"));
    } finally {
      await startRegistry();
    }
  });

  it("creates a container that does not run and would not come back by itself", async () => {
    const id = await made();
    const state = await stateOf(id);
    assert.equal(state.status, "created");
    assert.equal(state.restartPolicy, "no");
    assert.equal(state.startedAt, null);
    assert.equal(state.stopGraceMs, 1_000);
    assert.ok(state.environment.includes("FROM_FILE=1"));
    await host().engine.remove(id);
  });

  it("lists the containers of one slot, and all of ours", async () => {
    const [one, two] = [await made(), await made()];
    const { engine } = host();
    const environment = (await stateOf(one)).labels["gantry.environment"] ?? "";
    assert.deepEqual(
      (await engine.list({ service: "api", environment })).map((c) => c.id),
      [one],
    );
    const all = (await engine.list()).map((c) => c.id);
    assert.ok(all.includes(one) && all.includes(two));
    await Promise.all([engine.remove(one), engine.remove(two)]);
  });

  it("starts, starts again without harm, stops by the stop signal, and starts anew", async () => {
    const { engine } = host();
    const id = await made();
    const before = Date.now();
    await engine.start(id);
    await engine.start(id);
    const running = await stateOf(id);
    assert.equal(running.status, "running");
    assert.ok((running.pid ?? 0) > 0);
    assert.ok(Math.abs((running.startedAt ?? 0) - before) < 10_000);
    assert.deepEqual(await engine.stop(running), { killed: false });
    await engine.start(id);
    assert.equal((await stateOf(id)).status, "running");
    assert.notEqual((await stateOf(id)).startedAt, running.startedAt);
    await engine.remove(id);
    assert.equal(await engine.inspect(id), null);
  });

  it("kills what ignores its stop signal, after its grace", async () => {
    const { engine } = host();
    const id = await made("stubborn");
    await engine.start(id);
    await new Promise((resolve) => setTimeout(resolve, 100));
    assert.deepEqual(await engine.stop(await stateOf(id)), { killed: true });
    await eventually(async () => assert.equal((await stateOf(id)).status, "ended"));
    await engine.remove(id);
  });

  it("stops what has ended already", async () => {
    const { engine } = host();
    const id = await made();
    await engine.start(id);
    const running = await stateOf(id);
    await engine.stop(running);
    await eventually(async () => assert.equal((await stateOf(id)).status, "ended"));
    assert.deepEqual(await engine.stop(running), { killed: false });
    await engine.remove(id);
  });

  it("says why a container cannot be started", async () => {
    const { engine } = host();
    const id = await made("broken");
    await assert.rejects(engine.start(id), rejectsWith("start_failed"));
    await engine.remove(id);
  });

  it("tells how a container ended, and its last lines", async () => {
    const { engine } = host();
    const id = await made("dying");
    await engine.start(id);
    await eventually(async () => assert.equal((await stateOf(id)).status, "ended"));
    assert.equal((await stateOf(id)).exitCode, 3);
    assert.match((await engine.logTail(id, 5)).join("\n"), /DATABASE_URL is missing/);
    await engine.remove(id);
  });

  it("tells its output line by line, with times, and only what is younger", async () => {
    const { engine } = host();
    const id = await made("dying");
    const told = async (since: number | null) => {
      const lines: EngineLine[] = [];
      await engine.logs({ id, lines: 5, since, follow: false, signal: never(), onLine: (line) => lines.push(line) });
      return lines;
    };
    const before = Date.now();
    await engine.start(id);
    await eventually(async () =>
      assert.match((await told(null)).map(({ text }) => text).join("\n"), /^.*DATABASE_URL is missing$/m),
    );
    const [line] = await told(null);
    assert.ok((line?.at ?? 0) >= before - 1_000 && (line?.at ?? 0) <= Date.now() + 1_000, JSON.stringify(line));
    assert.deepEqual(await told(Date.now() + 60_000), []);
    await engine.remove(id);
    await assert.rejects(told(null), (thrown: EngineError) => thrown.gone);
  });

  it("follows its output until it ends, is removed, or the asker goes", async () => {
    const { engine } = host();
    const follow = (id: string, signal = never()) => {
      const lines: string[] = [];
      const ended = engine.logs({ id, lines: 5, since: null, follow: true, signal, onLine: ({ text }) => lines.push(text) });
      return { lines, ended };
    };
    const dying = await made("dying");
    await engine.start(dying);
    const first = follow(dying);
    await first.ended;
    assert.match(first.lines.join("\n"), /DATABASE_URL is missing/);
    const id = await made();
    await engine.start(id);
    const gone = new AbortController();
    const second = follow(id, gone.signal);
    const third = follow(id);
    await eventually(async () => assert.equal((await stateOf(id)).status, "running"));
    gone.abort();
    await second.ended;
    await engine.remove(id);
    await third.ended;
    await engine.remove(dying);
  });

  it("runs a command in a container and tells how it ended", async () => {
    const { engine } = host();
    const id = await made();
    const run = (command: readonly string[], timeoutMs = 5_000) => engine.exec({ id, command, timeoutMs });
    await assert.rejects(run(["sh", "-c", "exit 0"]), rejectsWith("exited", { conflict: true }));
    await engine.start(id);
    assert.deepEqual(await run(["sh", "-c", "exit 0"]), { exitCode: 0, output: "" });
    assert.deepEqual(await run(["sh", "-c", "echo no database; exit 4"]), { exitCode: 4, output: "no database" });
    const missing = await run(["/no/such"]);
    assert.ok(missing.exitCode === 126 || missing.exitCode === 127, `exit code ${missing.exitCode}`);
    assert.match(missing.output, /no such file or directory/);
    await engine.remove(id);
    await assert.rejects(run(["sh", "-c", "exit 0"]), rejectsWith("exited", { gone: true }));
  });

  it("gives up on a command that hangs, and can run the next", async () => {
    const { engine } = host();
    const id = await made();
    await engine.start(id);
    const run = (command: readonly string[], timeoutMs: number) => engine.exec({ id, command, timeoutMs });
    assert.equal((await run(["sleep", "60"], 300)).exitCode, null);
    await eventually(async () => assert.equal((await run(["sh", "-c", "exit 0"], 5_000)).exitCode, 0));
    await engine.remove(id);
  });

  it("tells what each running container uses, and nothing of one that does not run", async () => {
    const { engine } = host();
    const used = async (id: string) => await engine.usage(await stateOf(id));
    // The simulated engine takes the port from there, and one port has one owner.
    const labels = { ...labelsOf("busy"), "gantry.health": '{"url":"http://127.0.0.1:81/"}' };
    const [idle, busy] = [await made(), await made("busy", { labels })];
    assert.equal(await used(idle), null);
    await Promise.all([engine.start(idle), engine.start(busy)]);
    await eventually(async () => {
      const [little, much] = [await used(idle), await used(busy)];
      assert.ok(little !== null && much !== null);
      assert.ok(much.cpuMs > 300, `${much.cpuMs} ms`);
      assert.ok(much.cpuMs > 2 * little.cpuMs, `${much.cpuMs} ms against ${little.cpuMs} ms`);
      for (const { memoryBytes } of [little, much]) assert.ok(memoryBytes > 50_000 && memoryBytes < 1e9, `${memoryBytes} bytes`);
      assert.equal(much.memoryLimitBytes, null);
    });
    const running = await stateOf(busy);
    await Promise.all([engine.remove(idle), engine.remove(busy)]);
    assert.equal(await engine.usage(running), null);
  });

  it("brings a promoted container up again when it dies, and counts", async () => {
    const { engine } = host();
    const id = await made("dying");
    await engine.setRestartPolicy(id, "unless-stopped");
    await engine.start(id);
    await eventually(async () => assert.ok((await stateOf(id)).restarts > 0));
    await engine.setRestartPolicy(id, "no");
    await engine.remove(id);
  });

  it("clones: the same image and environment, other labels, never started", async () => {
    const { engine } = host();
    const id = await made();
    await engine.setRestartPolicy(id, "unless-stopped");
    await engine.start(id);
    const labels = { ...(await stateOf(id)).labels, "gantry.role": "previous" };
    const kept = await stateOf(await engine.clone({ id, name: `gantry-contract-kept-${names}`, labels }));
    assert.equal(kept.status, "created");
    assert.equal(kept.restartPolicy, "no");
    assert.equal(kept.labels["gantry.role"], "previous");
    assert.ok(kept.environment.includes("FROM_FILE=1"));
    await Promise.all([engine.remove(id), engine.remove(kept.id)]);
  });

  it("takes over a name whose container was never started, and refuses one that was", async () => {
    const { engine } = host();
    const order = { name: "gantry-contract-taken", labels: labelsOf("taken") };
    const lost = await made("plain", order);
    const id = await made("plain", order);
    assert.equal(await engine.inspect(lost), null);
    await engine.start(id);
    await assert.rejects(made("plain", order), rejectsWith("create_failed", { conflict: true }));
    await engine.remove(id);
  });

  it("AG17: leaves a name alone that another order's container holds, started or not", async () => {
    const { engine } = host();
    const name = "gantry-contract-others";
    const others = { ...labelsOf("shared"), "gantry.generation": "7" };
    const id = await made("plain", { name, labels: others });
    for (const change of [{ "gantry.environment": "else" }, { "gantry.generation": "8" }, { "gantry.host": "web-2" }]) {
      const order = made("plain", { name, labels: { ...others, ...change } });
      await assert.rejects(order, rejectsWith("create_failed", { conflict: true }));
    }
    assert.notEqual(await engine.inspect(id), null);
    await engine.remove(id);
  });

  it("removes what is gone already, and says so of whatever else is asked of it", async () => {
    const { engine } = host();
    const id = await made();
    await engine.remove(id);
    await engine.remove(id);
    await assert.rejects(engine.start(id), rejectsWith("start_failed", { gone: true }));
    await assert.rejects(engine.setRestartPolicy(id, "no"), rejectsWith("promote_failed", { gone: true }));
    await assert.rejects(engine.clone({ id, name: "x", labels: {} }), rejectsWith("create_failed", { gone: true }));
  });

  it("tells of what happens to containers, and to which slot they belong", async () => {
    const { engine } = host();
    const labels = { ...labelsOf("told"), "gantry.host": "web-1" };
    const id = await made("plain", { labels });
    const events: EngineEvent[] = [];
    const watching = engine.watch({ onEvent: (event) => events.push(event), onEnd: () => undefined });
    await eventually(async () => {
      await engine.start(id);
      await engine.stop(await stateOf(id));
      const mine = events.find((event) => event.containerId === id);
      assert.deepEqual(mine, { containerId: id, service: "api", environment: "told", host: "web-1" });
    });
    watching.stop();
    await engine.remove(id);
  });
}

function labelsOf(environment: string): Record<string, string> {
  return { "gantry.service": "api", "gantry.environment": environment, "gantry.role": "live" };
}

function never(): AbortSignal {
  return new AbortController().signal;
}
