import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import { type Answers, ChatError } from "../../../src/app/ports.ts";
import { createAnswers } from "../../../src/slack/answers.ts";
import type { Answer } from "../../../src/slack/api.ts";
import type { Inbound } from "../../../src/slack/inbound.ts";
import { eventually } from "../../kit/eventually.ts";
import { connectedRig, ManualClock, RememberingLog, says } from "./kit.ts";

const form = { id: "why", title: "A title that is longer than 24", submit: "Send", context: "#7", blocks: [] };

/** Answers whose response_url is a server of ours, and what went which way. */
async function rig(t: TestContext, options: { url?: boolean; trigger?: boolean } = {}) {
  const clock = new ManualClock();
  const byUrl: string[] = [];
  const whispered: string[] = [];
  const opened: unknown[] = [];
  const state = { status: 200 };
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    byUrl.push(body);
    response.writeHead(state.status).end("ok");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  const inbound: Inbound = {
    act: { kind: "command", text: "status" },
    user: "U0ANA",
    userName: "ana",
    teams: [],
    channel: "C1",
    threadTs: null,
    meaning: null,
    responseUrl: options.url === false ? null : `http://127.0.0.1:${(server.address() as AddressInfo).port}/response/secret`,
    triggerId: options.trigger === false ? null : "trigger",
    errorField: null,
  };
  const log = new RememberingLog();
  const answers: Answers = createAnswers({
    inbound,
    key: "k",
    receivedAt: clock.now(),
    whisper: async ({ message, key }) => void whispered.push(`${message.text} ${key}`),
    callNow: async (_, args) => {
      opened.push(args);
      return { ok: true } as Answer;
    },
    clock,
    log,
  });
  return { answers, clock, byUrl, whispered, opened, state, log };
}

test("the first five answers use the response_url, privately and without replacing anything; the sixth is whispered", async (t) => {
  const { answers, byUrl, whispered } = await rig(t);
  for (let number = 1; number <= 7; number += 1) await answers.privately(says(`answer ${number}`));
  assert.equal(byUrl.length, 5);
  assert.deepEqual(JSON.parse(byUrl[0] ?? ""), { response_type: "ephemeral", replace_original: false, text: "answer 1" });
  assert.deepEqual(whispered, ["answer 6 k:1", "answer 7 k:2"]);
});

test("after 30 minutes the response_url is not tried any more", async (t) => {
  const { answers, clock, byUrl, whispered } = await rig(t);
  await clock.pass(31 * 60_000);
  await answers.privately(says("late"));
  assert.deepEqual([byUrl.length, whispered.length], [0, 1]);
});

test("a response_url that Slack has closed is followed by a whisper, and is not logged", async (t) => {
  const { answers, state, whispered, log } = await rig(t);
  state.status = 404;
  await answers.privately(says("x"));
  assert.deepEqual(whispered, ["x k:1"]);
  assert.ok(!log.text.includes("secret"));
});

test("a form opens once and within 3 s; its title is cut to what Slack takes", async (t) => {
  const { answers, opened } = await rig(t);
  await answers.openForm(form);
  assert.match(
    JSON.stringify(opened[0]),
    /"callback_id":"form:why","private_metadata":"#7","title":{"type":"plain_text","text":"A title that is longer t"/,
  );
  await assert.rejects(answers.openForm(form), { kind: "never", reason: "form_expired" });
  assert.equal(opened.length, 1);

  const late = await rig(t);
  await late.clock.pass(3_000);
  await assert.rejects(late.answers.openForm(form), { kind: "never", reason: "form_expired" });
  const mention = await rig(t, { trigger: false });
  await assert.rejects(mention.answers.openForm(form), ChatError);
});

test("a trigger that Slack calls spent is told apart from other faults", async (t) => {
  const { workspace, door } = await connectedRig(t);
  const caught: unknown[] = [];
  door.serving = async (_, answers) => {
    await answers
      .openForm({ ...form, blocks: [{ type: "section", text: { type: "mrkdwn", text: "x" } }] })
      .catch((error) => caught.push(error));
  };
  for (const error of ["expired_trigger_id", "exchanged_trigger_id"]) {
    workspace.faults.failNext("views.open", { error });
    await workspace.as("ana").says("/gantry reject 7");
  }
  await eventually(() => assert.equal(caught.length, 2));
  for (const error of caught) assert.equal((error as ChatError).reason, "form_expired");
});

test("after a form there is no channel to whisper in: the person gets a direct message, one for each answer", async (t) => {
  const { workspace, door } = await connectedRig(t);
  door.serving = async ({ act }, answers) => {
    if (act.kind === "command") {
      const text = { type: "mrkdwn" as const, text: "Sure?" };
      await answers.openForm({ ...form, title: "Sure", blocks: [{ type: "section", text }] });
    } else {
      await answers.privately(says("Rejected."));
      await answers.privately(says("The requester knows."));
    }
  };
  await workspace.as("ana").says("/gantry reject 7");
  await eventually(() => assert.ok(workspace.as("ana").modal()));
  await workspace.as("ana").submits();
  await door.delivery(2);
  assert.deepEqual(
    workspace
      .as("ana")
      .sees("gantry")
      .map(({ text }) => text),
    ["Rejected.", "The requester knows."],
  );
});
