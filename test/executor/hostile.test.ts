import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { request } from "node:http";
import { createConnection } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { systemClock } from "../../src/app/clock.ts";
import { createFakeEngine } from "../../src/docker/fake.ts";
import { createExecutorClient, type ExecutorClient } from "../../src/executor/client.ts";
import { type RunningExecutor, startExecutor } from "../../src/executor.ts";
import { type ContainerState, EngineError } from "../../src/host/engine.ts";
import { silent } from "../host/kit/real-host.ts";
import { hostileOrders } from "./kit/hostile.ts";
import { orderOf } from "./kit/orders.ts";

const digest = `sha256:${"a".repeat(64)}`;
const repository = "registry.test/api";
const imageRef = `${repository}@${digest}`;

describe("a hijacked agent", () => {
  const engine = createFakeEngine({ clock: systemClock });
  engine.registries.push({ repository, digest });
  engine.registries.push({ repository: "evil.example.com/api", digest });
  let dir: string;
  let socket: string;
  let executor: RunningExecutor;
  let client: ExecutorClient;
  before(async () => {
    dir = await mkdtemp(join(tmpdir(), "gantry-executor-"));
    socket = join(dir, "executor.sock");
    executor = await startExecutor({
      socket,
      policyFile: join(dir, "none.yaml"),
      stateDir: join(dir, "state"),
      registries: ["registry.test"],
      engine,
      log: silent,
    });
    client = createExecutorClient({ socketPath: socket });
    await client.engine.pull({ repository, digest, signal: new AbortController().signal });
  });
  after(async () => {
    await executor.stop();
    await rm(dir, { recursive: true });
  });

  const refused = (thrown: unknown) => {
    assert.ok(thrown instanceof EngineError, String(thrown));
    assert.equal(thrown.reason, "refused_by_host", thrown.message);
    return true;
  };

  for (const { what, order } of hostileOrders(imageRef)) {
    it(`gets no container by ${what}`, async () => {
      const before = [...engine.calls];
      await assert.rejects(client.engine.create(order), refused);
      assert.deepEqual(engine.calls, before);
    });
  }

  it("gets the container that is allowed", async () => {
    const id = await client.engine.create(orderOf({ imageRef }));
    assert.equal((await client.engine.inspect(id))?.name, "gantry-api.prod-g1");
    await client.engine.remove(id);
  });

  it("pulls nothing from where the policy does not say", async () => {
    const before = [...engine.calls];
    const signal = new AbortController().signal;
    await assert.rejects(client.engine.pull({ repository: "evil.example.com/api", digest, signal }), refused);
    await assert.rejects(client.engine.pull({ repository: "registry.test/../x", digest, signal }), refused);
    assert.deepEqual(engine.calls, before);
  });

  it("does nothing to containers of others, and sees none of them", async () => {
    const id = await engine.create(orderOf({ imageRef, name: "postgres" }, {}, { labels: { app: "db" } }));
    await engine.start(id);
    const before = [...engine.calls];
    const state = { ...(await engine.inspect(id)) } as ContainerState;
    assert.equal(await client.engine.inspect(id), null);
    await assert.rejects(client.engine.stop(state), refused);
    await assert.rejects(client.engine.start(id), refused);
    await assert.rejects(client.engine.remove(id), refused);
    await assert.rejects(client.engine.exec({ id, command: ["sh"], timeoutMs: 1_000 }), refused);
    await assert.rejects(client.engine.logTail(id, 10), refused);
    await assert.rejects(client.engine.setRestartPolicy(id, "unless-stopped"), refused);
    await assert.rejects(client.engine.clone({ id, name: "gantry-x", labels: orderOf({ imageRef }).labels }), refused);
    assert.equal(await client.engine.usage(state), null);
    assert.deepEqual(
      (await client.engine.list()).map((c) => c.name),
      [],
    );
    const pid = (await engine.inspect(id))?.pid ?? 0;
    assert.equal((await client.holder({ port: 8080, pid })).by, "unknown");
    assert.equal((await client.holder({ port: 8080, pid: process.pid })).by, "unknown");
    assert.deepEqual(engine.calls, before);
    assert.equal(engine.running().length, 1);
    await engine.remove(id);
  });

  it("makes no copy of ours that is nobody's", async () => {
    const id = await client.engine.create(orderOf({ imageRef }));
    const { labels } = orderOf({ imageRef });
    await assert.rejects(client.engine.clone({ id, name: "postgres", labels }), refused);
    await assert.rejects(client.engine.clone({ id, name: "gantry-x", labels: {} }), refused);
    await client.engine.remove(id);
  });

  it("holds no connections that the policy does not let it hold", async () => {
    await assert.rejects(client.redirect.set({ port: 8080, to: 40_000, mostMs: 1_000 }), refused);
    await assert.rejects(client.redirect.set({ port: 40_001, to: 40_000, mostMs: 1_000 }), refused);
  });

  it("makes gates nowhere but in the executor's folder", async () => {
    for (const name of ["../x", "/etc", "", "a/b", ".spare-1"]) await assert.rejects(client.gates.make(name), refused);
  });

  it("is not understood when it talks nonsense, and the executor goes on", async () => {
    const nonsense: [string, string][] = [
      ["/create", "{"],
      ["/create", "null"],
      ["/create", "[]"],
      ["/nothing", "{}"],
      ["/__proto__", "{}"],
      ["/constructor", "{}"],
      ["/../create", "{}"],
      ["/inspect", '{"id":["x"]}'],
      ["/inspect", '{"id":"x","more":1}'],
      ["/stop", '{"id":"x","stopGraceMs":-1}'],
      ["/stop", '{"id":"x","stopGraceMs":1e300}'],
      ["/exec", '{"id":"x","command":"sh","timeoutMs":1}'],
      ["/holder", '{"port":0,"pid":1}'],
      ["/holder", '{"port":8080,"pid":"1/../2"}'],
    ];
    for (const [path, body] of nonsense) assert.match(await said(path, body), /refused_by_host/, `${path} ${body}`);
    assert.match(await said("/create", JSON.stringify({ name: "x".repeat(2 * 1024 * 1024) })), /1 MiB/);
    assert.deepEqual(await client.engine.list(), []);
  });

  it("cannot keep the executor waiting for a request that does not end", async () => {
    const slow = createConnection(socket);
    slow.on("error", () => undefined);
    slow.write("POST /info HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{");
    assert.equal((await client.engine.info()).platform, "linux/amd64");
    slow.destroy();
  });

  function said(path: string, body: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const call = request({ socketPath: socket, path, method: "POST", agent: false }, async (response) => {
        let text = "";
        for await (const chunk of response) text += chunk;
        resolve(text);
      });
      call.on("error", reject);
      call.end(body);
    });
  }
});
