/** The pages of the operations room: whether the process lives, whether it can work, its metrics, and a front page. */
import { randomUUID } from "node:crypto";
import { Hono } from "hono";
import { html } from "hono/html";
import type { Log } from "../app/ports.ts";
import { type ReasonCode, reasons } from "../core/reasons.ts";

/** One thing that the server needs in order to work. `detail` is a sentence without secrets. */
export type Part = { readonly ok: true } | { readonly ok: false; readonly reason: ReasonCode; readonly detail?: string };

export type HttpFacts = {
  readonly version: string;
  readonly log: Log;
  /** Asked at each /readyz: `database`, `lock`, `chat`. Ready means that every one is ok; a throw counts as `internal`. */
  readonly parts: Readonly<Record<string, () => Part>>;
  /** How late the event loop is. */
  readonly lagMs: () => number;
  /** Seconds since the process started. */
  readonly uptimeSeconds: () => number;
  readonly metrics: { readonly contentType: string; metrics(): Promise<string> };
  readonly newId?: () => string;
};

const headers: Readonly<Record<string, string>> = {
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
  "cache-control": "no-store",
};

/** The app; further rooms mount their routes on it. */
export function createHttp(facts: HttpFacts): Hono {
  const { version, log, newId = randomUUID } = facts;
  const app = new Hono();
  app.use(async (context, next) => {
    await next();
    for (const [name, value] of Object.entries(headers)) if (!context.res.headers.has(name)) context.header(name, value);
  });
  app.get("/healthz", (context) => {
    const eventLoopLagMs = Math.round(facts.lagMs());
    return context.json({ alive: true, version, uptimeSeconds: Math.round(facts.uptimeSeconds()), eventLoopLagMs });
  });
  app.get("/readyz", (context) => {
    const parts = Object.entries(facts.parts).map(([name, ask]) => [name, stateOf(name, ask, log)] as const);
    const ready = parts.every(([, part]) => part.ok);
    return context.json({ ready, parts: Object.fromEntries(parts) }, ready ? 200 : 503);
  });
  app.get("/metrics", async (context) => {
    return context.text(await facts.metrics.metrics(), 200, { "content-type": facts.metrics.contentType });
  });
  app.get("/", (context) => context.html(frontPage(version)));
  app.notFound((context) => context.json({ error: "not_found", next: "The pages are /, /healthz, /readyz and /metrics." }, 404));
  app.onError((error, context) => {
    const id = newId();
    log.error({ id, err: error, method: context.req.method, path: context.req.path }, "a page failed");
    return context.json({ error: "internal", id, next: reasons.internal.next }, 500);
  });
  return app;
}

/** The part, with the words of its reason code. */
function stateOf(name: string, ask: () => Part, log: Log) {
  const part = safely(name, ask, log);
  return part.ok ? part : { ...part, ...reasons[part.reason] };
}

function safely(name: string, ask: () => Part, log: Log): Part {
  try {
    return ask();
  } catch (error) {
    log.error({ err: error, part: name }, "a readiness check failed");
    return { ok: false, reason: "internal" };
  }
}

function frontPage(version: string) {
  return html`<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Gantry</title></head>
<body>
<h1>Gantry ${version}</h1>
<p>Deploys are asked for in Slack: type <code>/gantry help</code> there.</p>
<ul>
<li><a href="/readyz">Whether the server can work</a></li>
<li><a href="/healthz">Whether the process is alive</a></li>
<li><a href="/metrics">Metrics for Prometheus</a></li>
</ul>
</body>
</html>`;
}
