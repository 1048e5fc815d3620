/** A server comes back to thousands of agents that have tried in vain: they come spread over their waits, and none is lost. */
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { after, before, describe, it } from "node:test";
import { systemClock } from "../../src/app/clock.ts";
import type { Log } from "../../src/app/ports.ts";
import { type AgentLink, createAgentLink } from "../../src/fleet/link.ts";
import { picture } from "../adapters/fleet/picture.ts";
import { silent, startTestServer, type TestServer } from "../host/kit/real-host.ts";
import { eventually } from "../kit/eventually.ts";

const agents = 5_000;
const { publicKey, privateKey } = generateKeyPairSync("ed25519");
const keys = {
  publicKey: publicKey.export({ type: "spki", format: "der" }).toString("base64"),
  privateKey: privateKey.export({ type: "pkcs8", format: "der" }).toString("base64"),
};

describe(`${agents} agents`, () => {
  let server: TestServer;
  const links = new Map<string, AgentLink>();
  /** A machine busy with other tests must not have them take one another for dead. */
  const timing = { heartbeatMs: 20_000, deadMs: 60_000, handshakeMs: 30_000 };

  /** Tries of agents that found nobody. */
  let vain = 0;
  const log: Log = {
    ...silent,
    warn() {
      vain += 1;
    },
  };

  before(async () => {
    server = await startTestServer("127.0.0.1", timing);
    await server.stop();
    for (let number = 1; number <= agents; number += 1) links.set(`host-${number}`, dial(`host-${number}`, server.url));
    await eventually(() => assert.ok(vain >= agents, `${vain} have tried`), 60_000);
  });
  after(async () => {
    for (const link of links.values()) link.stop();
    await server.stop();
  });

  function knowAll(): void {
    for (let number = 1; number <= agents; number += 1) {
      const name = `host-${number}`;
      server.desk.identities.set(name, { name, publicKey: keys.publicKey, labels: {} });
    }
  }

  function dial(name: string, url: string): AgentLink {
    return createAgentLink({
      url,
      name,
      labels: {},
      agentVersion: "0.1.0",
      instance: name,
      identity: { publicKey: () => keys.publicKey, privateKey: () => keys.privateKey, token: () => null, serverId: () => null },
      clock: systemClock,
      log,
      random: Math.random,
      known: () => ({ epoch: 1 }),
      onServer: () => undefined,
      observed: () => picture,
      onDesired: () => undefined,
      onWelcome: () => undefined,
      onRefused: (reason) => assert.fail(`${name} was refused: ${reason}`),
      ...timing,
    });
  }

  function allIn(deadlineMs: number): Promise<void> {
    return eventually(() => {
      const missing = [...links].filter(([name, link]) => !(link.isConnected() && server.hub.isConnected(name)));
      assert.equal(missing.length, 0, `${missing.length} are not in`);
      const unheard = [...links.keys()].filter((name) => server.desk.pictureOf(name) === null);
      assert.equal(unheard.length, 0, `${unheard.length} were not heard`);
    }, deadlineMs);
  }

  it("AG36: they all come in, each once and with its whole picture", async () => {
    server = await startTestServer("127.0.0.1", { ...timing, port: Number(new URL(server.url).port) });
    knowAll();
    await allIn(180_000);
    const names = server.desk.connections.map(({ host }) => host);
    assert.equal(new Set(names).size, agents);
    assert.ok(names.length <= agents * 1.01, `${names.length} connections for ${agents} agents: they push one another out`);
  });
});
