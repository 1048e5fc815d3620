import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import net from "node:net";
import { afterEach, beforeEach, describe, it } from "node:test";
import { WebSocket } from "ws";
import type { DesiredPicture } from "../../../src/core/slot.ts";
import { type AgentLink, createAgentLink, type LinkOptions } from "../../../src/fleet/link.ts";
import { signClaim } from "../../../src/fleet/proof.ts";
import { type JumpyClock, jumpyClock } from "../../host/kit/jumpy-clock.ts";
import { order } from "../../host/kit/orders.ts";
import { silent, startTestServer, type TestServer } from "../../host/kit/real-host.ts";
import { eventually } from "../../kit/eventually.ts";
import { picture } from "./picture.ts";

/** A host's end of the line, with what it was told. */
type End = { readonly link: AgentLink; readonly told: DesiredPicture[]; readonly refused: string[]; readonly keys: Keys };
type Keys = { readonly publicKey: string; readonly privateKey: string };

function newKeys(): Keys {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  return {
    publicKey: publicKey.export({ type: "spki", format: "der" }).toString("base64"),
    privateKey: privateKey.export({ type: "pkcs8", format: "der" }).toString("base64"),
  };
}

describe("the line between server and agents", () => {
  let server: TestServer;
  let links: AgentLink[] = [];
  let clock: JumpyClock;
  let logged: string[];
  beforeEach(async () => {
    clock = jumpyClock();
    logged = [];
    const note = (facts: object, message: string) => void logged.push(`${message} ${JSON.stringify(facts)}`);
    const log = { ...silent, warn: note, error: note };
    server = await startTestServer("127.0.0.1", { heartbeatMs: 50, deadMs: 250, clock, log });
  });
  afterEach(async () => {
    for (const link of links) link.stop();
    links = [];
    await server.stop();
  });

  function dial(
    facts: { name?: string; token?: string; keys?: Keys; serverId?: string; instance?: string } & Partial<LinkOptions> = {},
  ): End {
    const { name = "web-1", token = null, keys = newKeys(), serverId = null, instance = String(Math.random()), ...more } = facts;
    const told: DesiredPicture[] = [];
    const refused: string[] = [];
    let left = token;
    let known = serverId;
    const link = createAgentLink({
      url: server.url,
      name,
      labels: { env: "prod" },
      agentVersion: "0.1.0",
      instance,
      identity: { publicKey: () => keys.publicKey, privateKey: () => keys.privateKey, token: () => left, serverId: () => known },
      clock,
      log: silent,
      random: Math.random,
      known: () => ({ epoch: picture.epoch }),
      onServer: () => undefined,
      observed: () => picture,
      onDesired: (desired) => told.push(desired),
      onWelcome(id) {
        left = null;
        known = id;
      },
      onRefused: (reason) => refused.push(reason),
      backoff: { firstMs: 10, capMs: 40 },
      heartbeatMs: 50,
      deadMs: 250,
      ...more,
    });
    links.push(link);
    return { link, told, refused, keys };
  }

  async function enrolled(name = "web-1"): Promise<End> {
    server.desk.tokens.set(`token-${name}`, { name });
    const end = dial({ name, token: `token-${name}` });
    await eventually(() => assert.ok(server.hub.isConnected(name) && end.link.isConnected()));
    return end;
  }

  it("enrols once with a token, and proves its key from then on", async () => {
    const first = await enrolled();
    assert.deepEqual(server.desk.connections[0], {
      host: "web-1",
      agentVersion: "0.1.0",
      labels: { env: "prod" },
      epoch: 0,
    });
    first.link.stop();
    await eventually(() => assert.deepEqual(server.desk.disconnections, ["web-1"]));
    const again = dial({ keys: first.keys });
    await eventually(() => assert.ok(again.link.isConnected()));
    const thief = dial({ name: "web-2", token: "token-web-1" });
    await eventually(() => assert.deepEqual(thief.refused[0], "bad_token"));
  });

  it("reports in short what an engine said at length, rather than have the report refused", async () => {
    server.desk.tokens.set("token-web-1", { name: "web-1" });
    const engine = { ...picture.engine, ok: false, reason: "engine_error", detail: "no. ".repeat(2_000) };
    dial({ token: "token-web-1", observed: () => ({ ...picture, engine }) });
    await eventually(() => assert.match(server.desk.pictureOf("web-1")?.engine.detail ?? "", /^no\. .*…$/));
  });

  it("exchanges whole pictures at once, and again on every nudge", async () => {
    server.desk.desire("web-1", order({ generation: 1, digest: `sha256:${"a".repeat(64)}` }));
    const end = await enrolled();
    await eventually(() => assert.equal(end.told[0]?.slots[0]?.generation, 1));
    await eventually(() => assert.deepEqual(server.desk.pictureOf("web-1"), picture));
    server.desk.desire("web-1", order({ generation: 2, digest: `sha256:${"b".repeat(64)}` }));
    for (let i = 0; i < 5; i += 1) server.hub.nudge("web-1");
    await eventually(() => assert.equal(end.told.at(-1)?.slots[0]?.generation, 2));
    assert.equal(end.told.length, 2, "nudges of one moment are one picture");
    server.hub.nudge("nobody");
  });

  it("refuses a wrong key, an unknown host and a revoked one", async () => {
    const end = await enrolled();
    end.link.stop();
    const impostor = dial();
    await eventually(() => assert.equal(impostor.refused[0], "bad_proof"));
    const stranger = dial({ name: "web-9" });
    await eventually(() => assert.equal(stranger.refused[0], "unknown_host"));
    server.desk.revoked.add("web-1");
    const revoked = dial({ keys: end.keys });
    await eventually(() => assert.equal(revoked.refused[0], "host_revoked"));
    assert.equal(server.hub.isConnected("web-1"), false);
  });

  it("refuses a second agent while the first is alive, and lets it in when the first is gone", async () => {
    const first = await enrolled();
    const second = dial({ keys: first.keys });
    await eventually(() => assert.equal(second.refused[0], "duplicate_agent"));
    assert.ok(first.link.isConnected());
    first.link.stop();
    await eventually(() => assert.ok(second.link.isConnected()));
  });

  it("lets the same agent replace its own lost connection at once", async () => {
    const first = await enrolled();
    const keys = first.keys;
    const one = dial({ name: "web-1", keys, instance: "same" });
    first.link.stop();
    await eventually(() => assert.ok(one.link.isConnected()));
    const two = dial({ name: "web-1", keys, instance: "same" });
    await eventually(() => assert.ok(two.link.isConnected()));
    assert.deepEqual(two.refused, []);
  });

  it("ends the connection under the old key when the host enrols again", async () => {
    const stolen = await enrolled();
    server.desk.tokens.set("token-2", { name: "web-1" });
    const renewed = dial({ token: "token-2" });
    await eventually(() => assert.ok(renewed.link.isConnected()));
    await eventually(() => assert.equal(stolen.refused[0], "bad_proof"));
    assert.equal(stolen.link.isConnected(), false);
    assert.deepEqual(renewed.refused, []);
    assert.deepEqual(server.desk.disconnections, ["web-1"]);
  });

  it("leaves the connection alone when an enrolment is refused", async () => {
    const first = await enrolled();
    const thief = dial({ token: "made up" });
    await eventually(() => assert.equal(thief.refused[0], "bad_token"));
    assert.ok(first.link.isConnected());
  });

  for (const byMs of [3_600_000, -3_600_000]) {
    it(`AG31: takes nobody for dead when the time of day is set ${byMs > 0 ? "on" : "back"}, and those who are still so`, async () => {
      const end = await enrolled();
      clock.setTimeOfDay(byMs);
      const before = clock.wakes();
      await eventually(() => assert.ok(clock.wakes() > before + 8, "both ends have looked several times"));
      assert.deepEqual(server.desk.disconnections, []);
      // A heartbeat may come in between the hour and the next look, and then the other was heard of: so hours pass until one does not.
      await eventually(() => {
        clock.pass(3_600_000);
        assert.deepEqual([...new Set(server.desk.disconnections)], ["web-1"]);
      });
      await eventually(() => assert.ok(end.link.isConnected()));
    });
  }

  it("goes on when the desk cannot note that a host left", async () => {
    const end = await enrolled();
    server.desk.disconnected = () => {
      throw new Error("the disk is full");
    };
    end.link.stop();
    await eventually(() => assert.match(logged.join(), /a host's absence could not be noted.*the disk is full/));
    assert.equal(server.hub.isConnected("web-1"), false);
    const again = dial({ keys: end.keys });
    await eventually(() => assert.ok(again.link.isConnected()));
  });

  it("waits longer and longer for a server that lets it in and closes, until a connection has held", async () => {
    const welcomes: number[] = [];
    const onWelcome = () => {
      welcomes.push(performance.now());
      if (welcomes.length < 8) setImmediate(() => server.hub.drop("web-1"));
    };
    const keys = newKeys();
    server.desk.identities.set("web-1", { name: "web-1", publicKey: keys.publicKey, labels: {} });
    const backoff = { firstMs: 10, capMs: 60_000 };
    const end = dial({ keys, onWelcome, random: () => 0.99, backoff });
    await eventually(() => assert.equal(welcomes.length, 8));
    const [seventh = 0, eighth = 0] = welcomes.slice(-2);
    assert.ok(eighth - seventh >= 600, `it waited ${eighth - seventh} ms`);
    clock.pass(10_000);
    server.hub.drop("web-1");
    await eventually(() => assert.equal(welcomes.length, 9), 500);
    assert.ok(end.link.isConnected());
  });

  it("takes a peer for dead that says nothing, on both ends", async () => {
    const relay = await startRelay(new URL(server.url).port);
    server.desk.tokens.set("token-web-1", { name: "web-1" });
    const end = dial({ token: "token-web-1", url: `ws://127.0.0.1:${relay.port}` });
    await eventually(() => assert.ok(end.link.isConnected()));
    relay.freeze();
    await eventually(() => assert.equal(server.hub.isConnected("web-1"), false), 2_000);
    await eventually(() => assert.equal(end.link.isConnected(), false), 2_000);
    relay.thaw();
    await eventually(() => assert.ok(end.link.isConnected()));
    await relay.stop();
  });

  it("comes back by itself when the server was away, and sends its picture again", async () => {
    const end = await enrolled();
    const { url, desk } = server;
    await server.stop();
    await eventually(() => assert.equal(end.link.isConnected(), false));
    const again = await startTestServer("127.0.0.1", { port: Number(new URL(url).port) });
    again.desk.identities.set("web-1", desk.identities.get("web-1") as NonNullable<ReturnType<typeof desk.identities.get>>);
    await eventually(() => assert.deepEqual(again.desk.pictureOf("web-1"), picture));
    server = again;
  });

  it("does not answer a server that is not its own", async () => {
    const end = await enrolled();
    end.link.stop();
    const connections = server.desk.connections.length;
    const logged: string[] = [];
    const log = { ...silent, error: (facts: object) => void logged.push(JSON.stringify(facts)) };
    dial({ keys: end.keys, serverId: "server-0", log });
    await eventually(() => assert.match(logged.join(), /foreign_server/));
    assert.equal(server.desk.connections.length, connections);
  });

  it("survives a fault of the desk: the agent comes back", async () => {
    const end = await enrolled();
    const { desired } = server.desk;
    let faults = 1;
    server.desk.desired = (host) => {
      if (faults-- > 0) throw new Error("the store is full");
      return desired(host);
    };
    const before = end.told.length;
    server.hub.nudge("web-1");
    await eventually(() => assert.ok(end.told.length > before));
  });

  describe("what is not understood", () => {
    async function raw(): Promise<{
      socket: WebSocket;
      challenge: { nonce: string; serverId: string };
      closed: Promise<unknown[]>;
    }> {
      const socket = new WebSocket(`${server.url.replace("http", "ws")}/agent`);
      const closed = once(socket, "close");
      const [data] = await once(socket, "message");
      return { socket, challenge: JSON.parse(String(data)), closed };
    }

    function proof(challenge: { nonce: string; serverId: string }, keys: Keys) {
      const signature = signClaim({ purpose: "prove", ...challenge, name: "web-1" }, keys.privateKey);
      return { type: "prove", protocol: 1, name: "web-1", labels: {}, agentVersion: "x", instance: "i", signature };
    }

    it("an agent of another protocol is told so and let go", async () => {
      const { socket, challenge, closed } = await raw();
      socket.send(JSON.stringify({ ...proof(challenge, newKeys()), protocol: 2, something: "new" }));
      const [data] = await once(socket, "message");
      const text = "this server speaks protocol 1, the agent version 2";
      assert.deepEqual(JSON.parse(String(data)), { type: "refused", reason: "incompatible_agent", text });
      await closed;
    });

    it("a proof over another nonce is worth nothing", async () => {
      const end = await enrolled();
      end.link.stop();
      const { socket, challenge } = await raw();
      socket.send(JSON.stringify(proof({ ...challenge, nonce: "yesterday's" }, end.keys)));
      const [data] = await once(socket, "message");
      assert.equal(JSON.parse(String(data)).reason, "bad_proof");
    });

    for (const [what, text] of [
      ["no JSON", "hello"],
      ["deep nesting", `${"[".repeat(100_000)}${"]".repeat(100_000)}`],
      ["a picture with a hole", JSON.stringify({ type: "observed", picture: { ...picture, engine: null } })],
      ["more than a mebibyte", JSON.stringify({ type: "observed", picture, more: "x".repeat(1024 * 1024) })],
    ] as const) {
      it(`${what}: the connection is closed, the hub goes on`, async () => {
        const end = await enrolled();
        end.link.stop();
        const { socket, challenge, closed } = await raw();
        socket.send(JSON.stringify(proof(challenge, end.keys)));
        await eventually(() => assert.ok(server.hub.isConnected("web-1")));
        socket.send(text);
        await closed;
        assert.equal(server.desk.pictureOf("web-1")?.bootId, "boot-1");
        const again = dial({ keys: end.keys });
        await eventually(() => assert.ok(again.link.isConnected()));
      });
    }

    it("one who says nothing is not waited for", async () => {
      const { closed } = await raw();
      await closed;
    });
  });
});

/** Passes bytes on, until it is frozen: as a network that swallows packets. */
async function startRelay(toPort: string): Promise<{ port: number; freeze(): void; thaw(): void; stop(): Promise<void> }> {
  let frozen = false;
  const sockets = new Set<net.Socket>();
  const relay = net.createServer((from) => {
    const to = net.connect(Number(toPort), "127.0.0.1");
    for (const [a, b] of [
      [from, to],
      [to, from],
    ] as const) {
      sockets.add(a);
      a.on("error", () => b.destroy());
      a.on("data", (data) => {
        if (!frozen) b.write(data);
      });
      a.on("close", () => {
        sockets.delete(a);
        if (!frozen) b.destroy();
      });
    }
  });
  relay.listen(0, "127.0.0.1");
  await once(relay, "listening");
  return {
    port: (relay.address() as net.AddressInfo).port,
    freeze() {
      frozen = true;
    },
    thaw() {
      frozen = false;
      for (const socket of sockets) socket.destroy();
    },
    async stop() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => relay.close(resolve));
    },
  };
}
