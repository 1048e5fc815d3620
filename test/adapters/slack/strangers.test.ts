import assert from "node:assert/strict";
import { test } from "node:test";
import { startSlackWorkspace } from "../../../src/rehearsal/slack/workspace.ts";
import { type Answer, type Call, createApi } from "../../../src/slack/api.ts";
import { openExchange } from "../../../src/slack/exchange.ts";
import { commandInbound, formInbound, type Inbound, isTalk, mentionInbound, pressInbound } from "../../../src/slack/inbound.ts";
import { createIntake } from "../../../src/slack/intake.ts";
import { createPeople } from "../../../src/slack/people.ts";
import { ManualClock, RememberingDoor, RememberingLog, turns } from "./kit.ts";

const home = "T0HOME";

/** An intake whose directory says what the test wants, and what Slack heard from it. */
function rig(user: Record<string, unknown> | Error) {
  const clock = new ManualClock();
  const log = new RememberingLog();
  const door = new RememberingDoor();
  const directory = { answer: user, asked: 0 };
  const whispers: string[] = [];
  const callNow: Call = async (method) => {
    assert.equal(method, "users.info");
    directory.asked += 1;
    await turns();
    if (directory.answer instanceof Error) throw directory.answer;
    return { ok: true, user: directory.answer } as unknown as Answer;
  };
  const team = () => home;
  const people = createPeople({ callNow, team, clock, log });
  const whisper = async ({ message }: { message: { text: string } }) => void whispers.push(message.text);
  const intake = createIntake({ door, people, team, whisper, callNow, clock, log });

  /** Takes one act; resolves with what the acknowledgement said. */
  async function take(inbound: Inbound | null): Promise<unknown> {
    assert.ok(inbound);
    let acknowledged: unknown = "not at all";
    const send = async (answer?: unknown) => {
      acknowledged = answer ?? "bare";
    };
    const exchange = openExchange({ key: `k${Math.random()}`, send, clock, log, ackWarnMs: 2_500, onAck: () => {} });
    await intake.take(exchange, inbound);
    await turns();
    return acknowledged;
  }
  return { take, door, directory, clock, intake, whispers, log };
}

const command = (fields: object = {}) =>
  commandInbound({
    command: "/deploy",
    text: "api prod abc",
    user_id: "U1",
    user_name: "ana",
    team_id: home,
    channel_id: "C1",
    response_url: "http://127.0.0.1:9/",
    trigger_id: "t",
    ...fields,
  });
const press = (fields: object = {}) =>
  pressInbound({
    user: { id: "U1", username: "ana", team_id: home },
    team: { id: home },
    channel: { id: "C1" },
    container: { type: "message", message_ts: "1.2", channel_id: "C1" },
    actions: [{ action_id: "verb:approve", value: "{}" }],
    trigger_id: "t",
    ...fields,
  });

test("a member is let in, under the name that the directory has", async () => {
  const { take, door } = rig({ id: "U1", team_id: home, profile: { display_name: "Ana" } });
  assert.equal(await take(command()), "bare");
  assert.equal(door.accepted[0]?.actor.name, "Ana");
});

for (const [who, user] of Object.entries({
  "a single-channel guest": { id: "U1", team_id: home, is_ultra_restricted: true, is_restricted: true },
  "a guest": { id: "U1", team_id: home, is_restricted: true },
  "a stranger of Slack Connect": { id: "U1", team_id: home, is_stranger: true },
  "a member of another workspace": { id: "U1", team_id: "T0OTHER" },
  "somebody deactivated": { id: "U1", team_id: home, deleted: true },
  "a bot": { id: "U1", team_id: home, is_bot: true },
})) {
  test(`${who} is refused, privately, and nothing is recorded`, async () => {
    const { take, door, whispers } = rig(user);
    assert.match(JSON.stringify(await take(command())), /ephemeral.*nothing was recorded/);
    assert.equal(await take(press()), "bare");
    assert.match(whispers.join(), /nothing was recorded/);
    assert.deepEqual(door.accepted, []);
  });
}

test("an act that names another workspace is refused before the directory is asked", async () => {
  const { take, door, directory } = rig({ id: "U1", team_id: home });
  const foreign = [
    command({ team_id: "T0OTHER" }),
    command({ team_id: undefined }),
    press({ team: { id: "T0OTHER" } }),
    press({ user: { id: "U1", team_id: "T0OTHER" } }),
  ];
  for (const inbound of foreign) await take(inbound);
  assert.deepEqual(door.accepted, []);
  assert.equal(directory.asked, 0);
});

test("one question serves many acts; after ten minutes it is asked again", async () => {
  const { take, directory, clock, door } = rig({ id: "U1", team_id: home });
  await Promise.all([1, 2, 3].map((trigger) => take(command({ trigger_id: `t${trigger}` }))));
  assert.equal(directory.asked, 1);
  await clock.pass(10 * 60_000);
  await take(command({ trigger_id: "t4" }));
  assert.equal(directory.asked, 2);
  assert.equal(door.accepted.length, 4);
});

test("a directory that does not answer: who was known within a day is let in, others are not", async () => {
  const { take, directory, clock, door } = rig({ id: "U1", team_id: home });
  await take(command({ trigger_id: "t1" }));
  directory.answer = new Error("timeout");
  await clock.pass(3 * 3_600_000);
  assert.equal(await take(command({ trigger_id: "t2" })), "bare");
  await clock.pass(24 * 3_600_000);
  assert.match(JSON.stringify(await take(command({ trigger_id: "t3" }))), /chat_unreachable/);
  assert.equal(door.accepted.length, 2);
});

