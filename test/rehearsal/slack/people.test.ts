import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { WorkspaceOptions } from "../../../src/rehearsal/slack/workspace.ts";
import { type Received, refusal, socketClient, webClient, workspaceFor } from "./workspace-kit.ts";

const DEPLOYS = "C0DEPLOYS";
const plain = (text: string) => ({ type: "plain_text" as const, text });
const button = (label: string, facts: object = {}) => ({
  type: "button" as const,
  action_id: `verb:${label.toLowerCase()}`,
  value: "v",
  text: plain(label),
  ...facts,
});
const input = (block_id: string, label: string, element: object = { type: "plain_text_input", action_id: "text" }) =>
  ({ type: "input" as const, block_id, label: plain(label), element }) as never;
const form = (facts: object = {}) => ({
  type: "modal" as const,
  callback_id: "form:x",
  title: plain("Form"),
  submit: plain("Send"),
  blocks: [input("why", "Why?")],
  ...facts,
});

async function peopleAnd(t: TestContext, answer?: (received: Received) => unknown, options: WorkspaceOptions = {}) {
  const slack = await workspaceFor(t, { rateLimits: false, ...options });
  const { received, client } = await socketClient(t, slack, answer);
  const web = webClient(slack);
  const postButtons = (elements: object[], text = "card") =>
    web.chat.postMessage({ channel: DEPLOYS, text, blocks: [{ type: "actions", elements: elements as never }] });
  /** Ana has this modal open. */
  const openFor = async (view: object) => {
    await slack.as("ana").says("/gantry form");
    await web.views.open({ trigger_id: received.at(-1)?.body.trigger_id, view: view as never });
  };
  return { slack, web, received, client, postButtons, openFor, ana: slack.as("ana"), bo: slack.as("bo") };
}

test("slash commands are refused in threads, and unknown ones everywhere", async (t) => {
  const { slack, web, ana, received } = await peopleAnd(t);
  const { ts = "" } = await web.chat.postMessage({ channel: DEPLOYS, text: "card" });
  await ana.says("/deploy api prod abc", { thread: ts });
  await ana.says("/dploy api prod abc");
  assert.deepEqual(
    ana
      .sees()
      .slice(1)
      .map((message) => message.rendered),
    ["/deploy is not supported in threads. Sorry!", "/dploy is not a valid command."],
  );
  assert.equal(received.length, 0);
  assert.equal(slack.as("bo").sees().length, 1);
});

test("a command's text has mentions, channels and links in Slack's form when it asks to be escaped", async (t) => {
  const seed = { commands: ["/deploy", { command: "/raw", shouldEscape: false }] };
  const { ana, received } = await peopleAnd(t, undefined, { seed });
  await ana.says("/deploy api @bo #deploys @dev @nobody a@b.c https://example.com/x <@U0EVA> & more");
  await ana.says("/raw api @bo");
  assert.deepEqual(
    received.map(({ body }) => body.text),
    [
      "api <@U0BO|bo> <#C0DEPLOYS|deploys> <!subteam^S0DEV|@dev> @nobody a@b.c <https://example.com/x> &lt;@U0EVA&gt; &amp; more",
      "api @bo",
    ],
  );
});

test("a mention reaches the app only where it is a member; other talk never does", async (t) => {
  const { slack, ana, received } = await peopleAnd(t);
  await ana.says("good morning");
  await ana.says("@gantry status", { in: "random" });
  assert.equal(received.length, 0);
  assert.match(ana.sees("random").at(-1)?.rendered ?? "", /@gantry is not in this channel/);
  await ana.says("@gantry status");
  await ana.says("hello there", { in: "gantry" });
  assert.deepEqual(
    received.map(({ body }) => [body.event.type, body.event.text, body.event.channel_type]),
    [
      ["app_mention", "<@U0GANTRY> status", undefined],
      ["message", "hello there", "im"],
    ],
  );
  assert.equal(slack.direct("ana").latest().user, "ana");
});

