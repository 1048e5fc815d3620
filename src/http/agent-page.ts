/** The agent's own page for Prometheus, where somebody asked for one: what its host and its containers use. It changes nothing. */
import { once } from "node:events";
import { createServer } from "node:http";
import { Gauge, Registry } from "prom-client";
import type { Log } from "../app/ports.ts";
import { defineUsage, type HostSample } from "./usage-metrics.ts";

export type AgentPage = { readonly port: number; stop(): Promise<void> };

export type Address = { readonly host: string; readonly port: number };

/** `9477` listens on loopback alone, `10.0.0.5:9477` and `[::]:9477` where they say; null: it is neither. */
export function readAddress(text: string): Address | null {
  const match = /^(?:(\[[0-9a-f:.]+\]|[a-z0-9.-]+):)?(\d{1,5})$/i.exec(text);
  const port = Number(match?.[2]);
  if (match === null || port > 65_535) return null;
  return { host: (match[1] ?? "127.0.0.1").replace(/^\[|\]$/g, ""), port };
}

/** Rejects when the address cannot be had. `newest` null: there is no sample yet. */
export async function serveAgentPage(facts: {
  readonly address: Address;
  readonly newest: () => HostSample | null;
  readonly isConnected: () => boolean;
  readonly log: Log;
}): Promise<AgentPage> {
  const registry = registryOf(facts);
  const server = createServer(async (request, response) => {
    const path = request.url?.split("?", 1)[0];
    const isKnown = path === "/metrics" && (request.method === "GET" || request.method === "HEAD");
    const text = isKnown ? await registry.metrics() : "The page is /metrics.\n";
    response.writeHead(isKnown ? 200 : 404, { "content-type": isKnown ? registry.contentType : "text/plain; charset=utf-8" });
    response.end(request.method === "HEAD" ? "" : text);
  });
  // Nothing is sent to it: whoever is slow with a few header lines is no scraper.
  server.requestTimeout = 10_000;
  server.headersTimeout = 5_000;
  server.maxConnections = 32;
  server.listen(facts.address);
  await once(server, "listening");
  server.on("error", (error) => facts.log.warn({ error: error.message }, "a fault of the metrics page"));
  const port = (server.address() as { readonly port: number }).port;
  facts.log.info({ host: facts.address.host, port }, "metrics can be scraped");
  return {
    port,
    async stop() {
      server.close();
      server.closeAllConnections();
      if (server.listening) await once(server, "close");
    },
  };
}

function registryOf(facts: { readonly newest: () => HostSample | null; readonly isConnected: () => boolean }): Registry {
  const registry = new Registry();
  const registers = [registry];
  const hosts = () => [facts.newest()].filter((one) => one !== null);
  defineUsage({ hosts, registers, onError() {} });
  gauge("gantry_agent_connected", "1 while the agent is connected to its server.", () => (facts.isConnected() ? 1 : 0));
  gauge("gantry_agent_cpu_seconds", "Time of the agent itself on all cores, since its start.", agentSeconds);
  gauge("gantry_agent_memory_bytes", "Memory of the agent itself.", () => process.memoryUsage.rss());
  return registry;

  function gauge(name: string, help: string, read: () => number): void {
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(read());
      },
    });
  }
}

function agentSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}
