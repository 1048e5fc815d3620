import assert from "node:assert/strict";
import { once } from "node:events";
import { type TestContext, test } from "node:test";
import { WebSocket } from "ws";
import type { SlackWorkspace } from "../../../src/rehearsal/slack/workspace.ts";
import { eventually, type Received, socketClient, stillWorkspaceFor, webClient, workspaceFor } from "./workspace-kit.ts";

type Frame = { type?: string; envelope_id?: string; reason?: string; num_connections?: number; payload?: unknown };

/** A connection without a client in between: frames as they are on the wire. */
async function rawSocket(
  t: TestContext,
  slack: SlackWorkspace,
  given?: string,
): Promise<{ socket: WebSocket; next: () => Promise<Frame>; url: string }> {
  const url = given ?? (await webClient(slack, slack.appToken).apps.connections.open({})).url ?? "";
  const socket = new WebSocket(url);
  t.after(() => socket.terminate());
  const frames: Frame[] = [];
  let wake = () => {};
  socket.on("message", (data) => {
    frames.push(JSON.parse(String(data)));
    wake();
  });
  const next = async () => {
    while (frames.length === 0) await new Promise<void>((resolve) => (wake = resolve));
    return frames.shift() as Frame;
  };
  return { socket, next, url };
}

const socketEvents = (slack: SlackWorkspace) => slack.log.filter((entry) => entry.kind === "socket").map((entry) => entry.event);
const envelopes = (slack: SlackWorkspace) => slack.log.filter((entry) => entry.kind === "envelope");

test("a ticket opens one connection, and hello counts the connections", async (t) => {
  const slack = await workspaceFor(t);
  const first = await rawSocket(t, slack);
  const hello = await first.next();
  assert.equal(hello.type, "hello");
  assert.equal(hello.num_connections, 1);
  const second = await rawSocket(t, slack);
  assert.equal((await second.next()).num_connections, 2);
  const again = await rawSocket(t, slack, first.url);
  await assert.rejects(once(again.socket, "open"), /403/);
});

test("an envelope goes to exactly one connection, by turns, never to one that was told to go", async (t) => {
  const slack = await workspaceFor(t);
  const counts = [0, 0];
  for (const index of [0, 1]) {
    await socketClient(t, slack, (received: Received) => {
      counts[index] = (counts[index] ?? 0) + 1;
      return received.ack();
    });
  }
  for (let i = 0; i < 4; i++) await slack.as("ana").says(`/deploy api prod ${i}`);
  assert.deepEqual(counts, [2, 2]);
  const raw = await rawSocket(t, slack);
  await raw.next();
  assert.equal(slack.connections, 3);
  slack.faults.disconnectSockets("warning", 2);
  assert.equal(slack.connections, 1);
  const typed = slack.as("ana").says("/deploy api prod last");
  const envelope = await raw.next();
  assert.equal(envelope.type, "slash_commands");
  raw.socket.send(JSON.stringify({ envelope_id: envelope.envelope_id, payload: {} }));
  await typed;
  assert.equal(envelopes(slack).length, 5);
});

test("a connection told to go still has its late acks heard, and is closed when it stays", async (t) => {
  const { slack, clock } = await stillWorkspaceFor(t);
  const raw = await rawSocket(t, slack);
  await raw.next();
  const typed = slack.as("ana").says("/deploy api prod abc");
  const envelope = await raw.next();
  slack.faults.disconnectSockets("refresh_requested");
  assert.deepEqual(await raw.next(), { type: "disconnect", reason: "refresh_requested", debug_info: { host: "rehearsal" } });
  raw.socket.send(JSON.stringify({ envelope_id: envelope.envelope_id, payload: {} }));
  await typed;
  const closed = once(raw.socket, "close");
  await clock.advance(10_000);
  await closed;
});

test("the real client comes back after a disconnect and after a cut", async (t) => {
  const slack = await workspaceFor(t);
  await socketClient(t, slack);
  slack.faults.disconnectSockets();
  await slack.connected(1);
  slack.faults.killSockets();
  await slack.until(() => slack.connections === 0);
  await slack.connected(1);
  await slack.as("ana").says("/deploy api prod abc");
  assert.equal(slack.log.findLast((entry) => entry.kind === "ack")?.late, false);
  assert.deepEqual(
    socketEvents(slack).filter((event) => event === "hello"),
    ["hello", "hello", "hello"],
  );
});

test("an eleventh connection is turned away", async (t) => {
  const slack = await workspaceFor(t, { rateLimits: false });
  for (let i = 0; i < 10; i++) assert.equal((await (await rawSocket(t, slack)).next()).type, "hello");
  const turnedAway = await (await rawSocket(t, slack)).next();
  assert.deepEqual([turnedAway.type, turnedAway.reason], ["disconnect", "too_many_websockets"]);
  assert.equal(slack.connections, 10);
});

test("pings are answered", async (t) => {
  const slack = await workspaceFor(t);
  const raw = await rawSocket(t, slack);
  await raw.next();
  const pong = once(raw.socket, "pong");
  raw.socket.ping("hello?");
  assert.equal(String((await pong)[0]), "hello?");
});

