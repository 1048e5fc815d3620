import assert from "node:assert/strict";
import http from "node:http";
import { afterEach, describe, it } from "node:test";
import { Registry } from "prom-client";
import type { ContainerSample, UsageSample } from "../../src/core/usage.ts";
import { type AgentPage, readAddress, serveAgentPage } from "../../src/http/agent-page.ts";
import { defineUsage, type HostSample } from "../../src/http/usage-metrics.ts";

const log = { debug() {}, info() {}, warn() {}, error() {} };

function aContainer(change: Partial<ContainerSample> = {}): ContainerSample {
  const usage = { cpuMs: 8_250, memoryBytes: 50e6, memoryLimitBytes: null, network: null };
  const place = { service: "api", environment: "prod", container: "api", released: true };
  return { ...place, release: 7, generation: 9, restarts: 2, health: "ok", usage, cores: 0.1, ...change };
}

function aHost(host: string, containers: readonly ContainerSample[], change: Partial<UsageSample> = {}): HostSample {
  const machine = { cores: 4, cpuMs: 12_000, load: 0.5, memoryBytes: 3e9, memoryTotalBytes: 8e9 };
  return { host, sample: { machine, coresInUse: 1, diskFreeBytes: 7e9, containers, ...change } };
}

describe("what is used, for Prometheus", () => {
  function page(hosts: () => readonly HostSample[], onError = () => {}) {
    const registry = new Registry();
    defineUsage({ hosts, registers: [registry], onError });
    return async () => (await registry.metrics()).split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  }

  it("tells the containers of two hosts from one another, and from the hosts", async () => {
    const metrics = aContainer({ container: "metrics", released: false, usage: null, health: "exited" });
    const lines = await page(() => [aHost("prod-1", [aContainer(), metrics]), aHost("prod-2", [aContainer({ release: 6 })])])();
    const labels = (host: string, release: string, container = "api") =>
      `{service="api",environment="prod",release="${release}",host="${host}",container="${container}"}`;
    const cpu = lines.filter((line) => line.includes("cpu_seconds_total"));
    assert.deepEqual(cpu, [
      `gantry_container_cpu_seconds_total${labels("prod-1", "r7")} 8.25`,
      `gantry_container_cpu_seconds_total${labels("prod-2", "r6")} 8.25`,
      'gantry_host_cpu_seconds_total{host="prod-1"} 12',
      'gantry_host_cpu_seconds_total{host="prod-2"} 12',
    ]);
    assert.ok(lines.includes(`gantry_container_restarts_total${labels("prod-1", "r7")} 2`));
    const states = lines.filter((line) => line.startsWith("gantry_container_health") && line.includes('container="metrics"'));
    assert.deepEqual(
      states.map((line) => line.replace(/^.*state="(.*)"} /, "$1 ")),
      ["ok 0", "starting 0", "failing 0", "restarting 0", "exited 1"],
    );
  });

  it("says nothing where nothing can be said: no limit, the host's network, a machine that is not seen", async () => {
    const blind = { machine: null, coresInUse: null, diskFreeBytes: null };
    const lines = await page(() => [aHost("prod-1", [aContainer()], blind)])();
    assert.equal(lines.filter((line) => /limit|network|gantry_host/.test(line)).length, 0);
    const usage = { cpuMs: 1, memoryBytes: 2, memoryLimitBytes: 33, network: { receivedBytes: 44, sentBytes: 55 } };
    const told = (await page(() => [aHost("prod-1", [aContainer({ usage })], blind)])()).join("\n");
    for (const line of [/limit_bytes\{.*\} 33$/m, /receive_bytes_total\{.*\} 44$/m, /transmit_bytes_total\{.*\} 55$/m]) {
      assert.match(told, line);
    }
  });

  it("drops the series of a release that is gone and of a host that is away, and begins a counter anew", async () => {
    let hosts = [aHost("prod-1", [aContainer()]), aHost("prod-2", [aContainer()])];
    const lines = page(() => hosts);
    assert.equal((await lines()).filter((line) => line.includes('host="prod-2"')).length, 14);
    const usage = { cpuMs: 500, memoryBytes: 1, memoryLimitBytes: null, network: null };
    hosts = [aHost("prod-1", [aContainer({ release: 8, usage })])];
    const now = await lines();
    assert.equal(now.filter((line) => line.includes('host="prod-2"') || line.includes('release="r7"')).length, 0);
    assert.ok(now.some((line) => line.startsWith("gantry_container_cpu_seconds_total") && line.endsWith(" 0.5")));
  });

  it("leaves the series out when they cannot be read, and counts it", async () => {
    let errors = 0;
    const lines = await page(
      () => {
        throw new Error("no");
      },
      () => {
        errors += 1;
      },
    )();
    assert.deepEqual(lines, []);
    assert.ok(errors > 0);
  });
});

describe("the agent's page", () => {
  let served: AgentPage | null = null;
  afterEach(async () => {
    await served?.stop();
    served = null;
  });

  const get = (path: string, method = "GET") =>
    new Promise<{ status: number; text: string }>((resolve, reject) => {
      const asked = http.request({ host: "127.0.0.1", port: served?.port, path, method, agent: false }, (answer) => {
        let text = "";
        answer.on("data", (part) => {
          text += part;
        });
        answer.on("end", () => resolve({ status: answer.statusCode ?? 0, text }));
      });
      asked.on("error", reject).end();
    });

  it("shows the newest sample of its own host, the agent itself, and nothing else", async () => {
    let newest: HostSample | null = null;
    const address = { host: "127.0.0.1", port: 0 };
    served = await serveAgentPage({ address, newest: () => newest, isConnected: () => false, log });
    const before = await get("/metrics");
    assert.equal(before.status, 200);
    assert.match(before.text, /^gantry_agent_connected 0$/m);
    assert.match(before.text, /^gantry_agent_cpu_seconds [\d.]+$/m);
    assert.doesNotMatch(before.text, /^gantry_(container|host)_/m);
    newest = aHost("prod-1", [aContainer()]);
    assert.match((await get("/metrics")).text, /^gantry_container_memory_bytes\{.*host="prod-1".*\} 50000000$/m);
    assert.equal((await get("/")).status, 404);
    assert.equal((await get("/metrics", "POST")).status, 404);
  });

  it("rejects when somebody else has the port", async () => {
    const facts = { newest: () => null, isConnected: () => true, log };
    served = await serveAgentPage({ ...facts, address: { host: "127.0.0.1", port: 0 } });
    await assert.rejects(serveAgentPage({ ...facts, address: { host: "127.0.0.1", port: served.port } }), /EADDRINUSE/);
  });

  it("listens on loopback unless it is told where", () => {
    assert.deepEqual(readAddress("9477"), { host: "127.0.0.1", port: 9477 });
    assert.deepEqual(readAddress("0.0.0.0:9477"), { host: "0.0.0.0", port: 9477 });
    assert.deepEqual(readAddress("[::1]:9477"), { host: "::1", port: 9477 });
    for (const wrong of ["", "port", "1:2:3", "70000", "http://x:1"]) assert.equal(readAddress(wrong), null);
  });
});
