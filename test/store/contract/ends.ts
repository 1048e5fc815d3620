import assert from "node:assert/strict";
import { ana, aRequest, bo, noon } from "../../kit/rollouts.ts";
import { endRollout, storeRollout } from "../../kit/stores.ts";
import type { Tells } from "./contract.ts";

const key = { service: "api", environment: "prod" } as const;

export function ends(tells: Tells): void {
  tells("what is live is the last that reached the hosts, or a rollback after it that got stuck", (store) => {
    const live = () => store.rollouts.live("api", "prod")?.number ?? null;
    const next = (phase: Parameters<typeof endRollout>[1]["phase"], kind: "deploy" | "rollback" = "deploy") => {
      const number = store.rollouts.nextNumber();
      storeRollout(store, aRequest({ number, kind }));
      endRollout(store, { number, phase, at: noon + number });
    };
    assert.equal(live(), null);
    next("stuck");
    assert.equal(live(), null, "a deploy that got stuck is not");
    next("succeeded");
    assert.equal(live(), 2);
    next("restored");
    next("cancelled");
    assert.equal(live(), 2);
    next("incomplete");
    assert.equal(live(), 5, "some hosts are missing, and it is what should run");
    next("stuck", "rollback");
    assert.equal(live(), 6);
    assert.equal(store.rollouts.lastEnded("api", "prod", ["succeeded", "restored"])?.number, 3);
    assert.equal(store.rollouts.lastEnded("api", "prod", ["rejected"]), null);
    assert.equal(store.rollouts.lastEnded("api", "staging", ["succeeded"]), null);
  });

  tells("what ended last counts, not what has the highest number: a rollback overtakes those in line", (store) => {
    storeRollout(store, aRequest({ number: 1, inLine: true }));
    storeRollout(store, aRequest({ number: 2, kind: "rollback" }));
    endRollout(store, { number: 2, phase: "succeeded", at: noon });
    endRollout(store, { number: 1, phase: "succeeded", at: noon - 1000 });
    assert.equal(store.rollouts.live("api", "prod")?.number, 1);
    assert.equal(store.rollouts.lastEnded("api", "prod", ["succeeded", "stuck"])?.number, 1);
  });

  tells("rollouts are counted by phase while under way, and by how they ended for ever", (store) => {
    for (const number of [1, 2, 3]) {
      storeRollout(store, aRequest({ number }));
      endRollout(store, { number, phase: number === 3 ? "incomplete" : "succeeded", at: noon });
    }
    storeRollout(store, aRequest({ number: 4 }));
    storeRollout(store, aRequest({ number: 5, inLine: true }));
    assert.deepEqual(store.rollouts.countEnded(), { succeeded: 2, incomplete: 1 });
    assert.deepEqual(store.rollouts.countByPhase(), { awaiting_approval: 1, in_line: 1 });
  });

  tells("how long the newest swaps took is known by place: nine rollbacks and nine others, none that failed", (store) => {
    const swap = (number: number, tookMs: number) => {
      const stored = store.rollouts.find(number);
      assert.ok(stored !== null);
      const event = { type: "host_swapped", at: noon, host: "prod-1", tookMs } as const;
      store.rollouts.append({ number, version: stored.version, event, state: stored.state });
    };
    const times = (environment: string) =>
      store.rollouts.swapTimes("api", environment).map(({ tookMs, isRollback }) => `${isRollback ? "back " : ""}${tookMs}`);
    storeRollout(store, aRequest({ number: 1 }));
    assert.deepEqual(times("prod"), []);
    for (let i = 1; i <= 11; i++) swap(1, i * 100);
    endRollout(store, { number: 1, phase: "succeeded", at: noon });
    storeRollout(store, aRequest({ number: 2, kind: "rollback" }));
    swap(2, 50.4);
    endRollout(store, { number: 2, phase: "succeeded", at: noon });
    storeRollout(store, aRequest({ number: 3 }));
    swap(3, 1200);
    assert.deepEqual(times("prod"), ["1200", "back 50", "1100", "1000", "900", "800", "700", "600", "500", "400"]);
    assert.deepEqual(times("staging"), []);
  });

  tells("the list is newest first, of all or of some", (store) => {
    storeRollout(store, aRequest({ number: 1 }));
    storeRollout(store, aRequest({ number: 2, environment: "staging" }));
    storeRollout(store, aRequest({ number: 3, service: "web" }));
    const list = (service: string | null, environment: string | null, limit = 9) =>
      store.rollouts.list({ service, environment, limit }).map((r) => r.number);
    assert.deepEqual(list(null, null), [3, 2, 1]);
    assert.deepEqual(list(null, null, 2), [3, 2]);
    assert.deepEqual(list("api", null), [2, 1]);
    assert.deepEqual(list(null, "prod"), [3, 1]);
    assert.deepEqual(list("api", "prod"), [1]);
  });

  tells("an ended rollout is watched until its watch has ended", (store) => {
    const watch = { until: noon + 600_000, finding: null, raisedAt: null, endedAt: null };
    storeRollout(store, aRequest({ number: 1 }));
    assert.deepEqual(store.rollouts.watched(), []);
    endRollout(store, { number: 1, phase: "succeeded", at: noon, watch });
    storeRollout(store, aRequest({ number: 2 }));
    endRollout(store, { number: 2, phase: "incomplete", at: noon, watch: null });
    assert.deepEqual(
      store.rollouts.watched().map((r) => r.number),
      [1],
    );
    endRollout(store, { number: 1, phase: "succeeded", at: noon, watch: { ...watch, endedAt: noon + 1 } });
    assert.deepEqual(store.rollouts.watched(), []);
    assert.deepEqual([1, 2, 3].map(store.rollouts.hasFinding), [false, false, false]);
    const rule = { unwellMs: 20_000, restarts: 2, flaps: 3 };
    const finding = { host: "prod-1", found: "unwell", rule, samples: [], at: noon } as const;
    endRollout(store, { number: 1, phase: "succeeded", at: noon, watch: { ...watch, finding, endedAt: noon + 1 } });
    assert.deepEqual([1, 2, 3].map(store.rollouts.hasFinding), [true, false, false]);
  });
}