test("no ack within 3 s: the person reads operation_timeout; the late ack changes nothing", async (t) => {
  const { slack, clock } = await stillWorkspaceFor(t);
  const acks: Received["ack"][] = [];
  await socketClient(t, slack, ({ ack }) => acks.push(ack));
  const typed = slack.as("ana").says("/deploy api prod abc");
  await eventually(() => acks.length === 1);
  await clock.advance(2_999);
  assert.deepEqual(slack.as("ana").sees(), []);
  await clock.advance(1);
  await typed;
  assert.deepEqual(
    slack
      .as("ana")
      .sees()
      .map((message) => message.text),
    ['/deploy failed with the error "operation_timeout"'],
  );
  assert.deepEqual(slack.as("bo").sees(), []);
  await acks[0]?.({ text: "too late" });
  await slack.until(() => slack.log.some((entry) => entry.kind === "ack" && entry.late));
  assert.equal(slack.as("ana").sees().length, 1);
});

test("no connection: the person reads dispatch_failed at once", async (t) => {
  const slack = await workspaceFor(t);
  await slack.as("ana").says("/deploy api prod abc");
  assert.equal(slack.as("ana").sees()[0]?.text, '/deploy failed with the error "dispatch_failed"');
});

test("an ack may carry the answer to a command", async (t) => {
  const slack = await workspaceFor(t);
  await socketClient(t, slack, ({ ack, body }) =>
    ack({ text: `you asked: ${body.text}`, response_type: body.text === "loud" ? "in_channel" : "ephemeral" }),
  );
  await slack.as("ana").says("/gantry quiet");
  await slack.as("ana").says("/gantry loud");
  assert.deepEqual(
    slack
      .channel("deploys")
      .messages()
      .map((message) => message.text),
    ["you asked: loud"],
  );
  assert.deepEqual(
    slack
      .as("ana")
      .sees()
      .map((message) => message.ephemeralTo),
    ["ana", undefined],
  );
});

test("the newest envelope can come again under the same id", async (t) => {
  const slack = await workspaceFor(t);
  const { received } = await socketClient(t, slack);
  await slack.as("ana").says("/deploy api prod abc");
  await slack.faults.redeliverLast();
  assert.equal(received.length, 2);
  assert.equal(received[0]?.envelope_id, received[1]?.envelope_id);
  assert.deepEqual(received[0]?.body, received[1]?.body);
});

test("an event without ack comes again at once, after one minute and after five, under the same ids", async (t) => {
  const { slack, clock } = await stillWorkspaceFor(t);
  const raw = await rawSocket(t, slack);
  await raw.next();
  const typed = slack.as("ana").says("@gantry status");
  const attempts = [await raw.next()];
  await clock.advance(3_000);
  await typed;
  attempts.push(await raw.next());
  await clock.advance(3_000 + 60_000);
  attempts.push(await raw.next());
  await clock.advance(3_000 + 300_000);
  attempts.push(await raw.next());
  await clock.advance(3_600_000);
  assert.equal(new Set(attempts.map((envelope) => envelope.envelope_id)).size, 1);
  assert.deepEqual(
    envelopes(slack).map((entry) => entry.attempt),
    [0, 1, 2, 3],
  );
  const [first, second] = attempts as unknown as { retry_attempt: number; retry_reason: string }[];
  assert.deepEqual(
    [first?.retry_attempt, first?.retry_reason, second?.retry_attempt, second?.retry_reason],
    [0, "", 1, "timeout"],
  );
});

test("an event that comes again is acked once and not sent a third time", async (t) => {
  const { slack, clock } = await stillWorkspaceFor(t);
  const { received } = await socketClient(t, slack, (event) => (event.retry_num === 1 ? event.ack() : undefined));
  const typed = slack.as("ana").says("@gantry status");
  await clock.advance(3_000);
  await typed;
  await slack.until(() => slack.log.at(-1)?.kind === "ack");
  await clock.advance(3_600_000);
  assert.deepEqual(
    received.map((event) => [event.retry_num, event.retry_reason]),
    [
      [0, ""],
      [1, "timeout"],
    ],
  );
});

test("refused connections: apps.connections.open answers 503, open ones stay", async (t) => {
  const slack = await workspaceFor(t);
  await socketClient(t, slack);
  slack.faults.refuseConnections(true);
  await assert.rejects(webClient(slack, slack.appToken).apps.connections.open({}), /503/);
  await slack.as("ana").says("/deploy api prod abc");
  assert.deepEqual(slack.as("ana").sees(), []);
  slack.faults.refuseConnections(false);
  assert.equal((await webClient(slack, slack.appToken).apps.connections.open({})).ok, true);
});

test("a black hole takes everything and answers nothing, until it ends", async (t) => {
  const { slack, clock } = await stillWorkspaceFor(t);
  const { received } = await socketClient(t, slack);
  slack.faults.blackhole(true);
  const typed = slack.as("ana").says("/deploy api prod abc");
  const call = webClient(slack).auth.test();
  const failed = assert.rejects(call);
  await clock.advance(3_000);
  await typed;
  assert.match(slack.as("ana").sees()[0]?.text ?? "", /operation_timeout/);
  assert.equal(received.length, 0);
  await slack.until(() => slack.log.some((entry) => entry.kind === "api" && entry.status === "unanswered"));
  slack.faults.blackhole(false);
  await failed;
  assert.equal((await webClient(slack).auth.test()).ok, true);
});
