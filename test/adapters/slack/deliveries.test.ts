import assert from "node:assert/strict";
import { test } from "node:test";
import { eventually } from "../../kit/eventually.ts";
import { connectedRig, says } from "./kit.ts";

test("a slash command becomes the words typed, with its own verb in front", async (t) => {
  const { workspace, door } = await connectedRig(t);
  await workspace.as("ana").says("/deploy api prod abc123");
  await workspace.as("bo").says("/gantry status api");
  await workspace.as("bo").says("/rollback");
  assert.deepEqual(door.commands, ["deploy api prod abc123", "status api", "rollback"]);
  const [first] = door.accepted;
  assert.deepEqual(first?.actor, { kind: "slack", id: "U0ANA", name: "ana" });
  assert.equal(first?.channel, "C0DEPLOYS");
  assert.match(first?.key ?? "", /^socket:/);
  assert.match(first?.meaning ?? "", /^act:[0-9a-f]{40}$/);
  assert.deepEqual(workspace.as("ana").sees(), [], "the adapter itself has nothing to say");
});

test("a mention is a command too, also in a thread, and is answered there", async (t) => {
  const { workspace, slack, door } = await connectedRig(t);
  door.serving = async (_, answers) => answers.privately(says("One moment."));
  const card = await slack.chat.post({ channel: "C0DEPLOYS", message: says("api -> prod"), key: "card" });
  await workspace.as("ana").says("@gantry status api");
  await workspace.as("ana").says("@gantry: history", { thread: card.ts });
  const inThread = await door.delivery(2);
  assert.deepEqual(door.commands, ["status api", "history"]);
  assert.equal(inThread.threadTs, card.ts);
  assert.match(inThread.meaning ?? "", /^event:/);
  const whispers = workspace
    .as("ana")
    .sees()
    .filter((message) => message.text === "One moment.");
  assert.equal(whispers.length, 2);
  assert.ok(whispers.every((message) => message.ephemeralTo === "ana"));
  assert.ok(
    !workspace
      .as("bo")
      .sees()
      .some((message) => message.text === "One moment."),
  );
});

test("an act is recorded before it is acknowledged, a mention too", async (t) => {
  const { workspace, door } = await connectedRig(t);
  const acksAtRecord: number[] = [];
  const accept = door.accept.bind(door);
  door.accept = (delivery) => {
    acksAtRecord.push(workspace.log.filter((entry) => entry.kind === "ack").length);
    return accept(delivery);
  };
  // Who asks is looked up slowly: an acknowledgement that did not wait for the record would be there first.
  workspace.faults.failNext("users.info", { delayMs: 50, times: 2 });
  await workspace.as("ana").says("@gantry status");
  await workspace.as("bo").says("/gantry status");
  assert.deepEqual(acksAtRecord, [0, 1]);
});

test("talk about Gantry is no command", async (t) => {
  const { workspace, door } = await connectedRig(t);
  await workspace.as("ana").says("yesterday @gantry deploy api prod broke");
  await eventually(() => assert.match(workspace.as("ana").sees().at(-1)?.text ?? "", /start the message with the mention/));
  assert.deepEqual(door.commands, []);
});

test("a press carries its action, its value and the message it stood on", async (t) => {
  const { workspace, slack, door } = await connectedRig(t);
  const place = await slack.chat.post({ channel: "C0DEPLOYS", message: card('{"rollout":1}'), key: "card" });
  await workspace.as("bo").clicks("Approve");
  const { act, channel, actor } = await door.delivery();
  assert.deepEqual(act, { kind: "press", action: "verb:approve", value: '{"rollout":1}', place });
  assert.equal(channel, "C0DEPLOYS");
  assert.equal(actor.name, "bo");
});

test("a form comes back with its context and the values by block", async (t) => {
  const { workspace, door } = await connectedRig(t);
  door.serving = async ({ act }, answers) => {
    if (act.kind === "command") await answers.openForm({ ...form, context: "#7" });
  };
  await workspace.as("ana").says("/gantry reject 7");
  await eventually(() => assert.equal(workspace.as("ana").modal()?.title, "Reject #7"));
  await workspace.as("ana").fills({ why: "Not on a Friday" });
  await workspace.as("ana").submits();
  const { act, channel } = await door.delivery(2);
  assert.deepEqual(act, { kind: "form", form: "reject", context: "#7", values: { why: "Not on a Friday" } });
  assert.equal(channel, null);
  assert.equal(workspace.as("ana").modal(), null);
});

test("opening the Home tab is an act of its own, and Home is published", async (t) => {
  const { workspace, slack, door } = await connectedRig(t);
  door.serving = async ({ actor }) => {
    await slack.chat.publishHome({
      user: actor.id,
      view: { blocks: [{ type: "section", text: { type: "mrkdwn", text: "All quiet" } }] },
    });
  };
  await workspace.as("eva").opensHome();
  assert.deepEqual((await door.delivery()).act, { kind: "home" });
  assert.match(workspace.as("eva").home()?.rendered ?? "", /All quiet/);
});

