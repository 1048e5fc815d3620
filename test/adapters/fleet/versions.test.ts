// Server and agent of different age: what is optional is left out, what is not known is passed over, and another protocol is named on both sides.
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, it } from "node:test";
import { WebSocket, WebSocketServer } from "ws";
import { systemClock } from "../../../src/app/clock.ts";
import type { DesiredPicture, Head } from "../../../src/core/slot.ts";
import { type AgentLink, createAgentLink, type LinkOptions } from "../../../src/fleet/link.ts";
import { signClaim } from "../../../src/fleet/proof.ts";
import { order } from "../../host/kit/orders.ts";
import { silent, startTestServer, type TestServer } from "../../host/kit/real-host.ts";
import { eventually } from "../../kit/eventually.ts";
import { picture } from "./picture.ts";

const head: Head = { seq: 7, hash: "a".repeat(64) };
const digest = `sha256:${"d".repeat(64)}`;
const keys = newKeys();

function newKeys() {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  return {
    publicKey: publicKey.export({ type: "spki", format: "der" }).toString("base64"),
    privateKey: privateKey.export({ type: "pkcs8", format: "der" }).toString("base64"),
  };
}

type Message = Readonly<Record<string, unknown>>;

describe("a server of today", () => {
  let server: TestServer;
  let logged: string[];
  beforeEach(async () => {
    logged = [];
    const note = (facts: object, message: string) => void logged.push(`${message} ${JSON.stringify(facts)}`);
    server = await startTestServer("127.0.0.1", { log: { ...silent, warn: note, error: note } });
    server.desk.identities.set("web-1", { name: "web-1", publicKey: keys.publicKey, labels: {} });
    server.desk.desire("web-1", order({ generation: 1, digest }));
    server.desk.serverIdentity = { ...server.desk.serverIdentity, head };
  });
  afterEach(() => server.stop());

  /** An agent that says what it is told to, word by word. */
  async function speaks(more: Message) {
    const socket = new WebSocket(`${server.url.replace("http", "ws")}/agent`);
    const heard: Message[] = [];
    socket.on("message", (data) => heard.push(JSON.parse(String(data))));
    await eventually(() => assert.ok(heard.length > 0));
    const { nonce, serverId } = heard[0] as { nonce: string; serverId: string };
    const signature = signClaim({ purpose: "prove", nonce, serverId, name: "web-1" }, keys.privateKey);
    const prove = { type: "prove", protocol: 1, name: "web-1", labels: {}, agentVersion: "0.0.9", instance: "i", signature };
    socket.send(JSON.stringify({ ...prove, ...more }));
    return { socket, heard };
  }

  it("AG24: serves an agent that has never heard of heads", async () => {
    const { socket, heard } = await speaks({});
    await eventually(() =>
      assert.deepEqual(
        heard.slice(1).map((m) => m["type"]),
        ["welcome", "desired"],
      ),
    );
    assert.deepEqual(Object.keys(server.desk.connections[0] ?? {}), ["host", "agentVersion", "labels"]);
    socket.send(JSON.stringify({ type: "observed", picture }));
    await eventually(() => assert.deepEqual(server.desk.pictureOf("web-1"), picture));
    socket.close();
  });

  it("hears how much an agent knows, and passes over what it does not understand itself", async () => {
    const { socket } = await speaks({ head, epoch: 3, mood: "cheerful" });
    await eventually(() =>
      assert.deepEqual(server.desk.connections[0], { host: "web-1", agentVersion: "0.0.9", labels: {}, head, epoch: 3 }),
    );
    const orders = [order({ generation: 4, digest })];
    const place = { service: "api", environment: "prod" };
    const slots = [{ ...place, generation: 0, newest: 4, unseen: true, step: "idle", outcome: null, live: null, previous: null }];
    socket.send(
      JSON.stringify({ type: "observed", picture: { ...picture, whole: false, slots, head, orders, weather: { rain: true } } }),
    );
    await eventually(() => assert.deepEqual(server.desk.pictureOf("web-1"), { ...picture, whole: false, slots, head, orders }));
    socket.close();
  });

  for (const [what, protocol] of [
    ["a newer", 2],
    ["an older", 0],
  ] as const) {
    it(`AG24: refuses an agent of ${what} protocol, tells it why, and names it in its log`, async () => {
      const { heard, socket } = await speaks({ protocol, shape: "another" });
      const [code] = await once(socket, "close");
      assert.equal(code, 4_403);
      const text = `this server speaks protocol 1, the agent version ${protocol}`;
      assert.deepEqual(heard.at(-1), { type: "refused", reason: "incompatible_agent", text });
      assert.match(logged.join("\n"), /agent refused .*"claimed":"web-1","reason":"incompatible_agent"/);
    });
  }

  it("says nothing while it is frozen, asks what the agent was told, and goes on when it is over", async () => {
    server.desk.frozen = true;
    const { socket, heard } = await speaks({});
    await eventually(() => assert.deepEqual(heard.at(-1), { type: "welcome", orders: true }));
    server.hub.nudge("web-1");
    socket.send(JSON.stringify({ type: "observed", picture }));
    await eventually(() => assert.ok(server.desk.pictureOf("web-1") !== null));
    assert.equal(heard.length, 2, "the connection stays, and nothing is said over it");
    server.desk.frozen = false;
    server.hub.nudge("web-1");
    await eventually(() => assert.deepEqual((heard.at(-1)?.["picture"] as DesiredPicture | undefined)?.head, head));
    socket.close();
  });
});

