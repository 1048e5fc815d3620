import assert from "node:assert/strict";
import { test } from "node:test";
import type { Log } from "../../src/app/ports.ts";
import { createHttp, type HttpFacts, type Part } from "../../src/http/app.ts";
import { createMetrics } from "../../src/http/metrics.ts";

type Line = { readonly facts: Readonly<Record<string, unknown>>; readonly message: string };

function quietSources() {
  return {
    inbox: () => ({ depth: 3, oldestAgeMs: 1500, dead: 1 }),
    outbox: () => ({ depth: 0, oldestAgeMs: 0, dead: 2 }),
    rollouts: () => ({ rolling: 2, soaking: 1 }),
    ended: () => ({ succeeded: 7, stuck: 1 }),
    inLine: () => 2,
    paused: () => 1,
    hosts: () => ({ connected: 4 }),
    frozen: () => true,
    historyHead: () => 1842,
    epoch: () => 3,
    chatConnected: () => true,
    usage: () => [],
  };
}

function roomOf(facts: Partial<HttpFacts> = {}) {
  const lines: Line[] = [];
  const note = (given: object, message: string) => void lines.push({ facts: given as Line["facts"], message });
  const log: Log = { debug: note, info: note, warn: note, error: note };
  const app = createHttp({
    version: "1.2.3",
    log,
    parts: {},
    lagMs: () => 1.6,
    uptimeSeconds: () => 60.4,
    metrics: createMetrics({ verbs: [], sources: quietSources() }).registry,
    newId: () => "id-1",
    ...facts,
  });
  return { app, lines };
}

test("/healthz says that the process lives and how late it is", async () => {
  const answer = await roomOf().app.request("/healthz");
  assert.equal(answer.status, 200);
  assert.deepEqual(await answer.json(), { alive: true, version: "1.2.3", uptimeSeconds: 60, eventLoopLagMs: 2 });
});

const fine: Part = { ok: true };

test("/readyz is 200 when every part is well", async () => {
  const answer = await roomOf({ parts: { database: () => fine, lock: () => fine, chat: () => fine } }).app.request("/readyz");
  assert.equal(answer.status, 200);
  assert.deepEqual(await answer.json(), {
    ready: true,
    parts: { database: { ok: true }, lock: { ok: true }, chat: { ok: true } },
  });
});

test("/readyz is 503 and names the part, its reason and the way on", async () => {
  const chat: Part = { ok: false, reason: "chat_unreachable", detail: "no answer since 14:02" };
  const answer = await roomOf({ parts: { database: () => fine, chat: () => chat } }).app.request("/readyz");
  assert.equal(answer.status, 503);
  assert.deepEqual(await answer.json(), {
    ready: false,
    parts: {
      database: { ok: true },
      chat: {
        ok: false,
        reason: "chat_unreachable",
        detail: "no answer since 14:02",
        title: "Slack does not answer",
        next: "Use the CLI meanwhile: the same verbs work.",
      },
    },
  });
});

test("a readiness check that throws counts as a fault, and its words stay in the log", async () => {
  const parts = {
    database: () => {
      throw new Error("disk I/O error at /secret/path");
    },
  };
  const { app, lines } = roomOf({ parts });
  const answer = await app.request("/readyz");
  assert.equal(answer.status, 503);
  const body = await answer.text();
  assert.match(body, /"reason":"internal"/);
  assert.doesNotMatch(body, /secret/);
  assert.equal(lines[0]?.facts["part"], "database");
});

test("a page that fails tells an id, and the log tells the rest", async () => {
  const { app, lines } = roomOf({
    lagMs: () => {
      throw new Error("token xoxb-1");
    },
  });
  const answer = await app.request("/healthz");
  assert.equal(answer.status, 500);
  assert.deepEqual(await answer.json(), {
    error: "internal",
    id: "id-1",
    next: "Look the id up in the server's log and report it.",
  });
  assert.deepEqual([lines[0]?.facts["id"], lines[0]?.facts["path"], lines[0]?.message], ["id-1", "/healthz", "a page failed"]);
});

