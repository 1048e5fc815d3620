import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { DesiredSlot } from "../../src/core/slot.ts";
import type { StepKind } from "../../src/core/slot-step.ts";
import { type FakeHost, fakeHost, want } from "./kit/fake-host.ts";
import { jumpyClock } from "./kit/jumpy-clock.ts";

const steps: readonly StepKind[] = ["pull", "create", "stop", "start", "check", "promote", "settle", "keep", "remove"];
const moments = steps.flatMap((step) => [`before:${step}`, `after:${step}`]);

/** Starts an agent that stands still for ever at the moment, and resolves when it does. */
async function killedAt(host: FakeHost, moment: string, ordered: DesiredSlot): Promise<void> {
  const dead = Promise.withResolvers<void>();
  await host.start(async (name) => {
    if (name !== moment) return;
    host.kill();
    dead.resolve();
    await new Promise(() => undefined);
  });
  host.order([ordered]);
  await dead.promise;
}

describe("an agent that is killed, on an engine in memory", () => {
  for (const moment of moments) {
    for (const how of ["alone", "with the power of its host"] as const) {
      it(`${moment.replace(":", " ")}, ${how}: the swap ends as it would have, or the old one serves and the reason is told`, async () => {
        const host = await fakeHost();
        try {
          await host.start();
          host.order([want({ generation: 1, digest: host.push("zero") })]);
          await host.settled(1);
          host.order([want({ generation: 2, digest: host.push("one") })]);
          await host.settled(2);
          await host.atRest(["r1 kept", "r2 running"]);
          await host.stop();
          const ordered = want({ generation: 3, digest: host.push("two") });
          await killedAt(host, moment, ordered);
          if (how !== "alone") host.engine.powerCut();
          assert.ok(host.engine.running().length <= 1, "never two");
          await host.start();
          host.order([ordered]);
          const slot = await host.settled(3);
          if (slot.outcome?.ok) await host.atRest(["r2 kept", "r3 running"]);
          else {
            assert.equal(slot.outcome?.reason, "interrupted");
            await host.atRest(["r1 kept", "r2 running"]);
          }
          if (how === "alone") assert.equal(slot.outcome?.ok, true, JSON.stringify(slot));
        } finally {
          await host.cleanUp();
        }
      });
    }
  }

  for (const [when, passedMs, setMs, ok] of [
    ["at once, while somebody sets its clock an hour ahead", 0, 3_600_000, true],
    ["an hour later, by a clock that was set back by as much", 3_600_000, -3_600_000, false],
  ] as const) {
    it(`and begins again ${when}: the swap ${ok ? "goes on" : "is undone"}`, async () => {
      const clock = jumpyClock();
      const host = await fakeHost(clock);
      try {
        await host.start();
        host.order([want({ generation: 1, digest: host.push("one") })]);
        await host.settled(1);
        await host.stop();
        const ordered = want({ generation: 2, digest: host.push("two") });
        await killedAt(host, "after:stop", ordered);
        clock.pass(passedMs);
        clock.setTimeOfDay(setMs);
        await host.start();
        host.order([ordered]);
        const slot = await host.settled(2);
        assert.equal(slot.outcome?.ok, ok, JSON.stringify(slot));
        await host.atRest(ok ? ["r1 kept", "r2 running"] : ["r1 running"]);
      } finally {
        await host.cleanUp();
      }
    });
  }
});
