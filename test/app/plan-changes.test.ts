// What a plan is made of, and the one sentence that says why an older one does not hold any more.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { planDifference } from "../../src/app/plan-difference.ts";
import { type Planned, planFor } from "../../src/app/planner.ts";
import type { EnvironmentConfig } from "../../src/config/valid.ts";
import { defaultPolicy, type RolloutKind, type RolloutPolicy } from "../../src/core/plan.ts";
import type { Release } from "../../src/core/release.ts";
import { migrationsFolder, openStore } from "../../src/sqlite/open.ts";
import { aRequest, eva, noon } from "../kit/rollouts.ts";
import { aRelease, aSpec, storeRollout } from "../kit/stores.ts";

const key = { service: "api", environment: "prod" };
const environment: EnvironmentConfig = {
  name: "prod",
  after: null,
  hosts: { env: "prod" },
  approvals: { required: 0, from: [], notRequester: false, expireMs: 1_800_000 },
  deployers: ["deployers"],
  oncall: ["oncall"],
  rollout: defaultPolicy,
};

/** A store with hosts `a`, `b` … in zones 1 and 2 in turn. */
function aWorld(names: readonly string[] = ["a", "b", "c", "d"]) {
  const folder = mkdtempSync(join(tmpdir(), "gantry-plan-"));
  const store = openStore({ folder, migrations: migrationsFolder });
  after(() => {
    store.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const joins = (host: string, labels: Record<string, string>) =>
    store.hosts.put({ name: host, labels: { env: "prod", ...labels }, publicKey: host, at: noon });
  names.forEach((host, n) => void joins(host, { zone: `z${(n % 2) + 1}` }));
  const releases = [1, 2, 3].map((n) => aRelease(store, { commit: String(n).repeat(40) }));
  storeRollout(store, aRequest({ number: 1, hostNames: [] }));
  const [r1, r2, r3] = releases as [Release, Release, Release];

  function plan(facts: { kind?: RolloutKind; release?: Release; policy?: Partial<RolloutPolicy> } = {}): Planned {
    const { kind = "deploy", release = r3, policy = {} } = facts;
    const settings = { ...environment, rollout: { ...defaultPolicy, ...policy } };
    const service = {
      name: "api",
      file: "api.yml",
      repository: null,
      ticketProjects: [],
      spec: aSpec,
      environments: [settings],
    };
    return planFor(store, { service, environment: settings, kind, release });
  }

  /** The host is meant to have the release and has it, in this health. */
  function serves(host: string, release: Release, health: "ok" | "failing" = "ok"): void {
    const generation = store.slots.desire({ ...key, host, rollout: 1, release: release.number });
    const live = {
      containerId: "c",
      release: release.number,
      digest: release.digest,
      generation,
      startedAt: 1,
      restarts: 0,
      health,
      detail: null,
    };
    const outcome = { ok: true as const, tookMs: 1 };
    store.slots.observe({ host, slot: { ...key, generation, step: "serving", outcome, live, previous: null }, at: noon });
  }

  function judged(release: Release, verdict: "good" | "bad", at: number): void {
    store.verdicts.add({
      ...key,
      release: release.number,
      verdict,
      reason: verdict === "bad" ? "unhealthy" : null,
      detail: null,
      rollout: 1,
      at,
      by: null,
    });
  }

  const takesOut = (host: string) => store.hosts.setIntent(host, { kind: "cordoned", by: eva, at: noon, why: "disk" });
  return { store, plan, serves, judged, takesOut, joins, r1, r2, r3 };
}

describe("a plan", () => {
  test("leaves out what a person took out, and says so", () => {
    const { plan, takesOut } = aWorld();
    takesOut("b");
    const { plan: made } = plan();
    assert.deepEqual(made.leftOut, ["b"]);
    assert.deepEqual(made.batches.flat().sort(), ["a", "c", "d"]);
    assert.deepEqual(
      made.hosts.map((h) => h.host),
      ["a", "c", "d"],
    );
  });

  test("keeps hosts of one zone apart when the policy says so", () => {
    const { plan } = aWorld();
    const batch = { percent: 50 } as const;
    const { plan: made } = plan({ policy: { canary: { hosts: 0 }, batch, spread: { label: "zone", order: "apart" } } });
    for (const hosts of made.batches) {
      const zones = hosts.map((host) => made.hosts.find((h) => h.host === host)?.labels["zone"]);
      assert.equal(new Set(zones).size, zones.length, `two of one zone in ${hosts.join(" ")}`);
    }
    assert.deepEqual(made.batches.flat().sort(), ["a", "b", "c", "d"]);
  });

  test("does not touch what serves the release already, except to restart it", () => {
    const { plan, serves, r3 } = aWorld();
    serves("a", r3);
    assert.deepEqual(plan().unchanged, ["a"]);
    assert.equal(plan().plan.batches.flat().includes("a"), false);
    for (const host of ["b", "c", "d"]) serves(host, r3);
    assert.deepEqual(plan().plan.batches, []);
    const restart = plan({ kind: "restart" });
    assert.deepEqual(restart.unchanged, []);
    assert.deepEqual(restart.plan.batches.flat().sort(), ["a", "b", "c", "d"]);
  });

  test("of a rollback has those first that do not serve, in batches of rollbackBatch", () => {
    const { plan, serves, r1, r2 } = aWorld();
    for (const host of ["a", "b", "c", "d"]) serves(host, r2, host === "c" ? "failing" : "ok");
    const { plan: made } = plan({ kind: "rollback", release: r1, policy: { rollbackBatch: { percent: 50 } } });
    assert.deepEqual(made.batches, [
      ["c", "a"],
      ["b", "d"],
    ]);
  });

  test("of a rollback keeps its name when a host blinks: a button at 3 a.m. does not go stale for that", () => {
    const { plan, serves, r1, r2 } = aWorld();
    for (const host of ["a", "b", "c", "d"]) serves(host, r2);
    const asked = { kind: "rollback", release: r1 } as const;
    const before = plan(asked).hash;
    serves("c", r2, "failing");
    assert.equal(plan(asked).hash, before);
  });

  test("knows the newest good release besides its own, and none for a rollback", () => {
    const { plan, judged, r1, r2, r3 } = aWorld();
    assert.equal(plan().back, null);
    judged(r1, "good", noon);
    judged(r2, "good", noon + 1);
    judged(r3, "good", noon + 2);
    assert.equal(plan({ release: r3 }).back, r2.number);
    assert.equal(plan({ release: r2 }).back, r3.number);
    judged(r2, "bad", noon + 3);
    assert.equal(plan({ release: r3 }).back, r1.number);
    assert.equal(plan({ kind: "rollback", release: r1 }).back, null);
  });
});

describe("an older plan does not hold any more because", () => {
  /** What is said when this happened since the plan was made; and every such change gives the plan another name. */
  function says(
    happened: (world: ReturnType<typeof aWorld>) => { kind?: RolloutKind; release?: Release; policy?: Partial<RolloutPolicy> },
    before: (world: ReturnType<typeof aWorld>) => void = () => {},
  ): string | null {
    const world = aWorld();
    before(world);
    const first = world.plan();
    const now = world.plan(happened(world));
    const difference = planDifference(first.plan, now.plan);
    assert.equal(difference === null, first.hash === now.hash, "the sentence and the hash agree");
    return difference;
  }

  test("nothing happened: it holds", () => {
    assert.equal(
      says(() => ({})),
      null,
    );
  });
  test("hosts joined or left", () => {
    assert.equal(
      says(({ joins }) => {
        joins("e", { zone: "z1" });
        joins("f", { zone: "z2" });
        return {};
      }),
      "e, f joined",
    );
    assert.equal(
      says(({ store }) => {
        store.hosts.revoke("d", noon);
        return {};
      }),
      "d left",
    );
  });
  test("a person took a host out, or let it take part again", () => {
    assert.equal(
      says(({ takesOut }) => {
        takesOut("b");
        return {};
      }),
      "b was taken out by a person",
    );
    assert.equal(
      says(
        ({ store }) => {
          store.hosts.setIntent("b", null);
          store.hosts.setIntent("c", null);
          return {};
        },
        ({ takesOut }) => {
          takesOut("b");
          takesOut("c");
        },
      ),
      "b, c take part again",
    );
  });
  test("a host that is out joined or left the environment", () => {
    assert.equal(
      says(({ joins, takesOut }) => {
        joins("e", {});
        takesOut("e");
        return {};
      }),
      "the hosts that are left out are now e",
    );
  });
  test("something else runs", () => {
    assert.equal(
      says(({ serves, r1 }) => {
        serves("b", r1);
        return {};
      }),
      "what runs on b is not what it was",
    );
  });
  test("more may be out, and nothing else changed: it was planned before plans had a budget, or the labels of one left out did", () => {
    const { plan } = aWorld();
    const now = plan().plan;
    assert.equal(now.budget, 1);
    const { budget: _, ...old } = now;
    assert.equal(planDifference(old, now), "the number of hosts that may be out of service at once is 1 now");
  });
  test("the policy was edited", () => {
    assert.equal(
      says(() => ({ policy: { soakMs: 1, batch: { hosts: 2 } } })),
      "the rollout policy was edited (batch, soak)",
    );
    assert.equal(
      says(() => ({ policy: { watch: { ...defaultPolicy.watch, forMs: 0 } } })),
      "the rollout policy was edited (watch)",
    );
  });
  test("a host has other labels", () => {
    assert.equal(
      says(({ joins }) => {
        joins("b", { zone: "z9" });
        return {};
      }),
      "the labels of b are not what they were",
    );
  });
  test("a host became unwell that had the release", () => {
    assert.equal(
      says(
        ({ serves, r3 }) => {
          serves("a", r3, "failing");
          return {};
        },
        ({ serves, r3 }) => serves("a", r3),
      ),
      "a has to be swapped too",
    );
  });
  test("it is about another release", () => {
    assert.equal(
      says(({ r2 }) => ({ release: r2 })),
      "the release is not the one that was planned",
    );
  });
});
