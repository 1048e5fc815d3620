// The inbox and the outbox do not grow for ever; what is open, and what was done lately, stays.
import assert from "node:assert/strict";
import { test } from "node:test";
import { keepHouse } from "../../src/app/housekeeping.ts";
import type { Delivery } from "../../src/app/ports.ts";
import { ana } from "../kit/rollouts.ts";
import { aClock, aStore, type OpenStore, silent } from "./kit.ts";

const days = 24 * 60 * 60_000;

function accept(store: OpenStore, key: string, facts: { at: number; done: boolean }): void {
  const act = { kind: "command", text: key } as const;
  const delivery: Delivery = { key, meaning: null, actor: ana, channel: null, threadTs: null, act };
  store.inbox.add(delivery, facts.at);
  const item = store.inbox.byKey(key);
  if (facts.done && item !== null) store.inbox.finish(item.id, "answered", facts.at);
}

function say(store: OpenStore, key: string, facts: { at: number; outcome: "done" | "dead" | null }): void {
  const { at, outcome } = facts;
  store.outbox.add({ key, kind: "card", rollout: null, body: {}, at, replace: false });
  const item = store.outbox.ready(at).find((each) => each.key === key);
  if (outcome !== null && item !== undefined) store.outbox.finish(item.id, outcome, at, null);
}

function keys(store: OpenStore, table: "inbox" | "outbox"): unknown[] {
  return store.db.prepare(`select key from ${table} order by id`).pluck().all();
}

test("once a day what was done more than a week ago is removed, and nothing else", async () => {
  const store = aStore();
  const { clock, passes } = aClock();
  const now = clock.now();
  accept(store, "old", { at: now - 8 * days, done: true });
  accept(store, "old and open", { at: now - 8 * days, done: false });
  accept(store, "new", { at: now - 6 * days, done: true });
  say(store, "old", { at: now - 8 * days, outcome: "done" });
  say(store, "old and given up", { at: now - 8 * days, outcome: "dead" });
  say(store, "old and open", { at: now - 8 * days, outcome: null });
  say(store, "new and given up", { at: now - 6 * days, outcome: "dead" });
  const stop = keepHouse({ store, clock, log: silent, suspect: ({ what }) => assert.fail(what) });
  await passes(1_000);
  assert.deepEqual(keys(store, "inbox"), ["old and open", "new"]);
  assert.deepEqual(keys(store, "outbox"), ["old and open", "new and given up"]);
  assert.equal(store.outbox.depth().dead, 1);
  await passes(2 * days);
  assert.deepEqual(keys(store, "inbox"), ["old and open"]);
  assert.deepEqual(keys(store, "outbox"), ["old and open"]);
  stop();
});

test("a long list is removed in pieces, so that no command waits for all of it", async () => {
  const store = aStore();
  const { clock, passes } = aClock();
  store.transact(() => {
    for (let i = 0; i < 5_000; i += 1) accept(store, `old ${i}`, { at: 1, done: true });
  });
  const stop = keepHouse({ store, clock, log: silent, suspect: ({ what }) => assert.fail(what) });
  await passes(1);
  assert.equal(keys(store, "inbox").length, 3_000);
  await passes(10_000);
  assert.equal(keys(store, "inbox").length, 0);
  stop();
});
