/** Clocks of hosts that are wrong, and what they make of certificates. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { startAgent } from "../../src/agent.ts";
import { systemClock } from "../../src/app/clock.ts";
import type { Clock } from "../../src/app/ports.ts";
import { createFakeEngine } from "../../src/docker/fake.ts";
import { whyNoConnection } from "../../src/fleet/connection-fault.ts";
import { order, plainSpec } from "../host/kit/orders.ts";
import { silent, startTestServer, type TestServer } from "../host/kit/real-host.ts";

const dayMs = 86_400_000;

function setOn(byMs: number): Clock {
  return {
    ...systemClock,
    now: () => systemClock.now() + byMs,
    wakeAt: (at, wake) => systemClock.wakeAt(at - byMs, wake),
  };
}

describe("a host whose clock is wrong", () => {
  let dir: string;
  let server: TestServer;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), "gantry-clock-"));
    server = await startTestServer("127.0.0.1", { heartbeatMs: 100, deadMs: 1_000 });
  });
  afterEach(async () => {
    await server.stop();
    await rm(dir, { recursive: true, force: true });
  });

  for (const byMs of [dayMs, -dayMs]) {
    it(`AG31: by a day ${byMs > 0 ? "ahead" : "behind"}; it swaps as any other, and how long things took is right`, async () => {
      server.desk.tokens.set("gnt_1", { name: "web-1" });
      const clock = setOn(byMs);
      const engine = createFakeEngine({ clock });
      const digest = `sha256:${"a".repeat(64)}`;
      engine.registries.push({ repository: plainSpec.image, digest });
      const { prober } = engine;
      const base = { server: server.url, name: "web-1", labels: {}, stateDir: join(dir, "state"), log: silent };
      const agent = await startAgent({ ...base, token: "gnt_1", clock, engine, prober });
      try {
        server.desk.desire("web-1", order({ generation: 1, digest }));
        server.hub.nudge("web-1");
        const { outcome } = await server.desk.settled("web-1", 1);
        assert.equal(outcome?.ok, true, JSON.stringify(outcome));
        assert.ok((outcome?.tookMs ?? dayMs) < 20_000, JSON.stringify(outcome));
        assert.ok(server.hub.isConnected("web-1"));
        assert.ok(server.hub.answeredSince("web-1", Date.now() - 20_000), "reports are dated by the server");
        assert.ok(!server.hub.answeredSince("web-1", Date.now() + 20_000), "and not by the host");
      } finally {
        await agent.stop();
      }
    });
  }

  it("AG31: a certificate that is not valid at this host's time is named as that, with its date", () => {
    const at = Date.parse("2026-11-22T10:00:00Z");
    const fault = (code: string) => Object.assign(new Error("certificate trouble"), { code });
    for (const code of ["CERT_NOT_YET_VALID", "CERT_HAS_EXPIRED"]) {
      const why = whyNoConnection(fault(code), at);
      assert.match(why, /certificate trouble/);
      assert.match(why, /this host says that today is 2026-11-22: is its clock right\?/);
    }
    assert.equal(whyNoConnection(fault("ECONNREFUSED"), at), "certificate trouble");
  });
});
