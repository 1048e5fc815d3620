import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "../../../src/app/clock.ts";
import { createSlack } from "../../../src/slack/slack.ts";
import { eventually } from "../../kit/eventually.ts";
import { connectedRig, quick, RememberingDoor, RememberingLog, type Rig, says } from "./kit.ts";
import { startTinySlack } from "./tiny-slack.ts";

test("two sockets stand, and a refresh in the middle of many commands loses none", async (t) => {
  const { workspace, door } = await connectedRig(t);
  const ana = workspace.as("ana");
  const typed: Promise<void>[] = [];
  for (let number = 0; number < 120; number += 1) {
    typed.push(ana.says(`/gantry status ${number}`));
    if (number === 40 || number === 80) workspace.faults.disconnectSockets("refresh_requested");
    if (number % 10 === 0) await new Promise((resolve) => setImmediate(resolve));
    if (number === 40 || number === 80) await workspace.connected(1);
  }
  await Promise.all(typed);
  assert.deepEqual(failures(workspace.log), []);
  assert.equal(new Set(door.commands).size, 120);
  await workspace.connected(2);
});

test("when Slack warns, the next socket opens before the old one closes", async (t) => {
  const { workspace, slack } = await connectedRig(t);
  workspace.faults.disconnectSockets("warning");
  await workspace.connected(2);
  const story = () => workspace.log.flatMap((entry) => (entry.kind === "socket" ? [entry.event] : []));
  // Well before Slack would close them itself.
  await eventually(() => assert.equal(story().filter((event) => event === "closed").length, 2), 3_000);
  assert.ok(story().indexOf("hello", 2) < story().indexOf("closed"), story().join(", "));
  assert.equal(slack.chat.state().connected, true);
});

test("cut sockets come back by themselves", async (t) => {
  const { workspace, slack, door } = await connectedRig(t);
  workspace.faults.killSockets();
  await eventually(() => assert.equal(slack.chat.state().connected, false));
  assert.equal(slack.chat.state().reason, "chat_unreachable");
  await workspace.connected(2);
  await workspace.as("ana").says("/gantry status");
  assert.deepEqual(door.commands, ["status"]);
  assert.equal(slack.chat.state().reason, null);
});

test("a revoked app token is a state, not a crash; restored, everything goes on", async (t) => {
  const { workspace, slack, door, log } = await connectedRig(t);
  workspace.faults.revokeAppToken();
  workspace.faults.killSockets();
  await eventually(() => assert.equal(slack.chat.state().reason, "chat_auth"));
  assert.ok(log.has("Slack refuses the token"));
  workspace.faults.restoreTokens();
  await workspace.connected(2);
  await workspace.as("ana").says("/gantry status");
  assert.deepEqual(door.commands, ["status"]);
});

test("a revoked bot token is noticed at the next call, and its end as well", async (t) => {
  const { workspace, slack } = await connectedRig(t);
  workspace.faults.revokeBotToken();
  const post = slack.chat.post({ channel: "C0DEPLOYS", message: says("x"), key: "x" });
  await assert.rejects(post, { kind: "retry", reason: "chat_auth" });
  await eventually(() =>
    assert.deepEqual({ ...slack.chat.state(), since: 0 }, { connected: false, since: 0, reason: "chat_auth" }),
  );
  workspace.faults.restoreTokens();
  await eventually(() => assert.equal(slack.chat.state().connected, true));
  await slack.chat.post({ channel: "C0DEPLOYS", message: says("x"), key: "x" });
});

test("starting with a refused token resolves, says so, and connects once it works", async (t) => {
  const { workspace, slack, log } = await connectedRig(t, { connect: false, slack: { timing: { startWithinMs: 60 } } });
  workspace.faults.revokeBotToken("invalid_auth");
  await slack.start();
  assert.equal(slack.chat.state().reason, "chat_auth");
  assert.equal(workspace.connections, 0, "no command is taken while we cannot know the workspace");
  assert.ok(log.has("Slack refuses the token"));
  workspace.faults.restoreTokens();
  await workspace.connected(2);
});

