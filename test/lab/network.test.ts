/** The network between the agents and their server: gone, one-way, lossy; and another machine with the same identity. */
import assert from "node:assert/strict";
import { cp } from "node:fs/promises";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { type RealHost, realHost } from "../host/kit/real-host.ts";
import { eventually } from "../kit/eventually.ts";
import { labStand, succeeded } from "./kit/stand.ts";

const one = "1a4c9e2";
const two = "3f2a1c9";

describe("hosts whose network fails", () => {
  const stand = labStand(["prod-1", "prod-2"]);
  const host = () => stand.host();
  const missed = () => eventually(() => assert.ok(!stand.server.hub.isConnected("prod-1"), "it was not missed"));
  const back = () => eventually(() => assert.ok(stand.server.hub.isConnected("prod-1"), "it is not back"), 20_000);
  const startedAt = async () =>
    host().lab.docker("inspect", "--format", "{{.Id}} {{.State.StartedAt}}", await host().lab.docker("ps", "-q"));
  let clone: RealHost | null = null;
  after(() => clone?.end("SIGKILL"));

  it("AG25: cut off in mid-swap it finishes what it began, serves, is missed, and tells its outcome when it is back", async () => {
    succeeded(await host().carryOut(stand.next(one)));
    const ordered = stand.next(two, { container: { environment: { START_DELAY_MS: "1500" } } });
    host().tell(ordered);
    await host().desk.seen("prod-1", (p) => p.slots.some((s) => s.generation === ordered.generation && s.step === "checking"));
    await host().lab.partition();
    await missed();
    await eventually(async () => {
      const policy = "{{.HostConfig.RestartPolicy.Name}}";
      assert.equal(await host().lab.docker("inspect", "--format", policy, await host().lab.docker("ps", "-q")), "unless-stopped");
    });
    assert.ok(!stand.server.hub.isConnected("prod-1"));
    await host().lab.heal();
    await back();
    succeeded(await host().desk.settled("prod-1", ordered.generation));
    await stand.answers(two);
  });

  it("AG28: what was wanted and dropped while it was away it never does; back, it takes up what is wanted now", async () => {
    await host().lab.partition();
    await missed();
    const before = await startedAt();
    const passed = stand.next(one);
    host().tell(passed);
    const wanted = stand.next(one);
    host().tell(wanted);
    assert.equal(await startedAt(), before, "it kept serving");
    await host().lab.heal();
    succeeded(await host().desk.settled("prod-1", wanted.generation));
    assert.ok(!host().desk.steps.some((step) => step.startsWith(`g${passed.generation} `)), host().desk.steps.join(", "));
    await stand.answers(one);
  });

  for (const direction of ["in", "out"] as const) {
    it(`AG26: packets ${direction === "in" ? "to" : "from"} the host vanish; both ends give the connection up, and a fresh one works`, async () => {
      const before = await startedAt();
      const { connections } = host().desk;
      const count = connections.length;
      const lost = host().log.filter((line) => line.includes("lost the server")).length;
      await host().lab.losePackets(direction);
      await missed();
      await eventually(() =>
        assert.ok(host().log.filter((line) => line.includes("lost the server")).length > lost, "the agent did not notice"),
      );
      await host().lab.heal();
      await back();
      assert.ok(connections.length > count, "a connection of its own");
      assert.equal(await startedAt(), before, "what serves was not touched");
    });
  }

  it("AG26: a fifth of all packets vanish; orders still arrive and are told of", async () => {
    await host().lab.losePackets("in", 0.2);
    await host().lab.losePackets("out", 0.2);
    try {
      succeeded(await host().carryOut(stand.next(two), 45_000));
    } finally {
      await host().lab.heal();
    }
    await back();
    await stand.answers(two);
  });

  it("AG32: told to end in mid-swap, the agent puts the old one back, and containers outlive it", async () => {
    const ordered = stand.next(one, { container: { environment: { START_DELAY_MS: "4000" } } });
    host().tell(ordered);
    await host().desk.seen("prod-1", (p) => p.slots.some((s) => s.generation === ordered.generation && s.step === "checking"));
    await host().end("SIGTERM");
    await stand.answers(two);
    await host().start();
    const { outcome } = await host().desk.settled("prod-1", ordered.generation);
    assert.deepEqual(outcome?.ok === false && [outcome.reason, outcome.after], ["interrupted", "restored"]);
    await stand.answers(two);
  });

  it("AG23: a copied machine comes with the same identity; it is refused while the first is there, and touches nothing", async () => {
    const other = stand.host("prod-2");
    succeeded(await other.carryOut(stand.next(one)));
    await other.end();
    const copy = join(other.lab.dir, "copy");
    await cp(join(host().lab.dir, "agent"), copy, { recursive: true, filter: (path) => !/\/(lock|wait)$/.test(path) });
    const before = await startedAt();
    clone = realHost({ ...other.lab, name: "prod-1" }, stand.server, { stateDir: copy });
    void clone.start();
    await eventually(() => assert.match(clone?.log.join("\n") ?? "", /duplicate_agent/), 15_000);
    assert.equal(await startedAt(), before);
    await stand.answers(one, "prod-2");
    assert.ok(stand.server.hub.isConnected("prod-1"));
    await clone.end("SIGKILL");
    succeeded(await host().carryOut(stand.next(one)));
  });
});
