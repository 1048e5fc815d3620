// What was promised to the outside is done in order and in time, also while something outside is slow or dead.
import assert from "node:assert/strict";
import { test } from "node:test";
import { createOutbox, type Handler } from "../../src/app/outbox.ts";
import { type Chat, ChatError, OutsideError } from "../../src/app/ports.ts";
import { aRequest } from "../kit/rollouts.ts";
import { storeRollout } from "../kit/stores.ts";
import { aClock, anApp, aStore, fakeChat, type OpenStore, settled, silent, writesOf } from "./kit.ts";

const slackIsDead = new ChatError({ kind: "retry", reason: "chat_unreachable", message: "Slack does not answer" });

function put(store: OpenStore, key: string, facts: { kind?: string; rollout?: number; at: number; body?: unknown }): void {
  const { kind = key, rollout = null, at, body = {} } = facts;
  store.outbox.add({ key, kind, rollout, body, at, replace: false });
}

const line = { message: { text: "Approved by bo", blocks: [] }, broadcast: false };

test("while Slack is dead a thread waits for its card without a write, and follows it at once when Slack answers", async () => {
  const store = aStore();
  const { passes, clock } = aClock();
  const chat = fakeChat();
  const { outbox } = anApp({ store, clock, chat });
  const { number } = aRequest();
  storeRollout(store, aRequest());
  chat.fault = slackIsDead;
  put(store, `card:${number}`, { kind: "card", rollout: number, at: clock.now() });
  put(store, `thread:${number}`, { kind: "thread", rollout: number, at: clock.now(), body: line });
  outbox.nudge();
  await passes(400);
  const before = writesOf(store);
  await passes(500);
  assert.equal(writesOf(store) - before, 0, "nothing is tried before the card's next time");
  chat.fault = null;
  await passes(2_000);
  assert.deepEqual(
    chat.posted.map((p) => p.key.replace(/\d+$/, "")),
    ["rollout-", "line-"],
  );
  assert.equal(store.outbox.depth().open, 0);
});

function outboxOf(store: OpenStore, handlers: Readonly<Record<string, Handler>>) {
  const { passes, clock } = aClock();
  return { passes, clock, outbox: createOutbox({ store, clock, log: silent, handlers }) };
}

test("an item that takes long does not hold up the retries of the others", async () => {
  const store = aStore();
  const slow = Promise.withResolvers<void>();
  let tries = 0;
  const { passes, clock, outbox } = outboxOf(store, {
    slow: () => slow.promise,
    quick: async () => {
      tries += 1;
      if (tries === 1) throw new OutsideError({ reason: "jira_unreachable", message: "Jira does not answer" });
    },
  });
  put(store, "slow", { at: clock.now() });
  put(store, "quick", { at: clock.now() });
  outbox.nudge();
  await settled();
  assert.equal(tries, 1);
  await passes(1_500);
  assert.equal(tries, 2, "tried again although the slow one is still under way");
  slow.resolve();
  await settled();
  assert.equal(store.outbox.depth().open, 0);
});

test("an attempt that never ends is tried again after its lease, and its late end is nobody's", async () => {
  const store = aStore();
  const ends: ((error?: Error) => void)[] = [];
  const tried: number[] = [];
  const { passes, clock, outbox } = outboxOf(store, {
    card: ({ attempt }) => {
      tried.push(attempt);
      return new Promise((resolve, reject) => ends.push((error) => (error === undefined ? resolve() : reject(error))));
    },
    line: async () => void tried.push(-1),
  });
  put(store, "card:1", { kind: "card", at: clock.now() });
  put(store, "card:1", { kind: "line", at: clock.now() });
  outbox.nudge();
  await passes(119_000);
  assert.deepEqual(tried, [0]);
  await passes(2_000);
  await passes(2_000);
  assert.deepEqual(tried, [0, 1], "tried again while the first still hangs");
  const lastError = () => store.db.prepare("select last_error from outbox where kind = 'card'").pluck().get();
  assert.equal(lastError(), "no end after 2 min");
  ends[0]?.(new Error("much too late"));
  await settled();
  assert.deepEqual([lastError(), store.outbox.depth().dead], ["no end after 2 min", 0]);
  ends[1]?.();
  await settled();
  assert.deepEqual([tried, store.outbox.depth().open], [[0, 1, -1], 0]);
});

test("what waits for Slack is tried as soon as Slack is back, and nothing else is", async () => {
  const store = aStore();
  let dead = true;
  const tried: string[] = [];
  const handler: Handler = async ({ kind }) => {
    tried.push(kind);
    if (dead) throw slackIsDead;
  };
  const { passes, clock, outbox } = outboxOf(store, { card: handler, ticket: handler });
  put(store, "card", { at: clock.now() });
  put(store, "ticket", { at: clock.now() });
  outbox.nudge();
  await passes(10 * 60_000);
  dead = false;
  tried.length = 0;
  outbox.hasten(["card"]);
  await settled();
  assert.deepEqual(tried, ["card"]);
  await passes(5 * 60_000);
  assert.deepEqual(tried, ["card", "ticket"]);
});

test("after a start the cards of what is open are drawn again: Slack may show more than a copy of the data knows", async () => {
  const store = aStore();
  const { passes, clock } = aClock();
  const edited: string[] = [];
  const chat: Chat = { ...fakeChat(), update: async ({ place }) => void edited.push(place.ts) };
  const app = anApp({ store, clock, chat });
  storeRollout(store, aRequest());
  store.rollouts.setCard(aRequest().number, { channel: "C1", ts: "7" });
  app.recover();
  await passes(1_000);
  assert.deepEqual(edited, ["7"]);
  app.stop();
});
