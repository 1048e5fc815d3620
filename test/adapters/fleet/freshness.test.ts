/** How old a report is: it may have waited in a buffer while the server stood still, or on the way. */
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { afterEach, beforeEach, test } from "node:test";
import { toldAt } from "../../../src/fleet/freshness.ts";
import { type AgentLink, createAgentLink } from "../../../src/fleet/link.ts";
import { type JumpyClock, jumpyClock } from "../../host/kit/jumpy-clock.ts";
import { silent, startTestServer, type TestServer } from "../../host/kit/real-host.ts";
import { eventually } from "../../kit/eventually.ts";
import { picture } from "./picture.ts";

let server: TestServer;
let clock: JumpyClock;
let link: AgentLink;
let logged: string[];
/** How many reports the desk was told. */
let heard: number;

beforeEach(async () => {
  clock = jumpyClock();
  logged = [];
  heard = 0;
  const log = { ...silent, warn: (_facts: object, message: string) => void logged.push(message) };
  server = await startTestServer("127.0.0.1", { heartbeatMs: 50, deadMs: 250, clock, log });
  const { observed } = server.desk;
  server.desk.observed = (host, said) => {
    heard += 1;
    observed(host, said);
  };
  link = anAgent();
  await eventually(() => assert.ok(server.hub.answeredSince("web-1", clock.now() - 60_000)));
});
afterEach(async () => {
  link.stop();
  await server.stop();
});

function anAgent(): AgentLink {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const keys = {
    publicKey: publicKey.export({ type: "spki", format: "der" }).toString("base64"),
    privateKey: privateKey.export({ type: "pkcs8", format: "der" }).toString("base64"),
  };
  server.desk.identities.set("web-1", { name: "web-1", publicKey: keys.publicKey, labels: {} });
  return createAgentLink({
    ...{ url: server.url, name: "web-1", labels: {}, agentVersion: "0.1.0", instance: "one", clock, log: silent },
    identity: { publicKey: () => keys.publicKey, privateKey: () => keys.privateKey, token: () => null, serverId: () => null },
    random: Math.random,
    known: () => ({ epoch: 0 }),
    onServer() {},
    observed: () => picture,
    onDesired() {},
    onWelcome() {},
    onRefused() {},
    backoff: { firstMs: 10, capMs: 40 },
    heartbeatMs: 50,
    deadMs: 250,
  });
}

test("a report counts as of when its agent was asked last, however late it is heard", async () => {
  const soakEndsAt = clock.now() + 1;
  await eventually(() => assert.ok(clock.now() > soakEndsAt));
  const before = heard;
  link.changed();
  await eventually(() => assert.ok(heard > before));
  assert.equal(server.hub.answeredSince("web-1", soakEndsAt), false, "it spoke, and had not been asked since");
  server.hub.nudge("web-1");
  await eventually(() => assert.ok(server.hub.answeredSince("web-1", soakEndsAt)));
  assert.equal(server.hub.answeredSince("nobody", 0), false);
});

test("an agent that does not say what it answers is taken at its word, one that does by what it was asked", () => {
  assert.equal(toldAt({ answers: undefined, askedAt: 5, now: 9 }), 9);
  assert.equal(toldAt({ answers: 3, askedAt: 5, now: 9 }), 3);
  assert.equal(toldAt({ answers: 8, askedAt: 5, now: 9 }), 5, "more than it was asked");
  assert.equal(toldAt({ answers: 0, askedAt: 0, now: 9 }), 0, "not asked yet");
});

test("a server that stood still hears nothing that was said before, and lets everybody in anew", async () => {
  const ends: number[] = [];
  const before = heard;
  const { disconnected } = server.desk;
  server.desk.disconnected = (host) => {
    ends.push(heard - before);
    disconnected(host);
  };
  link.changed();
  clock.pass(3_600_000);
  await eventually(() => assert.equal(ends[0], 0));
  assert.match(logged.join(), /this server stood still/);
  await eventually(() => assert.ok(link.isConnected() && server.hub.isConnected("web-1")));
});