test("an outage is waited out, however the server refuses", async (t) => {
  const { workspace, slack, door } = await connectedRig(t);
  workspace.faults.refuseConnections(true);
  workspace.faults.killSockets();
  await eventually(() => assert.equal(slack.chat.state().reason, "chat_unreachable"));
  await eventually(() => assert.ok(attempts(workspace.log) >= 8, "it keeps asking"));
  workspace.faults.refuseConnections(false);
  await workspace.connected(2);
  await workspace.as("ana").says("/gantry status");
  assert.deepEqual(door.commands, ["status"]);
});

test("a Slack that swallows everything is noticed by its silence", async (t) => {
  const { workspace, slack } = await connectedRig(t, { slack: { timing: { helloWithinMs: 300, pongWithinMs: 600 } } });
  workspace.faults.blackhole(true);
  await eventually(() => assert.equal(slack.chat.state().connected, false));
  workspace.faults.blackhole(false);
  await workspace.connected(1);
  await eventually(() => assert.equal(slack.chat.state().connected, true));
});

test("a storm of disconnects does not become a storm of connections", async (t) => {
  const { workspace, slack } = await connectedRig(t, { slack: { timing: { retryMinMs: 100, retryMaxMs: 1_000 } } });
  const startedAt = performance.now();
  const storm = setInterval(() => workspace.faults.disconnectSockets("refresh_requested"), 2);
  t.after(() => clearInterval(storm));
  // Two lines, four rounds each; the three pauses between them last at least half of 100, 200 and 400 ms.
  await eventually(() => assert.ok(attempts(workspace.log) >= 8));
  assert.ok(performance.now() - startedAt >= 350);
  clearInterval(storm);
  await workspace.connected(1);
  await eventually(() => assert.equal(slack.chat.state().connected, true));
});

test("too_many_websockets and a switched-off Socket Mode leave the process alive and asking", async (t) => {
  const { workspace, slack, log } = await connectedRig(t);
  workspace.faults.disconnectSockets("too_many_websockets");
  await eventually(() => assert.equal(slack.chat.state().reason, "chat_unreachable"));
  assert.ok(log.text.includes("too_many_websockets"));
});

test("a second consumer of the app token is reported", async (t) => {
  const { workspace, log } = await connectedRig(t);
  const other = createSlack({
    botToken: workspace.botToken,
    appToken: workspace.appToken,
    apiUrl: workspace.apiUrl,
    door: new RememberingDoor(),
    log,
    clock: systemClock,
    timing: quick,
  });
  t.after(() => other.stop());
  await other.start();
  await eventually(() => assert.ok(log.has("is SLACK_APP_TOKEN used elsewhere?")));
});

test("a socket that closes between a command and its acknowledgement: the command is done all the same", async (t) => {
  const { workspace, door, log } = await connectedRig(t);
  const accept = door.accept.bind(door);
  door.accept = (delivery) => {
    workspace.faults.killSockets();
    const until = performance.now() + 30;
    while (performance.now() < until);
    return accept(delivery);
  };
  void workspace.as("ana").says("/deploy api prod abc123");
  assert.deepEqual((await door.delivery()).act, { kind: "command", text: "deploy api prod abc123" });
  await workspace.connected(1);
  assert.ok(!log.has("threw"));
});

test("an acknowledgement that Slack would have given up on is logged", async (t) => {
  const { workspace, door, log } = await connectedRig(t, { slack: { timing: { ackWarnMs: 40 } } });
  const accept = door.accept.bind(door);
  door.accept = (delivery) => {
    const until = performance.now() + 60;
    while (performance.now() < until);
    return accept(delivery);
  };
  await workspace.as("ana").says("/gantry status");
  await eventually(() => assert.ok(log.has("Acknowledged late")));
});

