import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import { ManualClock } from "../../../src/rehearsal/slack/clock.ts";
import { type SlackWorkspace, startSlackWorkspace } from "../../../src/rehearsal/slack/workspace.ts";
import { eventually, webClient } from "./workspace-kit.ts";

type Request = { headers: IncomingHttpHeaders; body: string };
type Answer = { status?: number; body?: string; headers?: Record<string, string> };

/** A bare app that keeps what Slack sent. `answer` null: never answers. */
async function bareApp(
  t: TestContext,
  answer: (request: Request) => Answer | null,
): Promise<{ slack: SlackWorkspace; clock: ManualClock; requests: Request[] }> {
  const requests: Request[] = [];
  const server = createServer(async (incoming, response) => {
    let body = "";
    for await (const chunk of incoming) body += chunk;
    const request = { headers: incoming.headers, body };
    requests.push(request);
    const given = answer(request);
    if (given === null) return;
    response.writeHead(given.status ?? 200, given.headers);
    response.end(given.body ?? "");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/slack/events`;
  const clock = new ManualClock();
  const slack = await startSlackWorkspace({ clock, mode: { http: url } });
  t.after(async () => {
    await slack.stop();
    server.closeAllConnections();
    server.close();
  });
  return { slack, clock, requests };
}

test("a command is a signed form with an exact content type", async (t) => {
  const { slack, clock, requests } = await bareApp(t, () => ({}));
  await slack.as("ana").says("/deploy api prod abc123");
  const [request] = requests;
  assert.equal(request?.headers["content-type"], "application/x-www-form-urlencoded");
  const seconds = String(request?.headers["x-slack-request-timestamp"]);
  assert.equal(seconds, String(Math.floor(clock.now() / 1000)));
  const expected = createHmac("sha256", slack.signingSecret).update(`v0:${seconds}:${request?.body}`).digest("hex");
  assert.equal(request?.headers["x-slack-signature"], `v0=${expected}`);
  assert.equal(request?.headers["x-slack-retry-num"], undefined);
  const fields = Object.fromEntries(new URLSearchParams(request?.body));
  assert.deepEqual(
    [fields["command"], fields["text"], fields["user_id"], fields["channel_id"], fields["is_enterprise_install"]],
    ["/deploy", "api prod abc123", "U0ANA", "C0DEPLOYS", "false"],
  );
});

test("a press is a form with one JSON field", async (t) => {
  const { slack, requests } = await bareApp(t, () => ({}));
  const elements = [
    { type: "button" as const, action_id: "verb:approve", value: "v", text: { type: "plain_text" as const, text: "Approve" } },
  ];
  await webClient(slack).chat.postMessage({
    channel: "C0DEPLOYS",
    text: "card",
    blocks: [{ type: "actions", block_id: "b", elements }],
  });
  await slack.as("bo").clicks("Approve");
  assert.equal(requests[0]?.headers["content-type"], "application/x-www-form-urlencoded");
  const payload = JSON.parse(new URLSearchParams(requests[0]?.body).get("payload") ?? "");
  assert.equal(payload.type, "block_actions");
  assert.equal(payload.user.id, "U0BO");
  assert.deepEqual(payload.container, {
    type: "message",
    message_ts: slack.channel("deploys").latest().ts,
    channel_id: "C0DEPLOYS",
    is_ephemeral: false,
  });
  assert.deepEqual({ ...payload.actions[0], action_ts: "" }, { ...elements[0], block_id: "b", action_ts: "" });
});

test("an event is JSON; a failed one comes again with retry headers", async (t) => {
  const { slack, clock, requests } = await bareApp(t, ({ headers }) => ({
    status: headers["x-slack-retry-num"] === "2" ? 200 : 500,
  }));
  await slack.as("eva").says("@gantry status");
  await clock.advance(0);
  await eventually(() => requests.length === 2);
  assert.equal(requests[0]?.headers["content-type"], "application/json");
  assert.equal(JSON.parse(requests[0]?.body ?? "").event.text, "<@U0GANTRY> status");
  assert.deepEqual(
    [requests[1]?.headers["x-slack-retry-num"], requests[1]?.headers["x-slack-retry-reason"]],
    ["1", "http_error"],
  );
  assert.equal(requests[1]?.body, requests[0]?.body);
});

test("X-Slack-No-Retry stops the retries", async (t) => {
  const { slack, clock, requests } = await bareApp(t, () => ({ status: 500, headers: { "x-slack-no-retry": "1" } }));
  await slack.as("eva").says("@gantry status");
  await clock.advance(3_600_000);
  assert.equal(requests.length, 1);
});

test("an answer in the response is shown; an error status or silence is told", async (t) => {
  const answers: (Answer | null)[] = [
    { body: "plain words" },
    { body: '{"text":"json words"}', headers: { "content-type": "application/json" } },
    { status: 500 },
  ];
  const { slack, clock, requests } = await bareApp(t, () => answers.shift() ?? null);
  const ana = slack.as("ana");
  for (let i = 0; i < 3; i++) await ana.says("/gantry status");
  const silent = ana.says("/gantry status");
  await eventually(() => requests.length === 4);
  await clock.advance(3_000);
  await silent;
  assert.deepEqual(
    ana.sees().map((message) => message.text),
    [
      "plain words",
      "json words",
      '/gantry failed with the error "dispatch_failed"',
      '/gantry failed with the error "operation_timeout"',
    ],
  );
});

test("an app that is not there: dispatch_failed", async (t) => {
  const slack = await startSlackWorkspace({ mode: { http: "http://127.0.0.1:9/slack/events" } });
  t.after(() => slack.stop());
  await slack.as("ana").says("/deploy api prod abc");
  assert.equal(slack.as("ana").sees()[0]?.text, '/deploy failed with the error "dispatch_failed"');
});