test("without the scope or the subscription an event does not come", async (t) => {
  const noScope = await peopleAnd(t, undefined, { scopes: ["chat:write"] });
  await noScope.ana.says("@gantry status");
  await noScope.ana.says("/deploy api prod abc");
  assert.equal(noScope.received.length, 0);
  const noEvent = await peopleAnd(t, undefined, { events: [] });
  await noEvent.ana.says("@gantry status");
  await noEvent.ana.opensHome();
  assert.equal(noEvent.received.length, 0);
});

test("a click finds the newest message with that label, and says what is there instead", async (t) => {
  const { ana, postButtons, received } = await peopleAnd(t);
  const first = await postButtons([button("Approve")]);
  const second = await postButtons([button("Approve"), button("Reject")]);
  await ana.clicks("Approve");
  await ana.clicks("Approve", { on: first.ts ?? "" });
  await ana.clicks("Reject", { on: "latest" });
  assert.deepEqual(
    received.map(({ body }) => body.message.ts),
    [second.ts, first.ts, second.ts],
  );
  await assert.rejects(ana.clicks("Rollback"), {
    message: 'ana sees no button "Rollback". Visible buttons: "Approve", "Reject", "Approve"',
  });
});

test("private buttons are there for their person only", async (t) => {
  const { slack, web, received } = await peopleAnd(t);
  await web.chat.postEphemeral({
    channel: DEPLOYS,
    user: "U0ANA",
    text: "x",
    blocks: [{ type: "actions", elements: [button("Retry")] }],
  });
  await slack.as("ana").clicks("Retry");
  assert.equal(received[0]?.body.container.is_ephemeral, true);
  await assert.rejects(slack.as("bo").clicks("Retry"), /Visible buttons: none/);
});

test("a confirm dialog is accepted, dismissed, or missed", async (t) => {
  const { ana, postButtons, received } = await peopleAnd(t);
  const confirm = { title: plain("Sure?"), text: plain("Really"), confirm: plain("Yes"), deny: plain("No") };
  await postButtons([button("Approve", { confirm }), button("Reject")]);
  await ana.clicks("Approve", { confirm: false });
  assert.equal(received.length, 0);
  await ana.clicks("Approve", { confirm: true });
  assert.equal(received.length, 1);
  await assert.rejects(ana.clicks("Reject", { confirm: true }), /asks for no confirmation/);
});

test("two people click in the same tick: both presses arrive, each with its own person", async (t) => {
  const { slack, postButtons, received } = await peopleAnd(t);
  await postButtons([button("Approve")]);
  await Promise.all([slack.as("bo").clicks("Approve"), slack.as("eva").clicks("Approve")]);
  assert.deepEqual(received.map(({ body }) => body.user.id).sort(), ["U0BO", "U0EVA"]);
  assert.notEqual(received[0]?.body.trigger_id, received[1]?.body.trigger_id);
});

test("a stale or forged press can be sent on a message that has no such button", async (t) => {
  const { bo, web, received } = await peopleAnd(t);
  const { ts } = await web.chat.postMessage({ channel: DEPLOYS, text: "decided" });
  await bo.clicksRaw({ action_id: "verb:approve", value: "{}" });
  assert.equal(received[0]?.body.message.ts, ts);
  assert.deepEqual([received[0]?.body.actions[0].action_id, received[0]?.body.actions[0].value], ["verb:approve", "{}"]);
});

test("a press without ack is told to its person", async (t) => {
  const slack = await workspaceFor(t);
  await webClient(slack).chat.postMessage({
    channel: DEPLOYS,
    text: "card",
    blocks: [{ type: "actions", elements: [button("Approve")] }],
  });
  await slack.as("bo").clicks("Approve");
  assert.equal(slack.as("bo").sees().at(-1)?.text, '"Approve" failed with the error "dispatch_failed"');
});