test("after the close everything is turned away, with a word", async () => {
  const { take, intake, door } = rig({ id: "U1", team_id: home });
  intake.close();
  assert.match(JSON.stringify(await take(command())), /restarting/);
  assert.deepEqual(door.accepted, []);
});

test("work that throws is logged and forgotten", async () => {
  const { take, door, intake, log } = rig({ id: "U1", team_id: home });
  door.serving = () => Promise.reject(new Error("a bug"));
  await take(command());
  await intake.idle();
  assert.ok(log.has("Serving a delivery threw"));
});

const mention = (event: object) => ({
  team_id: home,
  event_id: "Ev1",
  event: { type: "app_mention", user: "U1", channel: "C1", ...event },
});

test("mentions are read with care", () => {
  const words = (text: string) => {
    const act = mentionInbound(mention({ text }), "U0BOT")?.act;
    return act?.kind === "command" ? act.text : null;
  };
  assert.equal(words("<@U0BOT> deploy api prod abc"), "deploy api prod abc");
  assert.equal(words("  <@U0BOT|gantry>: status"), "status");
  assert.equal(words("<@U0BOT>"), "");
  assert.equal(words("<@U0BOT> deploy\napi prod abc"), "deploy\napi prod abc");
  assert.equal(mentionInbound(mention({ text: "<@U0BOT> status", bot_id: "B1" }), "U0BOT"), null);
  assert.equal(mentionInbound(mention({ text: "<@U0BOT> status", edited: { ts: "1" } }), "U0BOT"), null);
  assert.equal(mentionInbound(mention({ text: "<@U0BOT> status", user: undefined }), "U0BOT"), null);
  assert.ok(isTalk(mention({ text: "ask <@U0BOT> deploy api prod abc" }), "U0BOT"));
  assert.ok(isTalk(mention({ text: "<@U0OTHER> <@U0BOT> deploy" }), "U0BOT"));
  assert.ok(!isTalk(mention({ text: "<@U0BOT> status" }), "U0BOT"));
  assert.deepEqual(mentionInbound(mention({ text: "<@U0BOT> x", user_team: "T0OTHER" }), "U0BOT")?.teams, [home, "T0OTHER"]);
});

test("an ephemeral message is no place to edit", () => {
  const inbound = press({ container: { type: "message", message_ts: "1.2", channel_id: "C1", is_ephemeral: true } });
  assert.deepEqual(inbound?.act, { kind: "press", action: "verb:approve", value: "{}", place: null });
});

test("forms of every element come as text", () => {
  const values = {
    why: { text: { type: "plain_text_input", value: "because" } },
    empty: { text: { type: "plain_text_input", value: null } },
    service: { pick: { type: "static_select", selected_option: { value: "api" } } },
    hosts: { picks: { type: "checkboxes", selected_options: [{ value: "a" }, { value: "b" }] } },
    who: { user: { type: "users_select", selected_user: "U2" } },
    broken: null,
  };
  const body = {
    user: { id: "U1" },
    team: { id: home },
    view: { callback_id: "form:x", private_metadata: "m", state: { values } },
  };
  const act = formInbound(body)?.act;
  assert.deepEqual(act?.kind === "form" && act.values, {
    why: "because",
    empty: "",
    service: "api",
    hosts: "a,b",
    who: "U2",
    broken: "",
  });
});

test("two presses of one person are two acts, one press delivered twice is one", () => {
  assert.notEqual(press({ trigger_id: "t1" })?.meaning, press({ trigger_id: "t2" })?.meaning);
  assert.equal(press({ trigger_id: "t1" })?.meaning, press({ trigger_id: "t1" })?.meaning);
  assert.notEqual(press({ trigger_id: "t1" })?.meaning, command({ trigger_id: "t1" })?.meaning);
});

test("junk asks nothing and throws nothing", () => {
  const junk: object[] = [
    {},
    { event: null },
    { event: [] },
    { user: "U1" },
    { user: { id: 7 } },
    { actions: "x", user: { id: "U1" } },
    { actions: [null], user: { id: "U1" } },
    { view: 1, user: { id: "U1" } },
  ];
  for (const body of junk) {
    const fields = body as Record<string, unknown>;
    const results = [commandInbound(fields), mentionInbound(fields, "U0BOT"), pressInbound(fields), formInbound(fields)];
    assert.deepEqual(results, [null, null, null, null], JSON.stringify(body));
  }
});

test("the SDK's own retries are off: a call is made once", async (t) => {
  const workspace = await startSlackWorkspace({ rateLimits: false });
  t.after(() => workspace.stop());
  let doubts = 0;
  const api = createApi({
    token: workspace.botToken,
    apiUrl: workspace.apiUrl,
    log: new RememberingLog(),
    on429: () => {},
    onDoubt: () => {
      doubts += 1;
    },
  });
  workspace.faults.failNext("users.info", { status: 500, times: 2 });
  await assert.rejects(api.callNow("users.info", { user: "U0ANA" }), { kind: "retry", reason: "chat_unreachable" });
  assert.equal(workspace.log.filter((entry) => entry.kind === "api").length, 1);
  assert.equal(doubts, 1);
});
