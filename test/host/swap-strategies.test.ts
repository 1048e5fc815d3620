import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import type { ObservedSlot } from "../../src/core/slot.ts";
import { createHaproxy } from "../../src/host/haproxy.ts";
import { failed, faultsOf, measure } from "../bench/strategies.ts";
import { type Strategy, type StrategyHost, startStrategyHost } from "../bench/strategies-host.ts";
import { eventually } from "../kit/eventually.ts";
import { sampleCommit, testLab } from "../kit/lab.ts";

const lab = testLab("swap-1");

describe("the ways to swap, at 200 requests a second", () => {
  let host: StrategyHost;
  before(async () => {
    const digests = [lab.digest(sampleCommit("1a4c9e2")), lab.digest(sampleCommit("3f2a1c9"))] as const;
    host = await startStrategyHost({ lab: lab.lab, host: lab.host("swap-1"), repository: lab.repository, digests });
  });
  after(() => host.stop());

  const labels = (label: string) =>
    host.lab.docker("ps", "-a", "--filter", "label=gantry.role=live", "--format", `{{.State}} {{.Label "${label}"}}`);
  const serves = async (release: 1 | 2) => assert.equal((await host.lab.fetch("/")).body, `r${release}\n`);

  it("the plain order fails requests, which shows that failures are counted", async () => {
    const figures = await measure(host, { strategy: "plain", rounds: 1 });
    assert.ok(failed(figures) > 0);
    await eventually(async () => assert.equal(await labels("gantry.gate"), "running"));
  });

  it("a gate keeps what it must, and loses no request that reached the old container", async () => {
    const figures = await measure(host, { strategy: "gate", rounds: 3 });
    for (const why of Object.keys(faultsOf(figures))) assert.match(why, /^(ECONNREFUSED|ECONNRESET)$/);
    await eventually(async () => assert.match(await labels("gantry.gate"), /^running gantry-api\.prod-g\d+$/));
  });

  it("hold: no request fails", async () => {
    const figures = await measure(host, { strategy: "hold", rounds: 5 });
    assert.deepEqual(faultsOf(figures), {});
    assert.equal(host.agent.log.join().includes("connections are not held"), false);
  });

  it("two on one port: no request fails, where the kernel hands waiting connections on", async () => {
    await host.handOn();
    const figures = await measure(host, { strategy: "reuse-port", rounds: 3 });
    assert.deepEqual(faultsOf(figures), {});
  });

  it("behind HAProxy: no request fails", async () => {
    const figures = await measure(host, { strategy: "proxy", rounds: 5 });
    assert.deepEqual(faultsOf(figures), {});
    await eventually(async () => assert.match(await labels("gantry.place"), /^running [01]$/));
  });

  it("behind HAProxy: a request that was open when the new one took over is answered by the old one", async () => {
    const { release } = (await host.swap("proxy", 1)).live ?? {};
    assert.equal(release, 1);
    const slow = host.lab.fetch("/slow", 5_000);
    await host.swap("proxy", 2);
    assert.deepEqual(await slow, { status: 200, body: "r1\n" });
    await serves(2);
  });

  it("behind HAProxy: one that does not answer leaves the old container serving, untouched", async () => {
    const before_ = await host.swap("proxy", 2);
    rmSync(host.haproxySocket);
    const { outcome, live } = await host.swap("proxy", 1);
    assert.equal(outcome?.ok, false);
    assert.ok(outcome?.ok === false && outcome.after === "restored");
    assert.equal(outcome.reason, "proxy_failed");
    assert.match(outcome.detail, /HAProxy at .*haproxy\.sock: there is no such socket/);
    assert.equal(live?.containerId, before_.live?.containerId);
    await serves(2);
    await host.begin("gate");
    await host.begin("proxy");
  });

  it("behind HAProxy: what it does not know is said in its words", async () => {
    const spec = { kind: "haproxy", socket: host.haproxySocket, backend: "api", servers: ["blue", "nobody"] } as const;
    await assert.rejects(
      createHaproxy(spec).point(1),
      /HAProxy answers "No such server.*" to set server api\/nobody state ready/,
    );
    await assert.rejects(createHaproxy({ ...spec, backend: "none" }).open(0), /HAProxy has no server none\/blue/);
  });

  const points: readonly (readonly [Strategy, string])[] = [
    ["gate", "after:start"],
    ["gate", "after:stop"],
    ["gate", "before:open"],
    ["gate", "after:open"],
    ["gate", "after:promote"],
    ["hold", "after:stop"],
    ["proxy", "after:start"],
    ["proxy", "after:point"],
    ["proxy", "after:promote"],
  ];
  for (const [strategy, point] of points) {
    it(`${strategy}: an agent that is killed ${point.replace(":", " ")} finishes what it began`, async () => {
      await host.begin(strategy);
      await host.swap(strategy, 1);
      const slot = await killedAt(point, () => host.swap(strategy, 2));
      assert.equal(slot.outcome?.ok, true, JSON.stringify(slot));
      await eventually(() => serves(2));
      await eventually(async () => assert.equal((await labels("gantry.release")).trim(), "running r2"));
    });
  }

  // The old one is stopped, and what waited has ended at its closed gate: its command never began, so that it counts as one
  // that was only created. In the same boot, and soon, such a swap goes on; after another boot the old one is started.
  const ends = [
    ["everything on the host dies before it is opened, in the same boot: the swap goes on", () => revive(), 2],
    ["a power cut before it is opened gives the old container back", () => host.lab.reboot(), 1],
  ] as const;
  for (const [what, dieAndBoot, serving] of ends) {
    it(`gate: ${what}, and no second one runs`, async () => {
      await host.begin("gate");
      await host.swap("gate", 1);
      host.agent.dieAt("after:stop");
      const ending = host.swap("gate", 2);
      await host.agent.died();
      host.agent.dieAt(null);
      await dieAndBoot();
      // The old one was stopped on purpose, and the new one is not promoted: the engine brings neither back.
      assert.equal(await labels("gantry.release"), "exited r2\nexited r1");
      await host.agent.start();
      const { outcome } = await ending;
      if (serving === 2) assert.equal(outcome?.ok, true, JSON.stringify(outcome));
      else
        assert.ok(
          outcome?.ok === false && outcome.reason === "interrupted" && outcome.after === "restored",
          JSON.stringify(outcome),
        );
      await eventually(() => serves(serving));
      await eventually(async () => assert.match(await labels("gantry.release"), new RegExp(`^running r${serving}$`)));
    });
  }

  async function revive(): Promise<void> {
    await host.lab.cutPower();
    await host.lab.startEngine();
  }

  async function killedAt(point: string, work: () => Promise<ObservedSlot>): Promise<ObservedSlot> {
    host.agent.dieAt(point);
    const ending = work();
    await host.agent.died();
    host.agent.dieAt(null);
    await host.agent.start();
    return await ending;
  }
});
