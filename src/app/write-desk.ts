/**
 * Collects what a turn of the event loop brings to the inbox and writes it in one transaction: a flush to the disk for each would
 * queue up. An answer is on the disk before it is given, so that whoever serves the command again gives the same. An outcome that cannot be written now is kept until it can: lost, its command would be done again at the next start.
 */

import type { Message } from "../messages/message.ts";
import type { Clock, Delivery, Log } from "./ports.ts";
import type { Answer, Store } from "./store.ts";

type Arrival = { readonly delivery: Delivery; readonly resolve: (verdict: "new" | "duplicate" | "full") => void };

type Settled = { readonly id: number; readonly answer: Answer; readonly resolve: (how: Settling) => void };

/** `unwritten`: the disk does not take it now. `closed`: who serves it next will answer. */
export type Settling = "recorded" | "unwritten" | "closed";

type Outcome = {
  readonly id: number;
  readonly outcome: string;
  /** What is still to be said of it, recorded with it. */
  readonly answer?: { readonly key: string; readonly user: string; readonly message: Message };
};

type WriteDesk = {
  /** Resolves when it is on the disk, or cannot be. */
  add(delivery: Delivery): Promise<"new" | "duplicate" | "full">;
  /** Resolves when the answer is on the disk, or cannot be: the outcome that follows is kept until it can. */
  settle(id: number, answer: Answer): Promise<Settling>;
  finish(outcome: Outcome): void;
  /** Writes what is left, once; nothing is written after. */
  close(): void;
};

const storeRetryMs = 5_000;

export function createWriteDesk(parts: {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly outboxChanged: () => void;
}): WriteDesk {
  const { store, clock, log } = parts;
  let arrivals: Arrival[] = [];
  let answers: Settled[] = [];
  let outcomes: Outcome[] = [];
  let due = false;
  let closed = false;
  let cancelRetry: (() => void) | null = null;

  function soon(): void {
    if (due || closed) return;
    due = true;
    clock.soon(() => {
      due = false;
      if (!closed) write();
    });
  }

  function write(): void {
    cancelRetry?.();
    cancelRetry = null;
    const [added, settled, ended] = [arrivals, answers, outcomes];
    arrivals = [];
    answers = [];
    outcomes = [];
    if (added.length + settled.length + ended.length === 0) return;
    const now = clock.now();
    try {
      const fresh = store.transact(() => {
        for (const { id, answer } of settled) store.inbox.settle(id, answer);
        for (const each of ended) record(each, now);
        return added.map(({ delivery }) => store.inbox.add(delivery, now));
      });
      for (const [index, { resolve }] of added.entries()) resolve(fresh[index] === true ? "new" : "duplicate");
      for (const { resolve } of settled) resolve("recorded");
      if (ended.some((each) => each.answer !== undefined)) parts.outboxChanged();
    } catch (error) {
      const counts = { deliveries: added.length, answers: settled.length, outcomes: ended.length };
      log.error({ err: error, ...counts }, "the inbox could not be written");
      for (const { resolve } of added) resolve("full");
      for (const { resolve } of settled) resolve("unwritten");
      outcomes = [...ended, ...outcomes];
      if (outcomes.length > 0 && !closed) cancelRetry = clock.wakeAt(now + storeRetryMs, soon);
    }
  }

  function record({ id, outcome, answer }: Outcome, at: number): void {
    store.inbox.finish(id, outcome, at);
    if (answer === undefined) return;
    const { key, user, message } = answer;
    store.outbox.add({ key: `answer:${key}`, kind: "answer", rollout: null, body: { user, message }, at, replace: true });
  }

  return {
    add(delivery) {
      if (closed) return Promise.resolve("full");
      const { promise, resolve } = Promise.withResolvers<"new" | "duplicate" | "full">();
      arrivals.push({ delivery, resolve });
      soon();
      return promise;
    },
    settle(id, answer) {
      if (closed) return Promise.resolve("closed");
      const { promise, resolve } = Promise.withResolvers<Settling>();
      answers.push({ id, answer, resolve });
      soon();
      return promise;
    },
    finish(outcome) {
      outcomes.push(outcome);
      soon();
    },
    close() {
      write();
      closed = true;
      cancelRetry?.();
    },
  };
}
