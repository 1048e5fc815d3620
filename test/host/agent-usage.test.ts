// From the containers of two hosts to the server's page for Prometheus, over the wire: whole agents on engines in memory.
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { Registry } from "prom-client";
import { AgentError, type AgentOptions, type RunningAgent, startAgent } from "../../src/agent.ts";
import { systemClock } from "../../src/app/clock.ts";
import { createUsageBoard, type UsageBoard } from "../../src/app/usage.ts";
import type { GantryConfig } from "../../src/config/valid.ts";
import { createFakeEngine } from "../../src/docker/fake.ts";
import { defineUsage } from "../../src/http/usage-metrics.ts";
import { eventually } from "../kit/eventually.ts";
import { repository, want } from "./kit/fake-host.ts";
import { silent, startTestServer, type TestServer } from "./kit/real-host.ts";

const digest = `sha256:${"a".repeat(64)}`;

describe("what two hosts use, as the server shows it", () => {
  let server: TestServer;
  let board: UsageBoard;
  let dir: string;
  const agents = new Map<string, RunningAgent>();
  let agentPort = 0;

  before(async () => {
    dir = await mkdtemp(join(tmpdir(), "gantry-usage-"));
    server = await startTestServer("127.0.0.1", { onUsage: (host, sample) => board.note(host, sample) });
    const config = { services: [{ name: "api", environments: [{ name: "prod" }] }] } as unknown as GantryConfig;
    board = createUsageBoard({ config, clock: systemClock, fleet: server.hub });
    await start("web-1", { metrics: "127.0.0.1:0" });
    await start("web-2");
    for (const host of agents.keys()) {
      server.desk.desire(host, want({ generation: 3, release: 7, digest }));
      server.hub.nudge(host);
      await server.desk.settled(host, 3);
    }
  });
  after(async () => {
    for (const agent of agents.values()) await agent.stop();
    await server.stop();
    await rm(dir, { recursive: true, force: true });
  });

  async function start(name: string, more: Partial<AgentOptions> = {}): Promise<void> {
    const engine = createFakeEngine({ clock: systemClock });
    engine.registries.push({ repository, digest, program: { cores: 0.5, memoryBytes: name === "web-1" ? 111 : 222 } });
    server.desk.tokens.set(`gnt_${name}`, { name });
    const info = (facts: object, message: string) => {
      if (message === "metrics can be scraped") agentPort = (facts as { port: number }).port;
    };
    const at = { server: server.url, name, labels: {}, stateDir: join(dir, name), token: `gnt_${name}` };
    const made = { engine, prober: engine.prober, log: { ...silent, info }, sampleEveryMs: 20 };
    agents.set(name, await startAgent({ ...at, ...made, link: { backoff: { firstMs: 5, capMs: 20 } }, ...more }));
  }

  async function page(): Promise<string> {
    const registry = new Registry();
    defineUsage({ hosts: board.all, registers: [registry], onError: () => assert.fail("the board fell") });
    return await registry.metrics();
  }

  const memoryOf = (host: string, bytes: number) =>
    `gantry_container_memory_bytes{service="api",environment="prod",release="r7",host="${host}",container="api"} ${bytes}\n`;

  it("has the containers of both, told apart by host, and their machines beside them", async () => {
    await eventually(async () => {
      const text = await page();
      assert.ok(text.includes(memoryOf("web-1", 111)), text);
      assert.ok(text.includes(memoryOf("web-2", 222)));
    });
    const text = await page();
    assert.match(text, /^gantry_container_health\{.*host="web-1".*state="ok"\} 1$/m);
    assert.match(text, /^gantry_host_memory_total_bytes\{host="web-2"\} \d{6,}$/m);
    assert.match(text, /^gantry_host_cores\{host="web-2"\} [1-9]/m);
  });

  it("does not take a sample for a report", async () => {
    const samples = () => board.of("web-1")?.at ?? 0;
    const report = server.desk.pictureOf("web-1");
    const first = samples();
    await eventually(() => assert.ok(samples() > first + 60));
    assert.equal(server.desk.pictureOf("web-1"), report);
  });

  it("is what the agent itself shows, where somebody asked it to", async () => {
    const answer = await fetch(`http://127.0.0.1:${agentPort}/metrics`, { headers: { connection: "close" } });
    const text = await answer.text();
    assert.ok(text.includes(memoryOf("web-1", 111)), text);
    assert.match(text, /^gantry_agent_connected 1$/m);
    assert.doesNotMatch(text, /web-2/);
  });

  it("says in one line that the address cannot be had", async () => {
    const refuses = async (metrics: string, pattern: RegExp) =>
      await assert.rejects(start("web-3", { metrics }), (error) => error instanceof AgentError && pattern.test(error.message));
    await refuses("everywhere", /^--metrics everywhere: use a port such as 9477/);
    await refuses(String(agentPort), /^--metrics \d+: listen EADDRINUSE/);
  });

  it("loses the series of a host that goes away", async () => {
    await agents.get("web-2")?.stop();
    await eventually(async () => assert.doesNotMatch(await page(), /web-2/));
    assert.ok((await page()).includes(memoryOf("web-1", 111)));
  });
});