test("a submitted form carries its values by block and action", async (t) => {
  const fields = [
    input("why", "Why?"),
    input("env", "Environment", {
      type: "static_select",
      action_id: "pick",
      options: [{ text: plain("Production"), value: "prod" }],
    }),
    input("who", "Who", { type: "users_select", action_id: "user" }),
    input("opts", "Options", {
      type: "checkboxes",
      action_id: "boxes",
      options: [
        { text: plain("Now"), value: "now" },
        { text: plain("Force"), value: "force" },
      ],
    }),
  ];
  const { ana, openFor, received } = await peopleAnd(t);
  await openFor(form({ private_metadata: "ctx", blocks: fields }));
  await ana.fills({ why: "red canary", Environment: "Production", Who: "bo", Options: "Now, Force" });
  await assert.rejects(ana.fills({ Environment: "moon" }), /no option "moon". There are: Production/);
  await assert.rejects(ana.fills({ Planet: "x" }), /has no field "Planet". It has: "Why\?", "Environment"/);
  await ana.submits();
  const { body } = received.at(-1) ?? {};
  assert.equal(body.type, "view_submission");
  assert.equal(body.view.private_metadata, "ctx");
  const { why, env, who, opts } = body.view.state.values;
  assert.equal(why.text.value, "red canary");
  assert.equal(env.pick.selected_option.value, "prod");
  assert.equal(who.user.selected_user, "U0BO");
  assert.deepEqual(
    opts.boxes.selected_options.map((option: { value: string }) => option.value),
    ["now", "force"],
  );
  assert.equal(ana.modal(), null);
});

test("an external select asks the app while typing", async (t) => {
  const options = [{ text: plain("main"), value: "main" }];
  const { ana, openFor, received } = await peopleAnd(t, ({ ack, body }) =>
    ack(body.type === "block_suggestion" ? { options } : undefined),
  );
  await openFor(form({ blocks: [input("ref", "Ref", { type: "external_select", action_id: "ref" })] }));
  await ana.fills({ Ref: "main" });
  assert.deepEqual([received.at(-1)?.body.type, received.at(-1)?.body.value], ["block_suggestion", "main"]);
  await ana.submits();
  assert.equal(received.at(-1)?.body.view.state.values.ref.ref.selected_option.value, "main");
});

test("the answer to a submission: errors, update, push, clear, and nonsense", async (t) => {
  let answer: object = {};
  const { slack, ana, openFor } = await peopleAnd(t, ({ ack, body }) =>
    ack(body.type === "view_submission" ? answer : undefined),
  );
  await openFor(form());
  const submit = async (given: object) => {
    answer = given;
    await ana.fills({ why: "x" });
    await ana.submits();
  };
  await submit({ response_action: "errors", errors: { why: "Say more" } });
  assert.deepEqual(ana.modal()?.errors, { why: "Say more" });
  assert.equal(ana.sees().at(-1)?.text, "Say more");
  await submit({ response_action: "errors", errors: { nothing: "x" } });
  assert.deepEqual(ana.modal()?.errors, { "": "We had some trouble connecting. Try again?" });
  await submit({ response_action: "update", view: form({ title: plain("Second") }) });
  assert.equal(ana.modal()?.title, "Second");
  await submit({ response_action: "push", view: form({ title: plain("Third") }) });
  assert.equal(ana.modal()?.title, "Third");
  await submit({ response_action: "update", view: form({ title: plain("x".repeat(25)) }) });
  assert.match(ana.modal()?.errors[""] ?? "", /trouble/);
  await submit({});
  assert.equal(ana.modal()?.title, "Second");
  await submit({ response_action: "clear" });
  assert.equal(ana.modal(), null);
  assert.equal(slack.as("bo").modal(), null);
});

test("a submission without ack keeps the form and says so", async (t) => {
  const { slack, ana, openFor, client } = await peopleAnd(t);
  await openFor(form());
  await ana.fills({ why: "x" });
  await client.disconnect();
  await slack.until(() => slack.connections === 0);
  await ana.submits();
  assert.match(ana.modal()?.errors[""] ?? "", /trouble connecting/);
});

test("closing a form tells the app when it asked to know", async (t) => {
  const { ana, openFor, received } = await peopleAnd(t);
  await openFor(form());
  await ana.closes();
  assert.equal(received.length, 1);
  await openFor(form({ notify_on_close: true }));
  await ana.closes();
  assert.deepEqual([received.at(-1)?.body.type, received.at(-1)?.body.is_cleared], ["view_closed", false]);
  await assert.rejects(ana.submits(), /no modal open/);
});