test("an unknown page is 404 in JSON", async () => {
  const answer = await roomOf().app.request("/api/nothing");
  assert.equal(answer.status, 404);
  assert.equal(((await answer.json()) as { error: string }).error, "not_found");
});

test("the front page names the version and escapes it", async () => {
  const answer = await roomOf({ version: "<b>1</b>" }).app.request("/");
  assert.match(answer.headers.get("content-type") ?? "", /^text\/html/);
  const page = await answer.text();
  assert.match(page, /Gantry &lt;b&gt;1&lt;\/b&gt;/);
  for (const path of ["/readyz", "/healthz", "/metrics"]) assert.ok(page.includes(`href="${path}"`));
});

test("every answer carries the security headers, failures and unknown pages too", async () => {
  const { app } = roomOf({
    lagMs: () => {
      throw new Error("x");
    },
  });
  for (const path of ["/", "/readyz", "/metrics", "/healthz", "/nothing"]) {
    const { headers } = await app.request(path);
    assert.equal(headers.get("x-content-type-options"), "nosniff", path);
    assert.equal(headers.get("x-frame-options"), "DENY", path);
    assert.equal(headers.get("cache-control"), "no-store", path);
    assert.match(headers.get("content-security-policy") ?? "", /^default-src 'none'/, path);
  }
});

test("/metrics has every figure, with bounded labels", async () => {
  const metrics = createMetrics({ verbs: ["deploy"], sources: quietSources() });
  metrics.command({ verb: "deploy", result: "ok" });
  metrics.command({ verb: "rm -rf", result: "refused" });
  metrics.acked(4);
  metrics.swapped({ ok: false, tookMs: 2500 });
  metrics.slackLimited();
  metrics.committed(0.2);
  const answer = await roomOf({ metrics: metrics.registry }).app.request("/metrics");
  assert.match(answer.headers.get("content-type") ?? "", /^text\/plain; version=0\.0\.4/);
  const lines = (await answer.text()).split("\n");
  for (const line of [
    'gantry_commands_total{verb="deploy",result="ok"} 1',
    'gantry_commands_total{verb="other",result="refused"} 1',
    'gantry_ack_seconds_bucket{le="0.005"} 1',
    'gantry_swap_seconds_sum{result="failed"} 2.5',
    "gantry_slack_429_total 1",
    'gantry_sqlite_commit_seconds_bucket{le="0.00025"} 1',
    "gantry_inbox_depth 3",
    "gantry_inbox_oldest_age_seconds 1.5",
    "gantry_outbox_depth 0",
    "gantry_outbox_dead 2",
    "gantry_inbox_dead 1",
    "gantry_rollouts_in_line 2",
    "gantry_rollouts_paused 1",
    "gantry_frozen 1",
    "gantry_history_head 1842",
    "gantry_epoch 3",
    'gantry_rollouts{phase="rolling"} 2',
    'gantry_rollouts_ended_total{phase="succeeded"} 7',
    'gantry_rollouts_ended_total{phase="stuck"} 1',
    'gantry_rollouts_ended_total{phase="expired"} 0',
    'gantry_hosts{state="connected"} 4',
    "gantry_slack_connected 1",
    "gantry_collect_errors_total 0",
  ]) {
    assert.ok(lines.includes(line), line);
  }
});

test("a phase that nobody is in any more leaves the page, and a fact that cannot be read leaves the others", async () => {
  let phases: Record<string, number> = { rolling: 1 };
  const inbox = () => {
    throw new Error("database is locked");
  };
  const metrics = createMetrics({ verbs: [], sources: { ...quietSources(), rollouts: () => phases, inbox } });
  await metrics.registry.metrics();
  phases = { soaking: 1 };
  const text = await metrics.registry.metrics();
  assert.doesNotMatch(text, /rolling/);
  assert.match(text, /gantry_rollouts\{phase="soaking"\} 1/);
  assert.doesNotMatch(text, /^gantry_inbox_depth \d/m);
  assert.match(text, /^gantry_outbox_depth 0$/m);
  assert.match(text, /^gantry_collect_errors_total [1-9]/m);
});
