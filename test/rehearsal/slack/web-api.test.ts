import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { refusal, webClient, workspaceFor } from "./workspace-kit.ts";

const DEPLOYS = "C0DEPLOYS";
const section = (text: string) => ({ type: "section" as const, text: { type: "mrkdwn" as const, text } });

async function quick(t: TestContext, scopes?: string[]) {
  const slack = await workspaceFor(t, { rateLimits: false, ...(scopes === undefined ? {} : { scopes }) });
  return { slack, web: webClient(slack) };
}

async function rawCall(url: string, init: RequestInit): Promise<{ status: number; body: Record<string, unknown> }> {
  const response = await fetch(url, { method: "POST", ...init });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

test("auth.test names the team, the bot and its scopes", async (t) => {
  const { web } = await quick(t, ["chat:write", "commands"]);
  const answer = await web.auth.test();
  assert.equal(answer.user_id, "U0GANTRY");
  assert.equal(answer.bot_id, "B0GANTRY");
  assert.deepEqual(answer.response_metadata?.scopes, ["chat:write", "commands"]);
});

test("a body may be a form with JSON inside or JSON, and errors have status 200", async (t) => {
  const { slack } = await quick(t);
  const headers = { authorization: `Bearer ${slack.botToken}` };
  const url = `${slack.apiUrl}chat.postMessage`;
  const blocks = [section("hello")];
  const form = new URLSearchParams({ channel: DEPLOYS, text: "form", blocks: JSON.stringify(blocks) });
  assert.equal((await rawCall(url, { headers, body: form })).body["ok"], true);
  const json = { ...headers, "content-type": "application/json; charset=utf-8" };
  assert.equal(
    (await rawCall(url, { headers: json, body: JSON.stringify({ channel: DEPLOYS, text: "json", blocks }) })).body["ok"],
    true,
  );
  assert.deepEqual(
    slack
      .channel("deploys")
      .messages()
      .map((message) => message.rendered),
    ["hello", "hello"],
  );
  assert.deepEqual(await rawCall(url, { headers: json, body: "{" }), { status: 200, body: { ok: false, error: "invalid_json" } });
});

test("an unknown method is refused with status 200", async (t) => {
  const { web } = await quick(t);
  assert.equal(await refusal(web.apiCall("chat.shout")), "unknown_method");
  assert.equal(await refusal(web.apiCall("toString")), "unknown_method");
});

test("tokens: none, wrong, of the wrong kind, revoked", async (t) => {
  const { slack, web } = await quick(t);
  assert.equal((await rawCall(`${slack.apiUrl}auth.test`, {})).body["error"], "not_authed");
  assert.equal(await refusal(webClient(slack, "xoxb-other").auth.test()), "invalid_auth");
  assert.equal(await refusal(web.apps.connections.open({})), "not_allowed_token_type");
  assert.equal(await refusal(webClient(slack, slack.appToken).auth.test()), "not_allowed_token_type");
  slack.faults.revokeBotToken();
  assert.equal(await refusal(web.auth.test()), "token_revoked");
  slack.faults.revokeAppToken();
  assert.equal(await refusal(webClient(slack, slack.appToken).apps.connections.open({})), "invalid_auth");
  slack.faults.restoreTokens();
  assert.equal((await web.auth.test()).ok, true);
});

test("a missing scope is refused with what is needed and provided", async (t) => {
  const { web } = await quick(t, ["commands"]);
  await assert.rejects(web.chat.postMessage({ channel: DEPLOYS, text: "x" }), (error: { data: object }) => {
    assert.deepEqual(
      { ...error.data, response_metadata: null },
      { ok: false, error: "missing_scope", needed: "chat:write", provided: "commands", response_metadata: null },
    );
    return true;
  });
  assert.equal(await refusal(web.conversations.history({ channel: DEPLOYS })), "missing_scope");
  assert.equal(await refusal(web.usergroups.users.list({ usergroup: "S0DEV" })), "missing_scope");
});

test("where a message may be posted", async (t) => {
  const { web } = await quick(t);
  const post = (channel: string) => refusal(web.chat.postMessage({ channel, text: "x" }));
  assert.equal(await post("C0NOWHERE"), "channel_not_found");
  assert.equal(await post("C0RANDOM"), "not_in_channel");
  assert.equal(await post("#deploys"), "no refusal");
  assert.equal(await post("U0ANA"), "no refusal");
});

test("a message needs text or blocks; long text is cut when posted and refused in an update", async (t) => {
  const { slack, web } = await quick(t);
  assert.equal(await refusal(web.chat.postMessage({ channel: DEPLOYS, text: "" })), "no_text");
  const { ts = "" } = await web.chat.postMessage({ channel: DEPLOYS, text: "x".repeat(40_100) });
  assert.equal(slack.channel("deploys").latest().text.length, 40_000);
  assert.equal(await refusal(web.chat.update({ channel: DEPLOYS, ts, text: "x".repeat(4_001) })), "msg_too_long");
  assert.equal(await refusal(web.chat.update({ channel: DEPLOYS, ts, text: "" })), "no_text");
});

test("an update without blocks drops the blocks", async (t) => {
  const { slack, web } = await quick(t);
  const { ts = "" } = await web.chat.postMessage({ channel: DEPLOYS, text: "card", blocks: [section("card")] });
  await web.chat.update({ channel: DEPLOYS, ts, text: "only text" });
  const message = slack.channel("deploys").latest();
  assert.deepEqual(message.blocks, []);
  assert.equal(message.rendered, "only text");
  assert.equal(message.edited, 1);
});

test("only the app's own public messages can be changed or deleted", async (t) => {
  const { slack, web } = await quick(t);
  await slack.as("ana").says("hello");
  const { ts } = slack.channel("deploys").latest();
  assert.equal(await refusal(web.chat.update({ channel: DEPLOYS, ts, text: "x" })), "cant_update_message");
  assert.equal(await refusal(web.chat.delete({ channel: DEPLOYS, ts })), "cant_delete_message");
  assert.equal(await refusal(web.chat.update({ channel: DEPLOYS, ts: "1.000001", text: "x" })), "message_not_found");
  const whisper = await web.chat.postEphemeral({ channel: DEPLOYS, user: "U0ANA", text: "psst" });
  assert.equal(
    await refusal(web.chat.update({ channel: DEPLOYS, ts: whisper.message_ts ?? "", text: "x" })),
    "message_not_found",
  );
  const own = await web.chat.postMessage({ channel: DEPLOYS, text: "mine" });
  await web.chat.delete({ channel: DEPLOYS, ts: own.ts ?? "" });
  assert.equal(slack.channel("deploys").latest().text, "hello");
});

test("an ephemeral message is seen by its person only, and is in no history", async (t) => {
  const { slack, web } = await quick(t);
  await web.chat.postEphemeral({ channel: DEPLOYS, user: "U0ANA", text: "only for you" });
  assert.deepEqual(
    slack
      .as("ana")
      .sees()
      .map((message) => [message.text, message.ephemeralTo]),
    [["only for you", "ana"]],
  );
  assert.deepEqual(slack.as("bo").sees(), []);
  assert.deepEqual(slack.channel("deploys").messages(), []);
  assert.deepEqual((await web.conversations.history({ channel: DEPLOYS })).messages, []);
  assert.equal(slack.channel("deploys").transcript(), "(only ana sees) gantry: only for you");
  assert.equal(await refusal(web.chat.postEphemeral({ channel: DEPLOYS, user: "U0NOBODY", text: "x" })), "user_not_found");
});

test("an ephemeral message needs its person in the channel", async (t) => {
  const slack = await workspaceFor(t, { seed: { channels: [{ id: "C0OPS", name: "ops", members: ["bo", "gantry"] }] } });
  assert.equal(
    await refusal(webClient(slack).chat.postEphemeral({ channel: "C0OPS", user: "U0ANA", text: "x" })),
    "user_not_in_channel",
  );
});

test("metadata is kept through updates and returned when asked for", async (t) => {
  const { web } = await quick(t);
  const metadata = { event_type: "gantry", event_payload: { key: "r1" } };
  const { ts = "" } = await web.chat.postMessage({ channel: DEPLOYS, text: "card", metadata });
  await web.chat.update({ channel: DEPLOYS, ts, text: "card 2" });
  await web.chat.postMessage({ channel: DEPLOYS, text: "reply", thread_ts: ts, metadata });
  const asked = await web.conversations.history({ channel: DEPLOYS, include_all_metadata: true });
  assert.deepEqual(asked.messages?.[0]?.metadata, metadata);
  assert.equal((await web.conversations.history({ channel: DEPLOYS })).messages?.[0]?.metadata, undefined);
  const thread = await web.conversations.replies({ channel: DEPLOYS, ts, include_all_metadata: true });
  assert.deepEqual(
    thread.messages?.map((message) => message.metadata?.event_type),
    ["gantry", "gantry"],
  );
  await web.apiCall("chat.update", { channel: DEPLOYS, ts, text: "card 3", metadata: {} });
  const emptied = await web.conversations.replies({ channel: DEPLOYS, ts, include_all_metadata: true });
  assert.equal(emptied.messages?.[0]?.metadata, undefined);
  assert.equal(
    await refusal(web.apiCall("chat.postMessage", { channel: DEPLOYS, text: "x", metadata: "{" })),
    "invalid_metadata_format",
  );
});

test("history is newest first, in pages, without replies unless they are broadcast", async (t) => {
  const { web } = await quick(t);
  const first = await web.chat.postMessage({ channel: DEPLOYS, text: "1" });
  await web.chat.postMessage({ channel: DEPLOYS, text: "quiet", thread_ts: first.ts ?? "" });
  await web.chat.postMessage({ channel: DEPLOYS, text: "loud", thread_ts: first.ts ?? "", reply_broadcast: true });
  await web.chat.postMessage({ channel: DEPLOYS, text: "2" });
  const texts = async (options: object) => {
    const answer = await web.conversations.history({ channel: DEPLOYS, ...options });
    return {
      texts: answer.messages?.map((message) => message.text),
      more: answer.has_more,
      cursor: answer.response_metadata?.next_cursor,
    };
  };
  const page = await texts({ limit: 2 });
  assert.deepEqual([page.texts, page.more], [["2", "loud"], true]);
  assert.deepEqual((await texts({ limit: 2, cursor: page.cursor })).texts, ["1"]);
  assert.deepEqual((await texts({ latest: first.ts, inclusive: true })).texts, ["1"]);
  assert.deepEqual((await texts({ oldest: first.ts })).texts, ["2", "loud"]);
  assert.equal(await refusal(web.conversations.history({ channel: DEPLOYS, cursor: "junk" })), "invalid_cursor");
  assert.equal(await refusal(web.conversations.history({ channel: "C0RANDOM" })), "not_in_channel");
  assert.equal(await refusal(web.conversations.replies({ channel: DEPLOYS, ts: "1.000001" })), "thread_not_found");
});

test("a reply needs a message to reply to", async (t) => {
  const { slack, web } = await quick(t);
  const parent = await web.chat.postMessage({ channel: DEPLOYS, text: "card" });
  const reply = await web.chat.postMessage({ channel: DEPLOYS, text: "log line", thread_ts: parent.ts ?? "" });
  assert.equal(await refusal(web.chat.postMessage({ channel: DEPLOYS, text: "x", thread_ts: "1.000001" })), "thread_not_found");
  assert.equal(
    await refusal(web.chat.postMessage({ channel: DEPLOYS, text: "x", thread_ts: reply.ts ?? "" })),
    "thread_not_found",
  );
  assert.equal(slack.channel("deploys").transcript(), "gantry: card\n  ↳ gantry: log line");
});

test("a permalink leads to the message, also in a thread", async (t) => {
  const { slack, web } = await quick(t);
  const { ts = "" } = await web.chat.postMessage({ channel: DEPLOYS, text: "card" });
  const { permalink = "" } = await web.chat.getPermalink({ channel: DEPLOYS, message_ts: ts });
  assert.equal(permalink, `${slack.windowUrl}archives/${DEPLOYS}/p${ts.replace(".", "")}`);
  const followed = await fetch(permalink, { redirect: "manual" });
  assert.equal(followed.headers.get("location"), `/#${DEPLOYS}/${ts}`);
  assert.equal(await refusal(web.chat.getPermalink({ channel: DEPLOYS, message_ts: "1.000001" })), "message_not_found");
});

test("direct messages: opened, posted to, read by their person alone", async (t) => {
  const { slack, web } = await quick(t);
  const { channel } = await web.conversations.open({ users: "U0ANA" });
  assert.match(channel?.id ?? "", /^D/);
  assert.equal((await web.conversations.open({ users: "U0ANA" })).channel?.id, channel?.id);
  await web.chat.postMessage({ channel: channel?.id ?? "", text: "your deploy is done" });
  assert.equal(slack.direct("ana").latest().text, "your deploy is done");
  assert.equal(slack.as("ana").sees("gantry").length, 1);
  assert.equal(slack.as("bo").sees("gantry").length, 0);
  assert.equal(await refusal(web.conversations.open({ users: "U0NOBODY" })), "user_not_found");
});

test("people, groups and channels can be looked up", async (t) => {
  const { web } = await quick(t);
  assert.equal((await web.users.info({ user: "U0BO" })).user?.real_name, "Bo Lindqvist");
  assert.equal(await refusal(web.users.info({ user: "U0NOBODY" })), "user_not_found");
  assert.equal((await web.users.lookupByEmail({ email: "eva@example.com" })).user?.id, "U0EVA");
  assert.equal(await refusal(web.users.lookupByEmail({ email: "no@example.com" })), "users_not_found");
  assert.deepEqual((await web.usergroups.users.list({ usergroup: "S0DEV" })).users, ["U0ANA"]);
  assert.equal(await refusal(web.usergroups.users.list({ usergroup: "S0NONE" })), "no_such_subteam");
  assert.equal((await web.conversations.info({ channel: DEPLOYS })).channel?.is_member, true);
  assert.equal((await web.conversations.info({ channel: "C0RANDOM" })).channel?.is_member, false);
  assert.ok((await web.conversations.members({ channel: DEPLOYS })).members?.includes("U0EVA"));
});

test("reactions are counted once", async (t) => {
  const { web } = await quick(t);
  const { ts = "" } = await web.chat.postMessage({ channel: DEPLOYS, text: "card" });
  const reaction = { channel: DEPLOYS, timestamp: ts, name: "eyes" };
  await web.reactions.add(reaction);
  assert.equal(await refusal(web.reactions.add(reaction)), "already_reacted");
  const history = await web.conversations.history({ channel: DEPLOYS });
  assert.deepEqual(history.messages?.[0]?.reactions, [{ name: "eyes", users: ["U0GANTRY"], count: 1 }]);
  await web.reactions.remove(reaction);
  assert.equal(await refusal(web.reactions.remove(reaction)), "no_reaction");
});

test("blocks that are not JSON, not a list, or wrong are refused with the place", async (t) => {
  const { web } = await quick(t);
  assert.equal(await refusal(web.apiCall("chat.postMessage", { channel: DEPLOYS, blocks: "[{" })), "invalid_blocks_format");
  assert.equal(await refusal(web.apiCall("chat.postMessage", { channel: DEPLOYS, blocks: "{}" })), "invalid_blocks_format");
  await assert.rejects(
    web.chat.postMessage({ channel: DEPLOYS, text: "x", blocks: [section("")] }),
    (error: { data: { error: string; response_metadata: { messages: string[] } } }) => {
      assert.equal(error.data.error, "invalid_blocks");
      assert.deepEqual(error.data.response_metadata.messages, [
        "[ERROR] must be more than 0 characters [json-pointer:/blocks/0/text/text]",
      ]);
      return true;
    },
  );
});