export function line(tells: Tells): void {
  tells("those in line do not hold the environment, and stand in the order in which they came", (store) => {
    storeRollout(store, aRequest({ number: 1, inLine: true }));
    storeRollout(store, aRequest({ number: 2 }));
    storeRollout(store, aRequest({ number: 3, inLine: true }));
    storeRollout(store, aRequest({ number: 4, environment: "staging", inLine: true }));
    assert.equal(store.rollouts.active("api", "prod")?.number, 2);
    assert.deepEqual(
      store.rollouts.allActive().map((r) => r.number),
      [2],
    );
    assert.deepEqual(
      store.rollouts.inLine("api", "prod").map((r) => r.number),
      [1, 3],
    );
    assert.deepEqual(store.rollouts.lines(), [key, { service: "api", environment: "staging" }]);
    endRollout(store, { number: 4, phase: "cancelled", at: noon });
    assert.deepEqual(store.rollouts.lines(), [key]);
  });

  tells("nobody leaves the line into an environment that is taken", (store) => {
    storeRollout(store, aRequest({ number: 1 }));
    storeRollout(store, aRequest({ number: 2, inLine: true }));
    const stored = store.rollouts.find(2);
    assert.ok(stored !== null);
    const state = { ...stored.state, phase: "awaiting_approval" } as const;
    const event = { type: "plan_changed", at: noon, detail: "its turn" } as const;
    assert.throws(
      () => store.transact(() => store.rollouts.append({ number: 2, version: 1, event, state })),
      /UNIQUE constraint failed|already active/,
    );
    assert.equal(store.rollouts.find(2)?.version, 1);
  });

  tells("a lock is there until it is taken away; those whose time has passed are told", (store) => {
    assert.equal(store.locks.find(key), null);
    const lock = { by: ana, at: noon, why: "a migration runs", until: noon + 1000 };
    store.locks.put(key, lock);
    store.locks.put({ ...key, environment: "staging" }, { ...lock, until: null });
    assert.deepEqual(store.locks.find(key), lock);
    assert.equal(store.locks.nextExpiry(), noon + 1000);
    assert.deepEqual(store.locks.expired(noon + 999), []);
    assert.deepEqual(store.locks.expired(noon + 1000), [key]);
    assert.deepEqual(store.locks.all(), [
      { ...key, lock },
      { ...key, environment: "staging", lock: { ...lock, until: null } },
    ]);
    store.locks.put(key, { ...lock, by: bo, until: null });
    assert.equal(store.locks.find(key)?.by.name, "bo");
    assert.equal(store.locks.nextExpiry(), null);
    store.locks.remove(key);
    assert.equal(store.locks.find(key), null);
  });
}
