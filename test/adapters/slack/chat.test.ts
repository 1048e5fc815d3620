import assert from "node:assert/strict";
import { test } from "node:test";
import type { ChatError } from "../../../src/app/ports.ts";
import { eventually } from "../../kit/eventually.ts";
import { connectedRig, type Rig, says } from "./kit.ts";

const deploys = "C0DEPLOYS";

test("a post stands in the channel, a reply in its thread, both without unfurls and with their key", async (t) => {
  const { workspace, slack } = await connectedRig(t);
  const card = await slack.chat.post({
    channel: deploys,
    message: says("api -> prod <https://example.com|commit>"),
    key: "card:1",
  });
  await slack.chat.post({ channel: deploys, threadTs: card.ts, message: says("web-1 swapped"), key: "line:1" });
  await slack.chat.post({ channel: deploys, threadTs: card.ts, broadcast: true, message: says("web-2 failed"), key: "line:2" });
  const calls = callsOf(workspace, "chat.postMessage");
  assert.deepEqual(
    calls.map(({ args }) => [args["thread_ts"] === undefined ? "card" : "reply", String(args["reply_broadcast"])]),
    [
      ["card", "undefined"],
      ["reply", "false"],
      ["reply", "true"],
    ],
  );
  for (const { args } of calls) {
    assert.deepEqual([args["unfurl_links"], args["unfurl_media"], args["link_names"]].map(String), ["false", "false", "false"]);
  }
  assert.match(JSON.stringify(calls[0]?.args["metadata"]), /card:1/);
});

test("the same key posts once in this process, also when asked twice at once", async (t) => {
  const { workspace, slack } = await connectedRig(t);
  const post = () => slack.chat.post({ channel: deploys, message: says("card"), key: "card:1" });
  const [first, second] = await Promise.all([post(), post()]);
  assert.deepEqual(second, first);
  assert.deepEqual(await post(), first);
  assert.equal(callsOf(workspace, "chat.postMessage").length, 1);
});

test("a card that somebody deleted is posted again under its key", async (t) => {
  const { workspace, slack } = await connectedRig(t);
  const post = () => slack.chat.post({ channel: deploys, message: says("card"), key: "card:1" });
  const place = await post();
  workspace.faults.failNext("chat.update", { error: "message_not_found" });
  assert.equal(await verdict(slack.chat.update({ place, message: says("edited") })), "gone chat_gone");
  assert.notDeepEqual(await post(), place);
});

test("a post whose answer was lost is reported as such, is made once, and may be made again", async (t) => {
  const { workspace, slack } = await connectedRig(t);
  const post = () => slack.chat.post({ channel: deploys, message: says("card"), key: "card:1" });
  workspace.faults.failNext("chat.postMessage", { lostResponse: true });
  await assert.rejects(post(), { name: "ChatError", kind: "retry", reason: "chat_unreachable" });
  assert.equal(callsOf(workspace, "chat.postMessage").length, 1, "the SDK did not try again by itself");
  await post();
  assert.equal(
    workspace
      .as("ana")
      .sees()
      .filter(({ text }) => text === "card").length,
    2,
  );
});

test("a card is rewritten in place, with its blocks or without", async (t) => {
  const { workspace, slack } = await connectedRig(t);
  const place = await slack.chat.post({ channel: deploys, message: { text: "old", blocks: [section("old")] }, key: "card:1" });
  await slack.chat.update({ place, message: { text: "new", blocks: [section("new")] } });
  const shown = () =>
    workspace
      .as("ana")
      .sees()
      .find(({ ts }) => ts === place.ts);
  assert.match(shown()?.rendered ?? "", /new/);
  await slack.chat.update({ place, message: says("plain") });
  assert.deepEqual(shown()?.blocks, []);
});

test("a burst of edits under Slack's limits ends with the newest, in few calls", async (t) => {
  const { workspace, slack, limited } = await connectedRig(t, {
    workspace: { rateLimits: true },
    slack: { timing: { editGapMs: 50 } },
  });
  const place = await slack.chat.post({ channel: deploys, message: says("0 of 200"), key: "card:1" });
  workspace.faults.rateLimit("chat.update", 1);
  const edits = Array.from({ length: 201 }, (_, done) => slack.chat.update({ place, message: says(`${done} of 200`) }));
  await Promise.all(edits);
  assert.equal(workspace.as("ana").sees().at(-1)?.text, "200 of 200");
  assert.ok(callsOf(workspace, "chat.update").length <= 3);
  assert.deepEqual(limited, ["chat.update"]);
});

test("a 429 on one method does not hold another: the form opens at once", async (t) => {
  const { workspace, slack, door } = await connectedRig(t);
  const place = await slack.chat.post({ channel: deploys, message: says("card"), key: "card:1" });
  workspace.faults.rateLimit("chat.update", 2);
  const edit = slack.chat.update({ place, message: says("edited") });
  door.serving = async (_, answers) => {
    await answers.openForm({ id: "why", title: "Why", submit: "Send", context: "", blocks: [section("x")] });
  };
  await workspace.as("ana").says("/gantry reject 7");
  await door.delivery();
  assert.ok(workspace.as("ana").modal());
  assert.notEqual(
    workspace
      .as("ana")
      .sees()
      .find(({ ts }) => ts === place.ts)?.text,
    "edited",
    "the edit still waits",
  );
  await edit;
});

