import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { createServer, request as httpRequest } from "node:http";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import { systemClock } from "../../../src/app/clock.ts";
import { TEAM } from "../../../src/rehearsal/slack/state.ts";
import { startSlackWorkspace } from "../../../src/rehearsal/slack/workspace.ts";
import { createSlack } from "../../../src/slack/slack.ts";
import { eventually } from "../../kit/eventually.ts";
import { quick, RememberingDoor, RememberingLog, says } from "./kit.ts";

const form = "application/x-www-form-urlencoded";
const json = "application/json";

/** The adapter in HTTP mode behind a server of ours, and the workspace that delivers to it. */
async function httpRig(t: TestContext, options: { start?: boolean } = {}) {
  const workspace = await startSlackWorkspace({ rateLimits: false });
  const door = new RememberingDoor();
  const log = new RememberingLog();
  const slack = createSlack({
    botToken: workspace.botToken,
    signingSecret: workspace.signingSecret,
    apiUrl: workspace.apiUrl,
    door,
    log,
    clock: systemClock,
    timing: quick,
  });
  const server = createServer(slack.httpHandler);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/slack/events`;
  workspace.setDelivery({ http: url });
  t.after(async () => {
    await slack.stop();
    server.closeAllConnections();
    server.close();
    await workspace.stop();
  });
  if (options.start !== false) await slack.start();

  const now = () => Math.floor(Date.now() / 1_000);
  function signed(body: string, facts: { seconds?: number; secret?: string; type?: string } = {}): RequestInit {
    const seconds = facts.seconds ?? now();
    const mac = createHmac("sha256", facts.secret ?? workspace.signingSecret)
      .update(`v0:${seconds}:${body}`)
      .digest("hex");
    const headers = {
      "content-type": facts.type ?? form,
      "x-slack-request-timestamp": String(seconds),
      "x-slack-signature": `v0=${mac}`,
    };
    return { method: "POST", body: new TextEncoder().encode(body), headers };
  }
  const status = async (init: RequestInit, to = url) => (await fetch(to, init)).status;
  return { workspace, door, log, slack, url, signed, status, now };
}

const command = (text = "status") =>
  new URLSearchParams({
    command: "/gantry",
    text,
    user_id: "U0ANA",
    user_name: "ana",
    team_id: TEAM.id,
    channel_id: "C0DEPLOYS",
    trigger_id: `t-${Math.random()}`,
  }).toString();

test("the whole way in HTTP mode: a command, a mention, a press, a form", async (t) => {
  const { workspace, slack, door } = await httpRig(t);
  assert.equal(slack.chat.state().connected, true);
  await workspace.as("ana").says("/deploy api prod abc123");
  await workspace.as("ana").says("@gantry status");
  const text = { type: "plain_text" as const, text: "Approve" };
  const button = { type: "button" as const, action_id: "verb:approve", text, value: "{}" };
  await slack.chat.post({
    channel: "C0DEPLOYS",
    message: { text: "x", blocks: [{ type: "actions", elements: [button] }] },
    key: "x",
  });
  await workspace.as("bo").clicks("Approve");
  await door.delivery(3);
  assert.deepEqual(
    door.accepted.map(({ act }) => act.kind),
    ["command", "command", "press"],
  );
  assert.match(door.accepted[0]?.key ?? "", /^http:[0-9a-f]{40}$/);
  assert.equal(workspace.log.filter((entry) => entry.kind === "undelivered").length, 0);
});

test("a redelivered event is one act, though it is signed anew", async (t) => {
  const { workspace, door } = await httpRig(t);
  await workspace.as("ana").says("@gantry status");
  await eventually(() => assert.equal(door.accepted.length, 1));
  // A second later, or the signature would be the same.
  await eventually(async () => {
    await workspace.faults.redeliverLast();
    assert.equal(workspace.log.filter((entry) => entry.kind === "ack").length, 2);
  });
  assert.equal(door.accepted.length, 1);
});

test("good and nearly too old requests pass; old, future, replayed, forged and unsigned ones do not", async (t) => {
  const { door, signed, status, now, log } = await httpRig(t);
  const good = signed(command());
  assert.equal(await status(good), 200);
  assert.equal(await status(good), 401, "replayed");
  assert.equal(await status(signed(command(), { seconds: now() - 295 })), 200);
  assert.equal(await status(signed(command(), { seconds: now() - 303 })), 401, "old");
  assert.equal(await status(signed(command(), { seconds: now() + 303 })), 401, "from the future");
  assert.equal(await status(signed(command(), { secret: "another" })), 401, "another secret");
  const tampered = signed(command("status"));
  assert.equal(await status({ ...tampered, body: command("deploy api prod abc") }), 401, "another body");
  for (const header of ["x-slack-signature", "x-slack-request-timestamp"]) {
    for (const value of [undefined, "", "v0=", "v1=00", "NaN", "-1", "1e9", "9".repeat(400)]) {
      const headers = new Headers(signed(command()).headers);
      if (value === undefined) headers.delete(header);
      else headers.set(header, value);
      assert.equal(await status({ ...signed(command()), headers }), 401, `${header}: ${value}`);
    }
  }
  assert.equal(door.accepted.length, 2);
  assert.ok(!log.text.includes("v0="), "no signature is logged");
});

test("a charset that a proxy added is taken, another content type is not", async (t) => {
  const { door, signed, status } = await httpRig(t);
  assert.equal(await status(signed(command(), { type: `${form}; charset=utf-8` })), 200);
  assert.equal(await status(signed(command(), { type: `${form};charset="UTF-8"` })), 200);
  const challenge = JSON.stringify({ type: "url_verification", challenge: "c" });
  assert.equal(await status(signed(challenge, { type: `${json}; charset=utf-8` })), 200);
  assert.equal(await status(signed(command(), { type: "text/plain" })), 415);
  assert.equal(await status(signed(command(), { type: `${form}; charset=utf-16` })), 415);
  assert.equal(door.accepted.length, 2);
});

test("a certificate check is answered and carries nothing in", async (t) => {
  const { door, status, url } = await httpRig(t);
  const unsigned = (body: string) => status({ method: "POST", body, headers: { "content-type": form } }, url);
  assert.equal(await unsigned("ssl_check=1"), 200);
  assert.equal(await unsigned(`ssl_check=1&${command("deploy api prod abc")}`), 200);
  const payload = new URLSearchParams({ ssl_check: "1", payload: JSON.stringify({ type: "block_actions" }) });
  assert.equal(await unsigned(payload.toString()), 200);
  assert.equal(await unsigned(command("deploy api prod abc")), 401);
  assert.equal(await unsigned("ssl_check=0"), 401);
  assert.deepEqual(door.accepted, []);
});

test("too much is refused before it is read, told or not", async (t) => {
  const { door, signed, url, status } = await httpRig(t);
  assert.equal(await status(signed("x".repeat(1024 * 1024 + 1))), 413);
  const { headers } = signed("x");
  assert.equal(await streamed(url, headers as Record<string, string>, 2 * 1024 * 1024), 413);
  const { "x-slack-signature": _, ...unsigned } = headers as Record<string, string>;
  assert.equal(await streamed(url, unsigned, 64 * 1024), 401, "unsigned bodies are not read at all");
  assert.deepEqual(door.accepted, []);
});

test("other methods and paths are turned away; broken bodies are a 400", async (t) => {
  const { url, status, signed } = await httpRig(t);
  assert.equal(await status({}, url), 405);
  assert.equal(await status(signed(command()), `${url}/x`), 404);
  assert.equal(await status(signed("{", { type: json })), 400);
  assert.equal(await status(signed(new URLSearchParams({ payload: "{" }).toString())), 400);
});

test("before the workspace is known Slack is asked to come again", async (t) => {
  const { door, signed, status, slack } = await httpRig(t, { start: false });
  assert.equal(await status(signed(command())), 503);
  await slack.start();
  assert.equal(await status(signed(command())), 200);
  assert.equal(door.accepted.length, 1);
});

test("in Socket Mode there is no HTTP door", async (t) => {
  const workspace = await startSlackWorkspace();
  t.after(() => workspace.stop());
  const { botToken, appToken, signingSecret, apiUrl } = workspace;
  const parts = { door: new RememberingDoor(), log: new RememberingLog(), clock: systemClock };
  const server = createServer(createSlack({ botToken, appToken, signingSecret, apiUrl, ...parts }).httpHandler);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  const response = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/slack/events`, { method: "POST" });
  assert.equal(response.status, 404);
});

test("a private answer in HTTP mode reaches the person", async (t) => {
  const { workspace, door } = await httpRig(t);
  door.serving = async (_, answers) => answers.privately(says("All quiet."));
  await workspace.as("ana").says("/gantry status");
  await eventually(() => assert.equal(workspace.as("ana").sees().at(-1)?.text, "All quiet."));
});

/** Sends a body of unknown length; resolves with the status, whether or not all of it was taken. */
function streamed(url: string, headers: Record<string, string>, bytes: number): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(url, { method: "POST", headers: { ...headers, "transfer-encoding": "chunked" } }, (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    request.on("error", reject);
    for (let sent = 0; sent < bytes; sent += 16 * 1024) request.write("x".repeat(16 * 1024));
    request.end();
  });
}
