import assert from "node:assert/strict";
import { aRequest, bo, noon } from "../../kit/rollouts.ts";
import { storeRollout } from "../../kit/stores.ts";
import type { Tells } from "./contract.ts";

export function standing(tells: Tells): void {
  tells("timers are due in order; deadlines of hosts and of progress are moved when nobody could listen", (store) => {
    storeRollout(store, aRequest({ number: 1 }));
    const set = (name: Parameters<typeof store.timers.set>[0]["name"], wakeAt: number) =>
      store.timers.set({ rollout: 1, name, wakeAt });
    set("soak", 30);
    set("host:prod-1", 20);
    set("progress", 10);
    assert.equal(store.timers.next(), 10);
    assert.deepEqual(
      store.timers.due(20).map((t) => t.name),
      ["progress", "host:prod-1"],
    );
    store.timers.grant(25);
    assert.deepEqual(store.timers.due(24), []);
    assert.equal(store.timers.due(25).length, 2);
    store.timers.clear(1, "progress");
    store.timers.clearAll(1);
    assert.equal(store.timers.next(), null);
  });

  tells("the freeze is one, and lasts until it is ended", (store) => {
    assert.equal(store.freeze.current(), null);
    const freeze = { reason: "server_behind", at: noon, host: "prod-1", detail: "it has seen epoch 3" } as const;
    store.freeze.set(freeze);
    assert.deepEqual(store.freeze.current(), freeze);
    store.freeze.set({ ...freeze, reason: "history_forked", host: null });
    assert.equal(store.freeze.current()?.reason, "history_forked");
    store.freeze.clear();
    assert.equal(store.freeze.current(), null);
  });

  tells("what was used before a swap is the first word, what is used after it the last", (store) => {
    storeRollout(store, aRequest({ number: 1 }));
    const note = (host: string, moment: "before" | "after", memoryBytes: number, cores: number | null = 0.5) =>
      store.usage.note({ rollout: 1, host, moment, used: { cores, memoryBytes } });
    note("prod-2", "before", 100.4);
    note("prod-2", "before", 999);
    note("prod-1", "after", 300, null);
    note("prod-1", "after", 200);
    assert.deepEqual(store.usage.of(1), [
      { host: "prod-1", before: null, after: { cores: 0.5, memoryBytes: 200 } },
      { host: "prod-2", before: { cores: 0.5, memoryBytes: 100 }, after: null },
    ]);
    assert.deepEqual(store.usage.of(2), []);
  });

  tells("the epoch rises by one", (store) => {
    const { epoch } = store;
    assert.equal(store.raiseEpoch(), epoch + 1);
    assert.equal(store.epoch, epoch + 1);
  });
}

export function queues(tells: Tells): void {
  const delivery = { key: "e1", meaning: "m1", actor: bo, channel: "C1", threadTs: null, act: { kind: "home" } } as const;

  tells("a duplicate delivery is known by its key and by its meaning", (store) => {
    assert.equal(store.inbox.add(delivery, noon), true);
    assert.equal(store.inbox.add(delivery, noon), false);
    assert.equal(store.inbox.add({ ...delivery, key: "e2" }, noon), false, "another envelope of the same act");
    assert.equal(store.inbox.add({ ...delivery, key: "e3", meaning: null }, noon), true);
  });

  tells("a command whose work ended the process three times is given up, and told of", (store) => {
    store.inbox.add(delivery, noon);
    const [first] = store.inbox.open();
    assert.ok(first !== undefined);
    for (const before of [0, 1, 2]) {
      assert.deepEqual(
        store.inbox.open().map((item) => item.attempt),
        [before],
      );
      assert.equal(store.inbox.claim(first.id), before);
    }
    assert.deepEqual(store.inbox.open(), []);
    assert.deepEqual(
      store.inbox.dead(5).map(({ id, attempt, outcome }) => ({ id, attempt, outcome })),
      [{ id: first.id, attempt: 3, outcome: "given up" }],
    );
    assert.equal(store.inbox.depth().open, 0);
    assert.equal(store.inbox.add(delivery, noon + 1), false, "and is not begun again by another delivery of it");
  });

  tells("the first answer to a command stands, and is there for whoever serves it again", (store) => {
    store.inbox.add(delivery, noon);
    const [item] = store.inbox.open();
    assert.ok(item !== undefined && item.answer === null);
    store.inbox.settle(item.id, { message: { text: "No.", blocks: [] } });
    store.inbox.settle(item.id, { message: null });
    assert.deepEqual(store.inbox.open()[0]?.answer, { message: { text: "No.", blocks: [] } });
    store.inbox.finish(item.id, "answered", noon + 1);
    assert.deepEqual(store.inbox.byKey("e1")?.answer, { message: { text: "No.", blocks: [] } });
  });

  tells("a command that ended is not given up, however often it was begun", (store) => {
    store.inbox.add(delivery, noon);
    const id = store.inbox.byKey("e1")?.id ?? 0;
    for (const _ of [1, 2, 3]) store.inbox.claim(id);
    store.inbox.finish(id, "done", noon + 1);
    assert.deepEqual(store.inbox.open(), []);
    assert.deepEqual(store.inbox.dead(5), []);
    assert.equal(store.inbox.prune({ before: noon + 2, limit: 10 }), 1);
  });

  tells("outbox items of one key go in order; drawing again folds into a waiting item but not into one under way", (store) => {
    const add = (name: string, replace: boolean) =>
      store.outbox.add({ key: name, kind: "card", rollout: null, body: {}, at: 1, replace });
    add("card:1", true);
    add("card:1", true);
    add("thread:1", false);
    add("thread:1", false);
    assert.deepEqual(
      store.outbox.ready(1).map((i) => i.key),
      ["card:1", "thread:1"],
    );
    const [card] = store.outbox.ready(1);
    assert.ok(card !== undefined);
    store.outbox.claim(card.id);
    add("card:1", true);
    store.outbox.finish(card.id, "done", 2, null);
    assert.equal(store.outbox.ready(1).filter((i) => i.key === "card:1").length, 1, "the change made meanwhile is drawn");
  });

  tells("what was given up can be tried again; what was done cannot", (store) => {
    for (const name of ["a", "b"]) {
      store.outbox.add({ key: name, kind: "card", rollout: null, body: {}, at: 1, replace: false });
    }
    const [a, b] = store.outbox.ready(1);
    assert.ok(a !== undefined && b !== undefined);
    for (const item of [a, b]) store.outbox.claim(item.id);
    store.outbox.finish(a.id, "dead", 2, "channel_not_found");
    store.outbox.finish(b.id, "done", 2, null);
    assert.deepEqual(
      store.outbox.dead(5).map((i) => [i.id, i.lastError]),
      [[a.id, "channel_not_found"]],
    );
    assert.equal(store.outbox.revive(b.id, 3), false);
    assert.equal(store.outbox.revive(999, 3), false);
    assert.equal(store.outbox.revive(a.id, 3), true);
    assert.deepEqual(
      store.outbox.ready(3).map((i) => [i.id, i.attempt]),
      [[a.id, 0]],
    );
    assert.equal(store.outbox.depth().dead, 0);
  });
}
