import assert from "node:assert/strict";
import type { ObservedContainer, ObservedSlot } from "../../../src/core/slot.ts";
import { ana, aRequest, noon } from "../../kit/rollouts.ts";
import { storeRollout } from "../../kit/stores.ts";
import type { Tells } from "./contract.ts";

const key = { service: "api", environment: "prod" } as const;
const live: ObservedContainer = {
  containerId: "c1",
  release: 1,
  digest: "sha256:1",
  generation: 1,
  startedAt: 1,
  restarts: 0,
  health: "ok",
  detail: null,
};
const observed: ObservedSlot = { ...key, generation: 1, step: "serving", outcome: null, live, previous: null };

export function slots(tells: Tells): void {
  tells("generations of a slot only rise, and a restart is wanted once", (store) => {
    storeRollout(store, aRequest({ number: 1 }));
    store.hosts.put({ name: "prod-1", labels: {}, publicKey: "k", at: noon });
    const wish = { ...key, host: "prod-1", rollout: 1, release: 1 };
    assert.equal(store.slots.desire(wish), 1);
    assert.equal(store.slots.desire({ ...wish, fresh: true }), 2);
    assert.deepEqual([store.slots.get("prod-1", key)?.fresh, store.slots.get("prod-1", key)?.release], [true, 1]);
    assert.equal(store.slots.desire({ ...wish, release: null }), 3);
    assert.equal(store.slots.get("prod-1", key)?.fresh, false);
  });

  tells("the slots of a place, and of all places, stand by host", (store) => {
    storeRollout(store, aRequest({ number: 1 }));
    const staging = { service: "api", environment: "staging" };
    for (const name of ["prod-2", "prod-1", "stage-1"]) store.hosts.put({ name, labels: {}, publicKey: "k", at: noon });
    store.slots.desire({ ...staging, host: "stage-1", rollout: 1, release: 1 });
    for (const host of ["prod-2", "prod-1"]) store.slots.desire({ ...key, host, rollout: 1, release: 1 });
    const hosts = (slots: readonly { readonly host: string }[]) => slots.map((slot) => slot.host);
    assert.deepEqual(hosts(store.slots.ofEnvironment(key)), ["prod-1", "prod-2"]);
    const all = store.slots.all();
    assert.deepEqual(
      all.filter((s) => s.environment === "prod").map((s) => s.host),
      ["prod-1", "prod-2"],
    );
    assert.deepEqual(
      all.filter((s) => s.environment === "staging"),
      store.slots.ofEnvironment(staging),
    );
  });

  tells("what is adopted has at least the agent's generation, and always a new one", (store) => {
    storeRollout(store, aRequest({ number: 1 }));
    for (const name of ["prod-1", "prod-2"]) store.hosts.put({ name, labels: {}, publicKey: "k", at: noon });
    const reality = { ...key, host: "prod-1", release: 1, rollout: null };
    store.slots.desire({ ...key, host: "prod-1", rollout: 1, release: null, fresh: true });
    store.slots.adopt({ ...reality, generation: 40 });
    const { generation, release, rollout, fresh } = store.slots.get("prod-1", key) ?? {};
    assert.deepEqual({ generation, release, rollout, fresh }, { generation: 40, release: 1, rollout: null, fresh: false });
    store.slots.adopt({ ...reality, generation: 7, release: null });
    assert.equal(store.slots.get("prod-1", key)?.generation, 41, "what it says is new, so its generation is");
    store.slots.adopt({ ...reality, host: "prod-2", generation: 12, rollout: 1 });
    assert.deepEqual([store.slots.get("prod-2", key)?.generation, store.slots.get("prod-2", key)?.rollout], [12, 1]);
  });

  tells("whether anything was ever well on a slot, whatever came of it", (store) => {
    storeRollout(store, aRequest({ number: 1 }));
    store.hosts.put({ name: "prod-1", labels: {}, publicKey: "k", at: noon });
    const has = () => store.slots.get("prod-1", key)?.hasServed;
    const see = (change: Partial<ObservedContainer> | null) =>
      store.slots.observe({ host: "prod-1", slot: { ...observed, live: change && { ...live, ...change } }, at: noon });
    store.slots.desire({ ...key, host: "prod-1", rollout: 1, release: 1 });
    assert.equal(has(), false);
    see({ health: "starting" });
    see(null);
    assert.equal(has(), false);
    see({});
    assert.equal(has(), true);
    see({ health: "failing" });
    see(null);
    store.slots.desire({ ...key, host: "prod-1", rollout: 1, release: null });
    assert.equal(has(), true);
  });

  tells("what ran at a time has an answer, and only changes are kept", (store) => {
    store.hosts.put({ name: "prod-1", labels: {}, publicKey: "k", at: noon });
    const see = (at: number, change: Partial<ObservedContainer>) =>
      store.slots.observe({ host: "prod-1", slot: { ...observed, live: { ...live, ...change } }, at });
    see(1000, {});
    see(2000, {});
    see(3000, { health: "failing" });
    const ran = (at: number) => store.slots.ranAt({ ...key, host: "prod-1", at });
    assert.equal(ran(999), null);
    assert.deepEqual(ran(2500), { at: 1000, release: 1, digest: "sha256:1", health: "ok" });
    assert.equal(ran(3500)?.health, "failing");
  });

  tells("the series of an environment has every change since a time, and where each host stood before", (store) => {
    for (const name of ["prod-1", "prod-2"]) store.hosts.put({ name, labels: {}, publicKey: "k", at: noon });
    const see = (host: string, at: number, change: Partial<ObservedContainer> | null) =>
      store.slots.observe({ host, slot: { ...observed, live: change === null ? null : { ...live, ...change } }, at });
    see("prod-1", 1000, { health: "starting" });
    see("prod-1", 2000, {});
    see("prod-2", 2500, {});
    see("prod-1", 5000, { health: "exited", restarts: 1 });
    see("prod-1", 5000, { restarts: 2 });
    see("prod-2", 6000, null);
    assert.deepEqual(store.slots.series({ ...key, since: 3000 }), [
      { host: "prod-1", at: 2000, health: "ok", restarts: 0 },
      { host: "prod-2", at: 2500, health: "ok", restarts: 0 },
      { host: "prod-1", at: 5000, health: "exited", restarts: 1 },
      { host: "prod-1", at: 5000, health: "ok", restarts: 2 },
      { host: "prod-2", at: 6000, health: "empty", restarts: 0 },
    ]);
    assert.deepEqual(store.slots.series({ ...key, environment: "staging", since: 0 }), []);
  });

  tells("what a person wants of a host stays, whatever its agent says", (store) => {
    store.hosts.put({ name: "prod-1", labels: {}, publicKey: "k", at: noon });
    const intent = { kind: "cordoned", by: ana, at: noon, why: "a disk is failing" } as const;
    store.hosts.setIntent("prod-1", intent);
    store.hosts.seen({ name: "prod-1", labels: { env: "prod" }, agentVersion: "2", at: noon + 1 });
    store.hosts.put({ name: "prod-1", labels: {}, publicKey: "k2", at: noon + 2 });
    assert.deepEqual(store.hosts.find("prod-1")?.intent, intent);
    store.hosts.setIntent("prod-1", null);
    assert.equal(store.hosts.find("prod-1")?.intent, null);
  });

  tells("since when an engine is as it is: from the report that said so first", (store) => {
    store.hosts.put({ name: "prod-1", labels: {}, publicKey: "k", at: noon });
    const down = { ok: false, reason: "engine_down", detail: "refused", liveRestore: true };
    const says = (engine: typeof down | (Omit<typeof down, "reason"> & { reason: null }), at: number) => {
      store.hosts.seen({ name: "prod-1", at });
      store.hosts.setEngine("prod-1", engine);
      return store.hosts.find("prod-1")?.engine?.since;
    };
    assert.equal(says(down, noon), noon);
    assert.equal(says({ ...down, detail: "reset" }, noon + 5), noon);
    assert.equal(store.hosts.find("prod-1")?.engine?.detail, "reset");
    assert.equal(says({ ...down, reason: "engine_stuck" }, noon + 10), noon + 10);
    assert.equal(says({ ...down, ok: true, reason: null }, noon + 20), noon + 20);
  });

  tells("a token works once, for its host, in its time", (store) => {
    const token = { tokenHash: "h", name: "prod-1", labels: { env: "prod" }, at: 0, expiresAt: 100 };
    store.hosts.addToken(token);
    assert.equal(store.hosts.spendToken({ tokenHash: "h", name: "prod-2", at: 1 }), null);
    assert.equal(store.hosts.spendToken({ tokenHash: "h", name: "prod-1", at: 101 }), null);
    assert.deepEqual(store.hosts.spendToken({ tokenHash: "h", name: "prod-1", at: 1 }), {
      name: "prod-1",
      labels: { env: "prod" },
    });
    assert.equal(store.hosts.spendToken({ tokenHash: "h", name: "prod-1", at: 2 }), null);
  });
}
