/** docs/reference/http.md: what listens on GANTRY_PORT, and every metric. */
import { commands } from "../../commands/index.ts";
import { createHttp } from "../../src/http/app.ts";
import { createMetrics, type Metrics } from "../../src/http/metrics.ts";
import { code, generated, page, table } from "./markdown.ts";

const meanings: Readonly<Record<string, string>> = {
  "GET /": "A front page with the links below.",
  "GET /healthz": "200 while the process lives, with version, uptime and how late the event loop is. For a process supervisor.",
  "GET /readyz":
    "200 when the database can be written and Slack is connected, else 503; each part with its reason code. For alerts, not for killing: a server without Slack still rolls back from the terminal.",
  "GET /metrics": "Metrics for Prometheus, see below.",
  "POST /slack/events": "HTTP mode only: events, commands and interactivity of Slack, signed. 404 in Socket Mode.",
  "WS /agent": "Where host agents connect. Every connection proves a key, or spends an enrolment token.",
};

/** Mounted by the composition root rather than by the page router. */
export const mounted = ["POST /slack/events", "WS /agent"] as const;

/** The routes that the router itself knows, as `GET /path`. */
export function routes(): readonly string[] {
  const app = createHttp({
    version: "",
    log: { debug() {}, info() {}, warn() {}, error() {} },
    parts: {},
    lagMs: () => 0,
    uptimeSeconds: () => 0,
    metrics: metrics().registry,
  });
  const all = app.routes.filter(({ method }) => method !== "ALL").map(({ method, path }) => `${method} ${path}`);
  return [...new Set(all)].sort();
}

function metrics(): Metrics {
  const queue = () => ({ depth: 0, oldestAgeMs: 0, dead: 0 });
  const sources = {
    inbox: queue,
    outbox: queue,
    rollouts: () => ({}),
    ended: () => ({}),
    inLine: () => 0,
    paused: () => 0,
    hosts: () => ({}),
    frozen: () => false,
    historyHead: () => 0,
    epoch: () => 1,
    chatConnected: () => true,
    usage: () => [],
  };
  return createMetrics({ verbs: commands.map((c) => c.name), sources });
}

export async function httpPage(): Promise<string> {
  const all = [...routes(), ...mounted];
  const undescribed = all.filter((route) => meanings[route] === undefined);
  if (undescribed.length > 0) throw new Error(`scripts/docs/http-page.ts does not describe ${undescribed.join(", ")}`);
  return page([
    generated("`src/http/`"),
    "# HTTP",
    "One port (`GANTRY_PORT`, default 8080) serves all of this. It speaks plain HTTP: put a reverse proxy with TLS before it when agents or Slack reach it over a network you do not trust. None of the `GET` pages shows a secret, and none can change anything.",
    table(
      ["route", "what"],
      all.map((route) => [code(route), meanings[route] ?? ""]),
    ),
    "Bodies over 1 MiB are refused with 413; headers must be there within 10 s, a whole request within 30 s.",
    "## Metrics",
    table(["metric", "type", "labels", "meaning"], await metricRows()),
    "Besides these, the default metrics of a Node process (`process_…`, `nodejs_…`). Labels have closed sets of values: a verb that does not exist is counted as `other`. `gantry_container_…` and `gantry_host_…` are there for hosts that are connected and places that are configured; [Monitor hosts and containers](../how-to/monitor.md) has a scrape configuration and alerts.",
    "## The local socket",
    "`GANTRY_DATA/gantry.sock` is the CLI's way to the running server (HTTP over a Unix socket, readable by the server's user alone). It is not an interface for other programs: use the CLI.",
  ]);
}

async function metricRows(): Promise<string[][]> {
  const { registry } = metrics();
  await registry.metrics();
  const ours = registry.getMetricsAsArray().filter(({ name }) => name.startsWith("gantry_"));
  return ours.map((metric) => {
    const {
      name,
      help,
      type,
      labelNames = [],
    } = metric as unknown as {
      name: string;
      help: string;
      type: string;
      labelNames?: readonly string[];
    };
    return [code(name), type, labelNames.map(code).join(", "), help];
  });
}
