/** What an engine says when it does not create or start a container that waits at a gate: whose fault it is decides what comes next. */
import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import type { ReasonCode } from "../../src/core/reasons.ts";
import type { ContainerSpec } from "../../src/core/release.ts";
import type { ObservedSlot } from "../../src/core/slot.ts";
import { EngineError, gateTarget } from "../../src/host/engine.ts";
import type { Gates } from "../../src/host/gate/gates.ts";
import { plainTools } from "../../src/host/swap-tools.ts";
import { type FakeHost, fakeHost, want } from "./kit/fake-host.ts";

const folderOf = (name: string) => `/state/gates/${name}`;

describe("a host with gates", () => {
  let host: FakeHost;
  let made: string[];
  let isCondemned: boolean;
  beforeEach(async () => {
    made = [];
    isCondemned = false;
    const opened = new Set<string>();
    const gates: Gates = {
      async make(name) {
        if (isCondemned) return null;
        made.push(name);
        return folderOf(name);
      },
      isOpen: (name) => opened.has(name),
      async open(name) {
        opened.add(name);
        return { durable: Promise.resolve() };
      },
      mend: async () => false,
      remove: async () => undefined,
      sweep: async () => undefined,
      condemn() {
        isCondemned = true;
      },
    };
    host = await fakeHost(undefined, { ...plainTools, gates });
    await host.start();
    host.order([want({ generation: 1, digest: host.push("one") })]);
    await host.settled(1);
    await host.atRest(["r1 running"]);
    assert.deepEqual(made, [], "there was nothing to wait for");
  });
  afterEach(() => host.cleanUp());

  const fault = (reason: ReasonCode, message: string) => new EngineError({ reason, message });
  const serving = () => host.observed().slots[0]?.live;

  async function second(container: Partial<ContainerSpec> = {}): Promise<ObservedSlot> {
    host.order([want({ generation: 2, digest: host.push("two"), container })]);
    return await host.settled(2);
  }

  function failedWith({ outcome }: ObservedSlot): readonly unknown[] {
    return [outcome?.ok === false && outcome.reason, outcome?.ok === false && outcome.after];
  }

  const ofTheService: readonly (readonly [ReasonCode, string])[] = [
    ["user_missing", "unable to find user app: no matching entries in passwd file"],
    ["mount_missing", 'invalid mount config for type "bind": bind source path does not exist: /srv/data'],
    ["permission_denied", 'exec: "/server": permission denied'],
    ["start_failed", 'error gathering device information while adding custom device "/dev/kvm": no such file or directory'],
  ];
  for (const [reason, message] of ofTheService) {
    it(`a start that fails with ${reason} is the swap's failure: the old one was not touched, and gates stay`, async () => {
      const before = serving();
      host.engine.failNext("start", fault(reason, message));
      assert.deepEqual(failedWith(await second()), [reason, "restored"]);
      assert.deepEqual([serving()?.containerId, serving()?.startedAt], [before?.containerId, before?.startedAt]);
      assert.equal(isCondemned, false);
      assert.equal(host.engine.calls.filter((call) => call.startsWith("stop")).length, 0);
    });
  }

  it("a start that fails because of the gate is made again without, and so are all that follow", async () => {
    host.engine.failNext("start", fault("start_failed", `exec: "${gateTarget}/gate": permission denied`));
    assert.equal((await second()).outcome?.ok, true);
    assert.deepEqual([isCondemned, made], [true, ["gantry-api.prod-g2"]]);
  });

  it("a create that names the gate's folder condemns gates at once", async () => {
    const folder = folderOf("gantry-api.prod-g2");
    host.engine.failNext("create", fault("mount_missing", `bind source path does not exist: ${folder}`));
    assert.equal((await second()).outcome?.ok, true);
    assert.equal(isCondemned, true);
  });

  it("a create that fails without a word of why is tried without the gate: it was the gate if that helps", async () => {
    host.engine.failNext("create", fault("create_failed", "authorization denied by plugin guard: no mounts"));
    assert.equal((await second()).outcome?.ok, true);
    assert.equal(isCondemned, true);
  });

  it("and it was not if that fails, too", async () => {
    const refusal = fault("create_failed", "authorization denied by plugin guard: no");
    host.engine.failNext("create", refusal);
    host.engine.failNext("create", refusal);
    assert.deepEqual(failedWith(await second()), ["create_failed", "restored"]);
    assert.equal(isCondemned, false);
  });

  it("none is made for a container whose ports the engine publishes: it has them for one at a time", async () => {
    const ports = [{ published: "8080", target: 8080, protocol: "tcp" }] as const;
    assert.equal((await second({ ports })).outcome?.ok, true);
    assert.deepEqual(made, []);
  });
});
