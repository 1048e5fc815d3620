import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { ManualClock } from "../../../src/rehearsal/slack/clock.ts";
import type { SlackWorkspace } from "../../../src/rehearsal/slack/workspace.ts";
import { refusal, socketClient, stillWorkspaceFor, webClient } from "./workspace-kit.ts";

const MINUTE_MS = 60_000;
const view = { type: "modal" as const, title: { type: "plain_text" as const, text: "Deploy" }, blocks: [] };

/** Someone typed a command; these are the keys that came with it. */
async function commanded(
  t: TestContext,
): Promise<{ slack: SlackWorkspace; clock: ManualClock; triggerId: string; responseUrl: string }> {
  const { slack, clock } = await stillWorkspaceFor(t, { rateLimits: false });
  const { received } = await socketClient(t, slack);
  await slack.as("ana").says("/deploy");
  const { trigger_id, response_url } = received[0]?.body ?? {};
  return { slack, clock, triggerId: trigger_id, responseUrl: response_url };
}

async function respond(url: string, body: object): Promise<string> {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  const answer = (await response.json()) as { error?: string };
  return `${response.status} ${answer.error ?? "ok"}`;
}

test("a trigger opens one modal", async (t) => {
  const { slack, triggerId } = await commanded(t);
  await webClient(slack).views.open({ trigger_id: triggerId, view });
  assert.equal(slack.as("ana").modal()?.title, "Deploy");
  assert.equal(slack.as("bo").modal(), null);
  assert.equal(await refusal(webClient(slack).views.open({ trigger_id: triggerId, view })), "exchanged_trigger_id");
});

test("a trigger is good for 3 s", async (t) => {
  const { slack, clock, triggerId } = await commanded(t);
  await clock.advance(3_000);
  assert.equal(await refusal(webClient(slack).views.open({ trigger_id: triggerId, view })), "expired_trigger_id");
  assert.equal(await refusal(webClient(slack).views.open({ trigger_id: "1.2.made-up", view })), "invalid_trigger_id");
});

test("a response_url answers privately by default, five times", async (t) => {
  const { slack, responseUrl } = await commanded(t);
  assert.equal(await respond(responseUrl, { text: "only you" }), "200 ok");
  assert.equal(await respond(responseUrl, { text: "everybody", response_type: "in_channel" }), "200 ok");
  assert.equal(slack.channel("deploys").latest().text, "everybody");
  assert.deepEqual(
    slack
      .as("bo")
      .sees()
      .map((message) => message.text),
    ["everybody"],
  );
  for (let use = 3; use <= 5; use++) assert.equal(await respond(responseUrl, { text: `${use}` }), "200 ok");
  assert.equal(await respond(responseUrl, { text: "6" }), "404 used_url");
});

test("a response_url is good for 30 minutes", async (t) => {
  const { clock, responseUrl } = await commanded(t);
  await clock.advance(30 * MINUTE_MS - 1);
  assert.equal(await respond(responseUrl, { text: "just in time" }), "200 ok");
  await clock.advance(1);
  assert.equal(await respond(responseUrl, { text: "too late" }), "404 expired_url");
  assert.equal(await respond(`${responseUrl}0`, { text: "made up" }), "404 invalid_url");
});

test("what a response_url is told is checked", async (t) => {
  const { responseUrl } = await commanded(t);
  assert.equal(await respond(responseUrl, {}), "400 no_text");
  assert.equal(await respond(responseUrl, { blocks: [{ type: "marquee" }] }), "400 invalid_blocks");
});

test("a response_url replaces and deletes the private message that was pressed", async (t) => {
  const { slack } = await stillWorkspaceFor(t);
  const { received } = await socketClient(t, slack);
  const elements = [{ type: "button" as const, action_id: "retry", text: { type: "plain_text" as const, text: "Retry" } }];
  await webClient(slack).chat.postEphemeral({
    channel: "C0DEPLOYS",
    user: "U0ANA",
    text: "failed",
    blocks: [{ type: "actions", elements }],
  });
  await slack.as("ana").clicks("Retry");
  const { body } = received[0] ?? {};
  assert.equal(body.container.is_ephemeral, true);
  assert.equal(body.message, undefined);
  assert.equal(await respond(body.response_url, { replace_original: true, text: "retrying" }), "200 ok");
  assert.deepEqual(
    slack
      .as("ana")
      .sees()
      .map((message) => [message.text, message.buttons]),
    [["retrying", []]],
  );
  assert.equal(await respond(body.response_url, { delete_original: true }), "200 ok");
  assert.deepEqual(slack.as("ana").sees(), []);
});

test("a response_url may fail like the API", async (t) => {
  const { slack, responseUrl } = await commanded(t);
  slack.faults.failNext("response_url", { status: 500 });
  assert.equal(await respond(responseUrl, { text: "x" }), "500 internal_error");
  slack.faults.failNext("response_url", { drop: true });
  await assert.rejects(respond(responseUrl, { text: "x" }));
  assert.deepEqual(slack.as("ana").sees(), []);
  slack.faults.failNext("response_url", { lostResponse: true });
  await assert.rejects(respond(responseUrl, { text: "it was shown all the same" }));
  assert.equal(slack.as("ana").sees().length, 1);
});
