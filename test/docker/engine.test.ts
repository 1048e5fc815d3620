import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import http from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { createDockerEngine } from "../../src/docker/engine.ts";
import { type ContainerState, type Engine, EngineError } from "../../src/host/engine.ts";
import { isEngineFault } from "../../src/host/images.ts";
import { createLogins, type OpenLogins } from "../../src/registry/logins.ts";
import { plainSpec } from "../host/kit/orders.ts";
import { eventually } from "../kit/eventually.ts";

type Reply = { readonly status: number; readonly body: unknown };

const digest = `sha256:${"a".repeat(64)}`;
const id = "c".repeat(64);
const busy = { status: 500, body: { message: "unable to remove filesystem: device or resource busy" } };
const wellKnown: Readonly<Record<string, Reply>> = {
  "GET /info": { status: 200, body: { LiveRestoreEnabled: true } },
  "GET /version": { status: 200, body: { Os: "linux", Arch: "amd64" } },
};

describe("an engine that answers as it likes", () => {
  let server: http.Server;
  let engine: Engine;
  let configDir: string;
  let known: OpenLogins;
  let replies: Record<string, Reply>;
  let logins: string[];
  let asked: string[];
  /** Of whoever waits for the end of a container: the head of the answer came, its body did not. */
  let dying: Socket | null;
  beforeEach(async () => {
    replies = { ...wellKnown };
    logins = [];
    asked = [];
    dying = null;
    configDir = await mkdtemp(join(tmpdir(), "gantry-docker-"));
    server = http.createServer((request, response) => {
      const path = new URL(request.url ?? "", "http://engine").pathname;
      const login = request.headers["x-registry-auth"];
      asked.push(`${request.method} ${path}`);
      if (login !== undefined) logins.push(Buffer.from(String(login), "base64").toString("utf8"));
      if (path.endsWith("/wait")) {
        response.writeHead(200).flushHeaders();
        dying = response.socket;
        return;
      }
      const { status, body } = replies[`${request.method} ${path}`] ?? { status: 404, body: { message: `no ${path}` } };
      response.writeHead(status, { "content-type": "application/json" }).end(`${JSON.stringify(body)}\n`);
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    known = createLogins({ configDir, env: {} });
    engine = createDockerEngine({ dockerHost: `tcp://127.0.0.1:${port}`, logins: known });
  });
  afterEach(async () => {
    await known.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await rm(configDir, { recursive: true, force: true });
  });

  async function reasonOf(work: Promise<unknown>): Promise<{ reason: string; isEngineFault: boolean }> {
    const thrown = await work.then(
      () => assert.fail("it did not fail"),
      (error) => error,
    );
    assert.ok(thrown instanceof EngineError, String(thrown));
    return { reason: thrown.reason, isEngineFault: isEngineFault(thrown) };
  }

  it("is not down when it cannot remove a container, or change it: that is said of the container", async () => {
    replies[`DELETE /containers/${id}`] = busy;
    assert.deepEqual(await reasonOf(engine.remove(id)), { reason: "stop_failed", isEngineFault: false });
    replies[`POST /containers/${id}/update`] = busy;
    const update = engine.setRestartPolicy(id, "unless-stopped");
    assert.deepEqual(await reasonOf(update), { reason: "promote_failed", isEngineFault: false });
    replies[`GET /containers/${id}/json`] = busy;
    const clone = engine.clone({ id, name: "kept", labels: {} });
    assert.deepEqual(await reasonOf(clone), { reason: "create_failed", isEngineFault: false });
  });

  it("is not down when it cannot tell what runs: nothing is concluded from that", async () => {
    const failing = { reason: "engine_error", isEngineFault: true };
    replies["GET /containers/json"] = busy;
    assert.deepEqual(await reasonOf(engine.list()), failing);
    replies["GET /info"] = busy;
    assert.deepEqual(await reasonOf(engine.info()), failing);
  });

  it("waits for a create whose answer was lost and that is still under way: its name is taken, its container not there yet", async () => {
    const order = { name: "gantry-api.prod-g2", imageRef: `r/api@${digest}`, spec: plainSpec, labels: {}, environment: [] };
    replies["POST /containers/create"] = {
      status: 409,
      body: { message: 'Conflict. The container name "/gantry" is already in use' },
    };
    const made = engine.create(order);
    await eventually(() => assert.ok(asked.includes(`GET /containers/${order.name}/json`)));
    replies["POST /containers/create"] = { status: 201, body: { Id: id } };
    assert.equal(await made, id);
  });

  it("keeps nobody waiting when it dies before it has said that a container ended", async () => {
    replies[`POST /containers/${id}/kill`] = { status: 204, body: {} };
    const state = { id, pid: null, stopSignal: "SIGTERM", stopGraceMs: 60_000 } as ContainerState;
    const stopped = reasonOf(engine.stop(state));
    (await eventually(() => dying ?? assert.fail("it was not asked"))).destroy();
    assert.deepEqual(await stopped, { reason: "engine_down", isEngineFault: true });
    replies[`POST /containers/${id}/start`] = { status: 204, body: {} };
    await engine.start(id);
  });

  it("is down when nothing answers", async () => {
    const gone = createDockerEngine({ dockerHost: "unix:///nowhere/docker.sock" });
    assert.deepEqual(await reasonOf(gone.info()), { reason: "engine_down", isEngineFault: true });
  });

  for (const [written, shown] of [
    ["docker.io/acme/api", "acme/api"],
    ["docker.io/nginx", "nginx"],
    ["docker.io/library/nginx", "nginx"],
    ["registry.test/library/nginx", "registry.test/library/nginx"],
  ] as const) {
    it(`knows ${written} when it is shown as ${shown}`, async () => {
      const ref = `${written}@${digest}`;
      const image = { Os: "linux", Architecture: "amd64", RepoDigests: [`${shown}@${digest}`] };
      replies["POST /images/create"] = { status: 200, body: { status: "Download complete" } };
      replies[`GET /images/${ref}/json`] = { status: 200, body: image };
      assert.equal(await engine.pull({ repository: written, digest, signal: new AbortController().signal }), ref);
      assert.equal(await engine.findImage({ repositories: [written], digest }), ref);
    });
  }

  it("does not take an image of the same name elsewhere for the one on Docker Hub", async () => {
    const ref = `docker.io/acme/api@${digest}`;
    const image = { Os: "linux", Architecture: "amd64", RepoDigests: [`registry.test/acme/api@${digest}`] };
    replies["POST /images/create"] = { status: 200, body: { status: "Download complete" } };
    replies[`GET /images/${ref}/json`] = { status: 200, body: image };
    const pull = engine.pull({ repository: "docker.io/acme/api", digest, signal: new AbortController().signal });
    assert.equal((await reasonOf(pull)).reason, "digest_mismatch");
  });

  it("is given the login of Docker Hub where `docker login` keeps it", async () => {
    const auth = Buffer.from("ana:secret").toString("base64");
    await writeFile(join(configDir, "config.json"), JSON.stringify({ auths: { "https://index.docker.io/v1/": { auth } } }));
    await engine.pull({ repository: "docker.io/acme/api", digest, signal: new AbortController().signal }).catch(() => undefined);
    assert.deepEqual(JSON.parse(logins[0] ?? "null"), {
      username: "ana",
      password: "secret",
      serveraddress: "https://index.docker.io/v1/",
    });
  });

  it("asks the engine what a container uses when the kernel's counters are not to be seen, and once only", async () => {
    const running = { id, pid: 2 ** 22 + 1, status: "running", ownNetwork: true } as ContainerState;
    const memory_stats = { usage: 10_000_000, limit: 33_554_432, stats: { total_inactive_file: 3_000_000 } };
    const cpu_stats = { cpu_usage: { total_usage: 8_250_000_000 } };
    const networks = { eth0: { rx_bytes: 1_000, tx_bytes: 200 }, eth1: { rx_bytes: 50, tx_bytes: 7 } };
    replies[`GET /containers/${id}/stats`] = { status: 200, body: { memory_stats, cpu_stats, networks } };
    assert.deepEqual(await engine.usage(running), {
      cpuMs: 8_250,
      memoryBytes: 7_000_000,
      memoryLimitBytes: 33_554_432,
      network: { receivedBytes: 1_050, sentBytes: 207 },
    });
    assert.deepEqual(asked, [`GET /containers/${id}/stats`]);
    const { ownNetwork: _own, ...onHost } = running;
    assert.equal((await engine.usage(onHost))?.network, null);
    // One that ended in between, and one that is gone.
    replies[`GET /containers/${id}/stats`] = { status: 200, body: { memory_stats: {}, cpu_stats, networks: {} } };
    assert.equal(await engine.usage(running), null);
    delete replies[`GET /containers/${id}/stats`];
    assert.equal(await engine.usage(running), null);
    replies[`GET /containers/${id}/stats`] = busy;
    assert.equal((await reasonOf(engine.usage(running))).reason, "engine_error");
    assert.equal(await engine.usage({ ...running, pid: null }), null);
  });
});