test("what is not Gantry's is acknowledged and goes no further", async (t) => {
  const { workspace, slack, door } = await connectedRig(t);
  await slack.chat.post({ channel: "C0DEPLOYS", message: card("x"), key: "card" });
  await workspace.as("ana").clicksRaw({ action_id: "link:pull-request", value: "x" });
  await workspace.as("ana").clicksRaw({ action_id: "x-verb:approve", value: "x" });
  await workspace.as("ana").usesShortcut("unknown");
  await workspace.as("ana").says("hello gantry", { in: "gantry" });
  assert.deepEqual(door.accepted, []);
  assert.deepEqual(undelivered(workspace.log), []);
});

test("the same envelope three times is one act, and is acknowledged each time", async (t) => {
  const { workspace, door } = await connectedRig(t);
  await workspace.as("ana").says("/deploy api prod abc123");
  await workspace.faults.redeliverLast();
  await workspace.faults.redeliverLast();
  assert.deepEqual(door.commands, ["deploy api prod abc123"]);
  assert.equal(workspace.log.filter((entry) => entry.kind === "ack").length, 3);
  assert.deepEqual(undelivered(workspace.log), []);
});

test("when the store is full the person hears that nothing was recorded", async (t) => {
  const { workspace, slack, door } = await connectedRig(t);
  await slack.chat.post({ channel: "C0DEPLOYS", message: card("x"), key: "card" });
  door.serving = async (_, answers) => answers.openForm({ ...form, context: "" });
  await workspace.as("ana").says("/gantry reject 7");
  await eventually(() => assert.ok(workspace.as("ana").modal()));
  door.verdict = "full";

  await workspace.as("ana").fills({ why: "typed with care" });
  await workspace.as("ana").submits();
  assert.match(
    workspace.as("ana").modal()?.errors["why"] ?? "",
    /nothing will happen/,
    "the form stays open with what was typed",
  );
  await workspace.as("ana").closes();
  const before = workspace.as("bo").sees().length;
  await workspace.as("bo").says("/deploy api prod abc123");
  await workspace.as("bo").says("@gantry status");
  await workspace.as("bo").clicks("Approve");
  await eventually(() => {
    const told = workspace
      .as("bo")
      .sees()
      .slice(before)
      .filter(({ text }) => text.includes("`store_unwritable`"));
    assert.equal(told.length, 3);
  });
  assert.equal(door.accepted.length, 1);
});

test("a store that throws counts as full", async (t) => {
  const { workspace, door, log } = await connectedRig(t);
  door.accept = () => {
    throw new Error("disk I/O error");
  };
  await workspace.as("ana").says("/gantry status");
  assert.match(workspace.as("ana").sees().at(-1)?.text ?? "", /nothing will happen/);
  assert.ok(log.has("Recording a delivery threw"));
});

test("nothing that could be used again is stored or logged: no response_url, no trigger, no token", async (t) => {
  const { workspace, slack, door, log } = await connectedRig(t);
  door.serving = async (_, answers) => {
    for (let use = 0; use < 6; use += 1) await answers.privately(says("answer"));
    await answers.openForm({ ...form, context: "" }).catch(() => {});
    await answers.openForm({ ...form, context: "" }).catch(() => {});
  };
  await slack.chat.post({ channel: "C0DEPLOYS", message: card("x"), key: "card" });
  await workspace.as("ana").says("/gantry status");
  await workspace.as("ana").clicks("Approve");
  await door.delivery(2);
  const written = JSON.stringify(door.accepted) + log.text;
  for (const secret of [workspace.botToken, workspace.appToken, "/response/", ...triggersOf(workspace.log)]) {
    assert.ok(!written.includes(secret), `${secret} was written down`);
  }
});

const form = {
  id: "reject",
  title: "Reject #7",
  submit: "Reject",
  context: "",
  blocks: [
    {
      type: "input" as const,
      block_id: "why",
      label: { type: "plain_text" as const, text: "Why" },
      element: { type: "plain_text_input" as const, action_id: "text" },
    },
  ],
};

function card(value: string) {
  const text = { type: "plain_text" as const, text: "Approve" };
  return {
    text: "api -> prod",
    blocks: [
      {
        type: "actions" as const,
        block_id: "decide",
        elements: [{ type: "button" as const, action_id: "verb:approve", text, value }],
      },
    ],
  };
}

function undelivered(log: readonly { readonly kind: string }[]) {
  return log.filter((entry) => entry.kind === "undelivered");
}

function triggersOf(log: readonly object[]): string[] {
  return log.flatMap((entry) => {
    const trigger = "payload" in entry ? (entry.payload as { trigger_id?: string }).trigger_id : undefined;
    return trigger === undefined ? [] : [trigger];
  });
}