test("a hanging directory is noticed before Slack gives up", async (t) => {
  const { workspace, door, log } = await connectedRig(t, { slack: { timing: { ackWarnMs: 40 } } });
  workspace.faults.failNext("users.info", { delayMs: 150 });
  await workspace.as("ana").says("/gantry status");
  assert.deepEqual(door.commands, ["status"]);
  assert.ok(log.has("Not acknowledged yet"));
});

test("frames of any shape, refusals at the upgrade and sudden ends do not hurt", async (t) => {
  const tiny = await startTinySlack(t);
  const log = new RememberingLog();
  const door = new RememberingDoor();
  const slack = createSlack({
    botToken: "xoxb-x",
    appToken: "xapp-x",
    apiUrl: tiny.apiUrl,
    door,
    log,
    clock: systemClock,
    timing: quick,
  });
  t.after(() => slack.stop());
  tiny.upgrades.push("408 Request Timeout", "503 Service Unavailable", "close");
  await slack.start();
  await eventually(() => assert.equal(slack.chat.state().connected, true));
  for (const frame of strangeFrames) tiny.send(frame);
  tiny.send(command("e-1", "status"));
  await door.delivery();
  assert.deepEqual(door.commands, ["status"]);
  for (let kill = 0; kill < 3; kill += 1) {
    tiny.kill(1006);
    await eventually(() => assert.equal(tiny.sockets, 2));
  }
  tiny.send(command("e-2", "history"));
  await door.delivery(2);
});

test("no socket is left behind by a stop in the middle of connecting", async (t) => {
  const tiny = await startTinySlack(t);
  tiny.openDelayMs = 50;
  const log = new RememberingLog();
  const door = new RememberingDoor();
  const slack = createSlack({
    botToken: "xoxb-x",
    appToken: "xapp-x",
    apiUrl: tiny.apiUrl,
    door,
    log,
    clock: systemClock,
    timing: quick,
  });
  const started = slack.start();
  await eventually(() => assert.ok(tiny.opens > 0));
  await slack.stop();
  await started;
  await eventually(() => assert.equal(tiny.openAnswers, tiny.opens));
  // A socket opened behind our back would stand before these later requests are answered.
  for (let round = 0; round < 5; round += 1) await (await fetch(`${tiny.apiUrl}auth.test`, { method: "POST" })).text();
  await eventually(() => assert.equal(tiny.sockets, 0));
});

const strangeFrames = [
  "",
  "not json",
  "null",
  "[]",
  "7",
  '{"type":"events_api"}',
  '{"type":"events_api","envelope_id":"x","payload":{}}',
  '{"type":"events_api","envelope_id":"x","payload":{"type":"event_callback"}}',
  '{"type":"slash_commands","envelope_id":"x","payload":null}',
  '{"type":"slash_commands","envelope_id":"x","payload":{"command":"/deploy"}}',
  '{"type":"interactive","envelope_id":"x","payload":{"type":"block_actions","actions":[],"user":{"id":"U1"}}}',
  '{"type":"interactive","envelope_id":"x","payload":{"type":"view_submission","user":{"id":"U1"},"view":{"callback_id":"form:x"}}}',
  '{"type":"interactive","envelope_id":"x","payload":{"type":"view_submission"}}',
  '{"type":"new_kind","envelope_id":"x","payload":{"a":1}}',
];

function command(envelopeId: string, text: string): string {
  const payload = {
    command: "/gantry",
    text,
    user_id: "U0ANA",
    user_name: "ana",
    team_id: "T0TINY",
    channel_id: "C1",
    trigger_id: envelopeId,
  };
  return JSON.stringify({ type: "slash_commands", envelope_id: envelopeId, payload, accepts_response_payload: true });
}

function failures(log: Rig["workspace"]["log"]) {
  return log.filter((entry) => entry.kind === "undelivered");
}

function attempts(log: Rig["workspace"]["log"]): number {
  return log.filter((entry) => entry.kind === "api" && entry.method === "apps.connections.open").length;
}
