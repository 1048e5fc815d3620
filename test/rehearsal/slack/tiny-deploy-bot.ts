/** A deploy bot in miniature: enough of one to try a workspace with. */
import type { App } from "@slack/bolt";

const card = (decided: string | null) => [
  { type: "header", text: { type: "plain_text", text: "api to prod" } },
  { type: "section", text: { type: "mrkdwn", text: decided ?? "*abc123* waits for approval" } },
  {
    type: "section",
    fields: [
      { type: "mrkdwn", text: "*Hosts*\n`p1` `p2` `p3`" },
      { type: "mrkdwn", text: "*Changes*\n<https://github.example.com/acme/api/compare|3 commits> by <@U0ANA>" },
    ],
  },
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

/** Commands, a card with a confirmation, a form, mentions and a Home tab. */
export function teach(app: App): void {
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
