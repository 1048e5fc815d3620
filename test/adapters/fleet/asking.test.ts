// Questions over the agents' connections: in both directions, in pieces, bounded, and never to a peer that does not know them.
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { afterEach, beforeEach, describe, it } from "node:test";
import { WebSocket } from "ws";
import { systemClock } from "../../../src/app/clock.ts";
import { agentCan } from "../../../src/core/abilities.ts";
import { type Answerer, type Ask, AskError, type Question } from "../../../src/core/ask.ts";
import { type AgentLink, createAgentLink, type LinkOptions } from "../../../src/fleet/link.ts";
import { signClaim } from "../../../src/fleet/proof.ts";
import { silent, startTestServer, type TestServer } from "../../host/kit/real-host.ts";
import { eventually } from "../../kit/eventually.ts";
import { picture } from "./picture.ts";

const { publicKey, privateKey } = generateKeyPairSync("ed25519");
const keys = {
  publicKey: publicKey.export({ type: "spki", format: "der" }).toString("base64"),
  privateKey: privateKey.export({ type: "pkcs8", format: "der" }).toString("base64"),
};

describe("questions over an agent's connection", () => {
  let server: TestServer;
  let link: AgentLink | null;
  const logged: string[] = [];
  beforeEach(async () => {
    link = null;
    logged.length = 0;
    const answerers = {
      whoami: async (host: string, { tell }: Question) => await tell({ host }),
    };
    server = await startTestServer("127.0.0.1", { answerers });
    server.desk.identities.set("web-1", { name: "web-1", publicKey: keys.publicKey, labels: {} });
  });
  afterEach(async () => {
    link?.stop();
    await server.stop();
  });

  async function agent(answerers: Readonly<Record<string, Answerer>>, more: Partial<LinkOptions> = {}): Promise<AgentLink> {
    const made = createAgentLink({
      url: server.url,
      name: "web-1",
      labels: {},
      agentVersion: "0.1.0",
      instance: String(Math.random()),
      identity: { publicKey: () => keys.publicKey, privateKey: () => keys.privateKey, token: () => null, serverId: () => null },
      clock: systemClock,
      log: { ...silent, error: (facts, message) => void logged.push(`${message} ${JSON.stringify(facts)}`) },
      random: Math.random,
      known: () => ({ epoch: 1 }),
      onServer: () => undefined,
      observed: () => picture,
      onDesired: () => undefined,
      onWelcome: () => undefined,
      onRefused: () => undefined,
      backoff: { firstMs: 10, capMs: 20 },
      can: agentCan,
      answerers,
      ...more,
    });
    link = made;
    await eventually(() => assert.ok(made.isConnected()));
    return made;
  }

  /** Asks web-1, and remembers what came. */
  function asks(what: string, more: Partial<Ask> = {}) {
    const pieces: unknown[] = [];
    const done = server.hub.ask("web-1", {
      what,
      body: { of: "api" },
      onPiece: (piece) => pieces.push(piece),
      signal: new AbortController().signal,
      deadlineMs: 5_000,
      ...more,
    });
    done.catch(() => undefined);
    return { pieces, done };
  }

  const refusedWith = (reason: string, text: RegExp) => (error: unknown) => {
    assert.ok(error instanceof AskError, String(error));
    assert.equal(error.reason, reason);
    assert.match(error.message, text);
    return true;
  };

  it("the agent says what it can, and answers in pieces", async () => {
    await agent({
      async count({ body, tell }) {
        for (let n = 1; n <= 3; n += 1) await tell({ n, body });
      },
    });
    assert.deepEqual(server.hub.can("web-1"), [...agentCan, "count"]);
    const { pieces, done } = asks("count");
    await done;
    assert.deepEqual(
      pieces,
      [1, 2, 3].map((n) => ({ n, body: { of: "api" } })),
    );
  });

  it("the agent asks the server, which knows who asks", async () => {
    const asker = await agent({});
    const pieces: unknown[] = [];
    const order = {
      body: {},
      onPiece: (p: unknown) => void pieces.push(p),
      signal: AbortSignal.timeout(5_000),
      deadlineMs: 5_000,
    };
    await asker.ask({ what: "whoami", ...order });
    assert.deepEqual(pieces, [{ host: "web-1" }]);
    await assert.rejects(asker.ask({ what: "secrets", ...order }), refusedWith("incompatible_agent", /cannot answer "secrets"/));
  });

  it("a host that is away, and an agent that is too old, are named as such; the old one is told nothing", async () => {
    await assert.rejects(asks("count").done, refusedWith("host_lost", /not connected/));
    const heard: string[] = [];
    const socket = await oldAgent(heard);
    assert.deepEqual(server.hub.can("web-1"), []);
    await assert.rejects(asks("count").done, refusedWith("incompatible_agent", /too old for count: upgrade it/));
    socket.close();
    await eventually(() => assert.equal(server.hub.isConnected("web-1"), false));
    assert.deepEqual(heard, ["challenge", "welcome", "desired"]);
  });

  it("the agent's refusal comes as it is, and a fault of its own does not tell what it is", async () => {
    await agent({
      refuse: async () => {
        throw new AskError("no_container", "there is none");
      },
      fault: async () => {
        throw new Error("db-password");
      },
    });
    await assert.rejects(asks("refuse").done, refusedWith("no_container", /^there is none$/));
    await assert.rejects(asks("fault").done, refusedWith("internal", /^a fault; its log says more$/));
    assert.match(logged.join(), /could not be answered .*"what":"fault"/);
  });

  it("ends at the agent when the asker goes, when nothing comes in time, and when the connection ends", async () => {
    const ends: string[] = [];
    const forEver: Answerer = async ({ signal, tell, body }) => {
      await tell({ begun: true });
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
      ends.push((body as { who: string }).who);
    };
    const made = await agent({ forEver });
    const gone = new AbortController();
    const first = asks("forEver", { body: { who: "left" }, signal: gone.signal, deadlineMs: null });
    await eventually(() => assert.equal(first.pieces.length, 1));
    gone.abort();
    await first.done;
    await eventually(() => assert.deepEqual(ends, ["left"]));
    const second = asks("forEver", { body: { who: "late" }, deadlineMs: 50 });
    await assert.rejects(second.done, refusedWith("host_lost", /no answer within/));
    await eventually(() => assert.deepEqual(ends, ["left", "late"]));
    const third = asks("forEver", { body: { who: "cut" }, deadlineMs: null });
    await eventually(() => assert.equal(third.pieces.length, 1));
    made.stop();
    await assert.rejects(third.done, refusedWith("host_lost", /connection ended/));
    await eventually(() => assert.deepEqual(ends, ["left", "late", "cut"]));
  });

  it("answers 32 at once and refuses the next; reports go on beside them", async () => {
    const wait: Answerer = ({ signal }) => new Promise((resolve) => signal.addEventListener("abort", () => resolve()));
    await agent({ wait });
    const gone = new AbortController();
    const all = Array.from({ length: 32 }, () => asks("wait", { signal: gone.signal, deadlineMs: null }));
    await assert.rejects(asks("wait").done, refusedWith("overloaded", /32 questions/));
    const before = server.desk.pictureOf("web-1");
    server.hub.nudge("web-1");
    await eventually(() => assert.notEqual(server.desk.pictureOf("web-1"), before));
    gone.abort();
    await Promise.all(all.map(({ done }) => done));
  });

  it("refuses a piece that is larger than a message may be, and keeps the connection", async () => {
    await agent({ big: async ({ tell }) => await tell({ text: "x".repeat(200_000) }) });
    await assert.rejects(asks("big").done, refusedWith("overloaded", /128 KiB/));
    assert.ok(server.hub.isConnected("web-1"));
  });

  it("an asker that cannot read a piece ends the question", async () => {
    let ended = false;
    await agent({
      async odd({ tell, signal }) {
        signal.addEventListener("abort", () => {
          ended = true;
        });
        await tell({ odd: 1 });
        await new Promise((resolve) => signal.addEventListener("abort", resolve));
      },
    });
    const onPiece = () => {
      throw new AskError("internal", "not understood");
    };
    await assert.rejects(asks("odd", { onPiece }).done, refusedWith("internal", /not understood/));
    await eventually(() => assert.ok(ended));
  });

  /** As the first agents introduced themselves. */
  async function oldAgent(heard: string[]): Promise<WebSocket> {
    const socket = new WebSocket(`${server.url.replace("http", "ws")}/agent`);
    socket.on("message", (data) => {
      const message = JSON.parse(String(data));
      heard.push(message.type);
      if (message.type !== "challenge") return;
      const { nonce, serverId } = message;
      const signature = signClaim({ purpose: "prove", nonce, serverId, name: "web-1" }, keys.privateKey);
      const says = { type: "prove", protocol: 1, name: "web-1", labels: {}, agentVersion: "0.0.1", instance: "i", signature };
      socket.send(JSON.stringify(says));
    });
    await eventually(() => assert.ok(heard.includes("desired")));
    return socket;
  }
});