test("faults are told apart", async (t) => {
  const { workspace, slack } = await connectedRig(t);
  const place = await slack.chat.post({ channel: deploys, message: says("card"), key: "card:1" });
  const post = (channel: string) => slack.chat.post({ channel, message: says("x"), key: `x:${Math.random()}` });
  const update = () => slack.chat.update({ place, message: says("x") });
  const failing = (method: string, error: string, call: () => Promise<unknown>) => {
    workspace.faults.failNext(method, { error });
    return verdict(call());
  };
  assert.equal(await verdict(slack.chat.update({ place: { ...place, ts: "1.1" }, message: says("x") })), "gone chat_gone");
  assert.equal(await failing("chat.update", "cant_update_message", update), "gone chat_gone");
  assert.equal(await failing("chat.update", "is_archived", update), "gone chat_gone");
  assert.equal(await failing("chat.update", "not_in_channel", update), "gone chat_gone", "removed from the channel");
  assert.equal(await verdict(post("C0NOWHERE")), "gone not_in_channel");
  assert.equal(await verdict(post("C0RANDOM")), "never not_in_channel");
  assert.equal(await failing("chat.postMessage", "missing_scope", () => post(deploys)), "retry chat_auth");
  assert.equal(await failing("chat.postMessage", "token_revoked", () => post(deploys)), "retry chat_auth");
  assert.equal(await failing("chat.postMessage", "internal_error", () => post(deploys)), "retry chat_unreachable");
  assert.equal(await failing("chat.postMessage", "<html>proxy", () => post(deploys)), "retry chat_unreachable");
  assert.equal(await failing("chat.postMessage", "invalid_blocks", () => post(deploys)), "never internal");
  assert.equal(await failing("chat.postMessage", "toString", () => post(deploys)), "retry chat_unreachable");
  workspace.faults.failNext("chat.postMessage", { status: 503 });
  assert.equal(await verdict(post(deploys)), "retry chat_unreachable");
  workspace.faults.failNext("chat.postMessage", { drop: true });
  assert.equal(await verdict(post(deploys)), "retry chat_unreachable");
  assert.equal(await verdict(slack.chat.update({ place, message: says("x".repeat(5_000)) })), "never internal");
  assert.equal(slack.chat.state().connected, true, "one failed call is no outage");
});

test("a whisper is seen by one, a direct message reaches one", async (t) => {
  const { workspace, slack } = await connectedRig(t);
  await slack.chat.whisper({ channel: deploys, user: "U0BO", message: says("only you") });
  await slack.chat.tell({ user: "U0BO", message: says("your deploy is done"), key: "told:1" });
  assert.equal(workspace.as("bo").sees().at(-1)?.text, "only you");
  assert.deepEqual(workspace.as("ana").sees(), []);
  assert.equal(workspace.as("bo").sees("gantry").at(-1)?.text, "your deploy is done");
});

test("group members are kept for a minute, asked again when that matters, and never guessed", async (t) => {
  const { workspace, slack } = await connectedRig(t);
  const asked = () => callsOf(workspace, "usergroups.users.list").length;
  assert.deepEqual(await slack.chat.groupMembers("S0DEV"), ["U0ANA"]);
  await slack.chat.groupMembers("S0DEV");
  assert.equal(asked(), 1);
  await slack.chat.groupMembers("S0DEV", { fresh: true });
  assert.equal(asked(), 2);
  workspace.faults.failNext("usergroups.users.list", { status: 500 });
  assert.equal(await verdict(slack.chat.groupMembers("S0DEV", { fresh: true })), "retry chat_unreachable");
  assert.equal(await verdict(slack.chat.groupMembers("S0NONE")), "never internal");
});

async function verdict(call: Promise<unknown>): Promise<string> {
  try {
    await call;
    return "done";
  } catch (error) {
    const { kind, reason } = error as ChatError;
    return `${kind} ${reason}`;
  }
}

function section(text: string) {
  return { type: "section" as const, text: { type: "mrkdwn" as const, text } };
}

function callsOf(workspace: Rig["workspace"], method: string) {
  return workspace.log.flatMap((entry) => (entry.kind === "api" && entry.method === method ? [entry] : []));
}

test("an outage noticed by a call ends by itself", async (t) => {
  const { workspace, slack } = await connectedRig(t);
  workspace.faults.failNext("*", { status: 500, times: 3 });
  assert.equal(await verdict(slack.chat.post({ channel: deploys, message: says("x"), key: "x" })), "retry chat_unreachable");
  await eventually(() => assert.equal(slack.chat.state().reason, "chat_unreachable"));
  await eventually(() => assert.equal(slack.chat.state().connected, true));
});
