import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { afterEach, describe, it } from "node:test";
import { systemClock } from "../../../src/app/clock.ts";
import type { UsageSample } from "../../../src/core/usage.ts";
import { type AgentLink, createAgentLink } from "../../../src/fleet/link.ts";
import { parseFromAgent } from "../../../src/fleet/protocol.ts";
import { silent, startTestServer, type TestServer } from "../../host/kit/real-host.ts";
import { eventually } from "../../kit/eventually.ts";
import { picture } from "./picture.ts";

const sample: UsageSample = {
  machine: { cores: 4, cpuMs: 12_000.5, load: 0.25, memoryBytes: 3e9, memoryTotalBytes: 8e9 },
  coresInUse: 1.5,
  diskFreeBytes: null,
  containers: [
    {
      ...{ service: "api", environment: "prod", container: "api", released: true, release: 7, generation: 9 },
      ...{ restarts: 0, health: "ok" },
      usage: { cpuMs: 8_250.125, memoryBytes: 50e6, memoryLimitBytes: null, network: { receivedBytes: 1, sentBytes: 2 } },
      cores: 0.15,
    },
  ],
};

describe("samples of what a host uses", () => {
  let server: TestServer;
  let link: AgentLink | null = null;
  let reports = 0;
  afterEach(async () => {
    link?.stop();
    await server.stop();
  });

  async function connect(onUsage?: (host: string, sample: UsageSample) => void): Promise<AgentLink> {
    server = await startTestServer("127.0.0.1", onUsage === undefined ? {} : { onUsage });
    const { publicKey, privateKey } = generateKeyPairSync("ed25519");
    const der = { format: "der" } as const;
    const keys = {
      publicKey: publicKey.export({ ...der, type: "spki" }).toString("base64"),
      privateKey: privateKey.export({ ...der, type: "pkcs8" }).toString("base64"),
    };
    server.desk.identities.set("web-1", { name: "web-1", publicKey: keys.publicKey, labels: {} });
    const made = createAgentLink({
      url: server.url,
      ...{ name: "web-1", labels: {}, agentVersion: "0.1.0", instance: "one" },
      identity: { publicKey: () => keys.publicKey, privateKey: () => keys.privateKey, token: () => null, serverId: () => null },
      ...{ clock: systemClock, log: silent, random: Math.random },
      known: () => ({ epoch: 0 }),
      observed: () => {
        reports += 1;
        return picture;
      },
      usage: () => sample,
      onServer() {},
      onDesired() {},
      onWelcome() {},
      onRefused() {},
    });
    link = made;
    await eventually(() => assert.ok(made.isConnected()));
    return made;
  }

  it("reach a server that wants them: at once, and whenever there is a newer one; none of them is a report", async () => {
    const heard: [string, UsageSample][] = [];
    const made = await connect((host, one) => heard.push([host, one]));
    await eventually(() => assert.deepEqual(heard, [["web-1", sample]]));
    const before = reports;
    made.sampled();
    await eventually(() => assert.equal(heard.length, 2));
    assert.equal(reports, before);
  });

  it("are not sent to a server that has not said that it wants them: an old one would end the connection", async () => {
    const made = await connect();
    const before = reports;
    made.sampled();
    // Whatever was sent before has been heard when the next report is answered.
    server.hub.nudge("web-1");
    await eventually(() => assert.ok(reports > before));
    assert.ok(made.isConnected());
  });

  it("are refused when they are not what they should be", () => {
    const refuses = (change: object) =>
      assert.equal(parseFromAgent(JSON.stringify({ type: "usage", sample: { ...sample, ...change } })).ok, false);
    refuses({ diskFreeBytes: -1 });
    refuses({ containers: [{ ...sample.containers[0], service: "a".repeat(1_000) }] });
    refuses({ containers: Array.from({ length: 2_001 }, () => sample.containers[0]) });
  });
});
