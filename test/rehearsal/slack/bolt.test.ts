import assert from "node:assert/strict";
import { test } from "node:test";
import type { App } from "@slack/bolt";
import { type SlackWorkspace, startSlackWorkspace } from "../../../src/rehearsal/slack/workspace.ts";
import { httpApp, socketApp } from "./bolt-app.ts";

const card = (decided: string | null) => [
  { type: "header", text: { type: "plain_text", text: "api to prod" } },
  { type: "section", text: { type: "mrkdwn", text: decided ?? "*abc123* waits for approval" } },
  ...(decided === null
    ? [
        {
          type: "actions",
          block_id: "decide",
          elements: [
            {
              type: "button",
              action_id: "verb:approve",
              style: "primary",
              value: '{"rollout":1}',
              text: { type: "plain_text", text: "Approve" },
              confirm: {
                title: { type: "plain_text", text: "Approve?" },
                text: { type: "plain_text", text: "api to prod" },
                confirm: { type: "plain_text", text: "Approve" },
                deny: { type: "plain_text", text: "Not yet" },
              },
            },
            { type: "button", action_id: "verb:reject", style: "danger", text: { type: "plain_text", text: "Reject" } },
          ],
        },
      ]
    : []),
];

const reasonForm = {
  type: "modal" as const,
  callback_id: "form:reject",
  title: { type: "plain_text" as const, text: "Reject" },
  submit: { type: "plain_text" as const, text: "Reject" },
  blocks: [
    {
      type: "input" as const,
      block_id: "reason",
      label: { type: "plain_text" as const, text: "Why?" },
      element: { type: "plain_text_input" as const, action_id: "text" },
    },
  ],
};

/** A deploy bot in miniature. */
function teach(app: App): void {
  app.command("/deploy", async ({ ack, client, command }) => {
    await ack();
    await client.chat.postMessage({
      channel: command.channel_id,
      text: `api to prod, asked by ${command.user_name}`,
      blocks: card(null),
    });
  });
  app.action("verb:approve", async ({ ack, client, body }) => {
    await ack();
    if (body.type !== "block_actions" || body.channel === undefined || body.message === undefined) return;
    const text = `Approved by <@${body.user.id}>`;
    await client.chat.update({ channel: body.channel.id, ts: body.message.ts, text, blocks: card(text) });
  });
  app.action("verb:reject", async ({ ack, client, body }) => {
    await ack();
    if (body.type === "block_actions") await client.views.open({ trigger_id: body.trigger_id, view: reasonForm });
  });
  app.view("form:reject", async ({ ack, view, client }) => {
    const reason = view.state.values["reason"]?.["text"]?.value ?? "";
    if (reason === "because") return await ack({ response_action: "errors", errors: { reason: "Say a little more" } });
    await ack();
    await client.chat.postMessage({ channel: "C0DEPLOYS", text: `Rejected: ${reason}` });
  });
  app.event("app_mention", async ({ event, say }) => {
    await say({ text: `You said: ${event.text}`, thread_ts: event.ts });
  });
  app.event("app_home_opened", async ({ event, client }) => {
    await client.views.publish({
      user_id: event.user,
      view: { type: "home", blocks: [{ type: "section", text: { type: "mrkdwn", text: "Nothing waits for you" } }] },
    });
  });
}

for (const mode of ["socket", "http"] as const) {
  test(`a Bolt app lives in the workspace (${mode})`, async (t) => {
    let slack: SlackWorkspace;
    let app: App;

    t.before(async () => {
      slack = await startSlackWorkspace();
      if (mode === "socket") {
        app = socketApp(slack);
        teach(app);
        await app.start();
      } else {
        const served = await httpApp(slack);
        app = served.app;
        teach(app);
        slack.setDelivery({ http: served.url });
      }
    });
    t.after(async () => {
      await app.stop();
      await slack.stop();
    });

    await t.test("a slash command becomes a card, a click with its confirmation edits it", async () => {
      const deploys = slack.channel("deploys");
      await slack.as("ana").says("/deploy api prod abc123");
      const posted = await deploys.waitFor("waits for approval");
      assert.deepEqual(posted.buttons, ["Approve", "Reject"]);
      await slack.as("bo").clicks("Approve");
      await deploys.waitFor("Approved by @bo");
      assert.equal(deploys.latest().edited, 1);
      assert.deepEqual(deploys.latest().buttons, []);
      assert.equal(deploys.transcript(), "ana: /deploy api prod abc123\ngantry: api to prod\n    Approved by @bo");
    });

    await t.test("a modal is opened, refused, filled again and submitted", async () => {
      const bo = slack.as("bo");
      await slack.as("ana").says("/deploy api prod abc123");
      await slack.channel("deploys").waitFor("waits for approval");
      await bo.clicks("Reject");
      await slack.until(() => bo.modal() !== null);
      assert.equal(bo.modal()?.title, "Reject");
      await bo.submits();
      assert.deepEqual(bo.modal()?.errors, { reason: "Please complete this required field." });
      await bo.fills({ "Why?": "because" });
      await bo.submits();
      assert.deepEqual(bo.modal()?.errors, { reason: "Say a little more" });
      await bo.fills({ reason: "the canary is red" });
      await bo.submits();
      assert.equal(bo.modal(), null);
      await slack.channel("deploys").waitFor("Rejected: the canary is red");
    });

    await t.test("a mention is answered in its thread", async () => {
      const deploys = slack.channel("deploys");
      await slack.as("eva").says("@gantry status api");
      const asked = deploys.latest();
      await deploys.waitFor("You said: @gantry status api");
      assert.equal(deploys.thread(asked.ts).length, 2);
      assert.equal(deploys.latest().ts, asked.ts);
    });

    await t.test("opening the Home tab publishes it", async () => {
      const zed = slack.as("zed");
      await zed.opensHome();
      await slack.until(() => zed.home() !== null);
      assert.equal(zed.home()?.rendered, "Nothing waits for you");
      assert.equal(slack.as("ana").home(), null);
    });
  });
}
