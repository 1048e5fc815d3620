import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { DesiredSlot } from "../../src/core/slot.ts";
import { type FakeHost, fakeHost } from "./kit/fake-host.ts";
import { pushMetrics, pushMigration, type Versions, wantAll } from "./kit/members.ts";

/** The steps of a swap of a migration, metrics and the released one, in order: all that may be the last before the end. */
const moments = [
  ...["pull", "create migrate", "create metrics", "create", "start migrate", "check migrate"],
  ...["stop metrics", "start metrics", "check metrics", "promote metrics"],
  ...["stop", "start", "check", "promote", "settle"],
  ...["keep migrate", "remove migrate", "keep metrics", "remove metrics", "keep", "remove"],
];

const before = ["metrics r1 running", "migrate r1 ended unpromoted", "r1 running"];
const after = [
  "metrics r1 kept",
  "metrics r2 running",
  "migrate r1 kept",
  "migrate r2 ended unpromoted",
  "r1 kept",
  "r2 running",
];

function versionsOf(host: FakeHost, name: string): Versions {
  return { api: host.push(name), metrics: pushMetrics(host, `m-${name}`), migrate: pushMigration(host, `db-${name}`) };
}

/** Starts an agent that stands still for ever before its `count`th step, and resolves with its name when it does. */
async function killedBefore(host: FakeHost, count: number, ordered: DesiredSlot): Promise<string> {
  const dead = Promise.withResolvers<string>();
  let steps = 0;
  await host.start(async (name) => {
    if (!name.startsWith("before:")) return;
    steps += 1;
    if (steps !== count) return;
    host.kill();
    dead.resolve(name);
    await new Promise(() => undefined);
  });
  host.order([ordered]);
  return await dead.promise;
}

describe("an agent that is killed while it swaps several containers", () => {
  for (const [at, moment] of moments.entries()) {
    for (const how of ["alone", "with the power of its host"] as const) {
      it(`before ${moment}, ${how}: never two of one, and all end as wanted or as they were`, async () => {
        const host = await fakeHost();
        try {
          await host.start();
          host.order([wantAll({ generation: 1, versions: versionsOf(host, "one") })]);
          await host.settled(1);
          await host.atRest(before);
          await host.stop();
          const ordered = wantAll({ generation: 2, versions: versionsOf(host, "two") });
          assert.equal(await killedBefore(host, at + 1, ordered), `before:${moment.split(" ")[0]}`);
          if (how !== "alone") host.engine.powerCut();
          const running = host.engine.running().map((c) => c.labels["gantry.member"] ?? "");
          assert.equal(new Set(running).size, running.length, `two of one: ${running.join(", ")}`);
          await host.start();
          host.order([ordered]);
          const { outcome } = await host.settled(2);
          if (how === "alone") assert.equal(outcome?.ok, true, JSON.stringify(outcome));
          if (outcome?.ok === false) assert.equal(outcome.reason, "interrupted");
          await host.atRest(outcome?.ok === true ? after : before);
        } finally {
          await host.cleanUp();
        }
      });
    }
  }
});
