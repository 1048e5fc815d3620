import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import { eventually } from "../kit/eventually.ts";
import { type FakeHost, fakeHost, want } from "./kit/fake-host.ts";

/** What a host must bear while it works; each of these once left a service down, or a slot deaf. */
describe("a host that is disturbed", () => {
  let host: FakeHost;
  beforeEach(async () => {
    host = await fakeHost();
    await host.start();
    host.order([want({ generation: 1, digest: host.push("one") })]);
    await host.settled(1);
    await host.atRest(["r1 running"]);
  });
  afterEach(() => host.cleanUp());

  it("does not take what it saw before the swap for what is there now", async () => {
    const tail = Promise.withResolvers<readonly string[]>();
    const asked = Promise.withResolvers<void>();
    const { logTail } = host.engine;
    host.engine.logTail = async () => {
      asked.resolve();
      return await tail.promise;
    };
    host.engine.crash(host.observed().slots[0]?.live?.containerId ?? "", 1);
    await asked.promise;
    host.order([want({ generation: 2, digest: host.push("slow", { healthyAfterMs: 100 }), deadlineMs: 2_000 })]);
    await eventually(() => assert.equal(host.observed().slots[0]?.step, "checking"));
    tail.resolve([]);
    host.engine.logTail = logTail;
    assert.equal((await host.settled(2)).outcome?.ok, true);
    await host.atRest(["r1 kept", "r2 running"]);
  });
});