test("views are stacked three deep, updated under their hash, and published to a Home tab", async (t) => {
  const { ana, web, openFor, received } = await peopleAnd(t);
  const more = { type: "actions" as const, elements: [button("More")] };
  await openFor(form({ blocks: [more] }));
  const push = async () => {
    await ana.clicks("More");
    return await refusal(web.views.push({ trigger_id: received.at(-1)?.body.trigger_id, view: form({ blocks: [more] }) }));
  };
  assert.deepEqual([await push(), await push(), await push()], ["no refusal", "no refusal", "push_limit_reached"]);
  const id = ana.modal()?.id ?? "";
  const updated = await web.views.update({ view_id: id, view: form({ title: plain("New") }) });
  assert.equal(ana.modal()?.title, "New");
  assert.equal(await refusal(web.views.update({ view_id: id, hash: "old", view: form() })), "hash_conflict");
  assert.equal(await refusal(web.views.update({ view_id: id, hash: updated.view?.hash ?? "", view: form() })), "no refusal");
  assert.equal(await refusal(web.views.update({ view_id: "V0NONE", view: form() })), "not_found");
  const home = {
    type: "home" as const,
    blocks: [
      { type: "section" as const, text: plain("Hi") },
      { type: "actions" as const, elements: [button("Deploy")] },
    ],
  };
  const published = await web.views.publish({ user_id: ana.id, view: home });
  assert.equal(await refusal(web.views.publish({ user_id: ana.id, hash: "old", view: home })), "hash_conflict");
  assert.equal(await refusal(web.views.publish({ user_id: ana.id, hash: published.view?.hash ?? "", view: home })), "no refusal");
  await ana.clicks("Deploy", { in: "home" });
  assert.deepEqual([received.at(-1)?.body.container.type, received.at(-1)?.body.message], ["view", undefined]);
});

test("what was typed survives an update as long as its field keeps its ids", async (t) => {
  const { ana, web, openFor } = await peopleAnd(t);
  await openFor(form());
  await ana.fills({ why: "half a sentence" });
  const view_id = ana.modal()?.id ?? "";
  await web.views.update({ view_id, view: form({ title: plain("Again") }) });
  assert.equal(ana.modal()?.values["why"]?.["text"]?.["value"], "half a sentence");
  await web.views.update({ view_id, view: form({ blocks: [input("why2", "Why?")] }) });
  assert.equal(ana.modal()?.values["why2"]?.["text"]?.["value"], null);
});

test("shortcuts: a global one, and one on a message with its metadata", async (t) => {
  const { ana, web, received } = await peopleAnd(t);
  const metadata = { event_type: "gantry", event_payload: { rollout: 1 } };
  const { ts = "" } = await web.chat.postMessage({ channel: DEPLOYS, text: "card", metadata });
  await ana.usesShortcut("deploy_start");
  await ana.usesShortcut("rollback_this", { on: ts });
  assert.deepEqual(
    received.map(({ body }) => [body.type, body.callback_id]),
    [
      ["shortcut", "deploy_start"],
      ["message_action", "rollback_this"],
    ],
  );
  assert.deepEqual(received[1]?.body.message.metadata, metadata);
});

test("waiting for a message fails with the transcript", async (t) => {
  const { slack, ana } = await peopleAnd(t);
  await ana.says("approve it please");
  const waiting = slack.channel("deploys").waitFor(/approve it/, { timeoutMs: 20 });
  await assert.rejects(waiting, /nothing in #deploys matched \/approve it\/ within 20 ms. Transcript:\nana: approve it please/);
  await slack.channel("deploys").waitFor((message) => message.text.startsWith("approve"));
});

test("two workspaces with the same salt give the same ids", async (t) => {
  const ids: (string | undefined)[] = [];
  for (const _ of [1, 2]) {
    const { received, ana } = await peopleAnd(t, undefined, { idSalt: "same" });
    await ana.says("/deploy api prod abc");
    ids.push(received[0]?.envelope_id);
  }
  assert.equal(ids[0], ids[1]);
});