describe("an agent of today", () => {
  let server: WebSocketServer;
  let link: AgentLink | null;
  let logged: string[];
  const said: Message[] = [];
  const told: DesiredPicture[] = [];
  const refused: string[] = [];
  const servers: object[] = [];

  beforeEach(async () => {
    link = null;
    logged = [];
    for (const list of [said, told, refused, servers]) list.length = 0;
    server = new WebSocketServer({ host: "127.0.0.1", port: 0, path: "/agent" });
    await once(server, "listening");
  });
  afterEach(async () => {
    link?.stop();
    for (const client of server.clients) client.terminate();
    await new Promise((resolve) => server.close(resolve));
  });

  /** A server that says this first, and that to whoever introduces itself. */
  function serverSays(first: Message, then: readonly Message[] = []): void {
    server.on("connection", (socket) => {
      socket.on("message", (data) => {
        const message = JSON.parse(String(data)) as Message;
        said.push(message);
        if (message["type"] === "prove") for (const answer of then) socket.send(JSON.stringify(answer));
      });
      socket.send(JSON.stringify(first));
    });
  }

  function dials(more: Partial<LinkOptions> = {}): void {
    const note = (facts: object, message: string) => void logged.push(`${message} ${JSON.stringify(facts)}`);
    link = createAgentLink({
      url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      name: "web-1",
      labels: {},
      agentVersion: "0.1.0",
      instance: "i",
      identity: {
        publicKey: () => keys.publicKey,
        privateKey: () => keys.privateKey,
        token: () => null,
        serverId: () => "server-1",
      },
      clock: systemClock,
      log: { ...silent, error: note },
      random: Math.random,
      known: () => ({ epoch: 3, head }),
      onServer: (says) => void servers.push(says),
      observed: () => picture,
      onDesired: (desired) => void told.push(desired),
      onWelcome: () => undefined,
      onRefused: (reason, text) => void refused.push(`${reason}: ${text}`),
      backoff: { firstMs: 5, capMs: 10 },
      ...more,
    });
  }

  const challenge = { type: "challenge", protocol: 1, nonce: "n", serverId: "server-1", epoch: 3 };
  const desired = { epoch: 3, serverId: "server-1", slots: [order({ generation: 1, digest })], prepare: [] };

  it("AG24: obeys a server that has never heard of heads", async () => {
    serverSays(challenge, [{ type: "welcome" }, { type: "desired", picture: desired }]);
    dials();
    await eventually(() => assert.deepEqual(told[0], desired));
    assert.deepEqual(servers, [{ epoch: 3, orders: false }]);
    assert.deepEqual([said[0]?.["head"], said[0]?.["epoch"]], [head, 3]);
  });

  it("AG24: passes over what a newer server of the same protocol adds", async () => {
    const more = { ...desired, head, colour: "blue" };
    serverSays({ ...challenge, head, moon: "full" }, [
      { type: "welcome", orders: true, tea: 1 },
      { type: "desired", picture: more },
    ]);
    dials();
    await eventually(() => assert.deepEqual(told[0], { ...desired, head }));
    assert.deepEqual(servers, [{ epoch: 3, head, orders: true }]);
  });

  for (const [what, protocol, next] of [
    ["a newer", 2, "upgrade this agent"],
    ["an older", 0, "upgrade the server"],
  ] as const) {
    it(`AG24: names a server of ${what} protocol, tells it so, and keeps trying`, async () => {
      serverSays({ type: "hello", protocol, of: "another shape" });
      dials();
      await eventually(() => assert.ok(said.length >= 2));
      assert.deepEqual(said[0], { type: "prove", protocol: 1, name: "web-1", agentVersion: "0.1.0" });
      const text = `the server speaks protocol ${protocol}, this agent 1: ${next}`;
      assert.equal(refused[0], `incompatible_agent: ${text}`);
      assert.match(logged[0] ?? "", new RegExp(`^${text} .*incompatible_agent`));
      assert.equal(told.length, 0);
    });
  }

  it("leaves out its orders when they would be more than a message may hold", async () => {
    const big = order({ generation: 1, digest });
    const orders = Array.from({ length: 20 }, (_, n) => ({
      ...big,
      service: `s${n}`,
      release: big.release && { ...big.release, commit: "c" },
    }));
    const long = { LONG: "x".repeat(60_000) };
    const heavy = orders.map((o) => ({
      ...o,
      release: o.release && {
        ...o.release,
        spec: { ...o.release.spec, container: { ...o.release.spec.container, environment: long } },
      },
    }));
    serverSays(challenge, [{ type: "welcome" }]);
    dials({ observed: () => ({ ...picture, orders: heavy }) });
    await eventually(() => assert.deepEqual(said[1], { type: "observed", picture, answers: 0 }));
    assert.match(logged[0] ?? "", /too long to be told on/);
  });
});
