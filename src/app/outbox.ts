/**
 * Does what was promised to the outside: cards, thread lines, GitHub, Jira. Items of one key go in order, keys side by
 * side. An item is claimed before it is tried, so a crash repeats it at worst; every handler bears a repetition. An attempt
 * has a lease: one that never ends does not hold its key, it is tried again.
 */
import { LeaseEnded, withinLease } from "./lease.ts";
import { ChatError, type Clock, type Log, OutsideError } from "./ports.ts";
import type { OutboxItem, Store } from "./store.ts";

export type Handler = (item: OutboxItem) => Promise<void>;

export type Outbox = {
  /** Looks for work now. Cheap; call it after every commit that put something in. */
  nudge(): void;
  /** What these kinds speak to answers again: nobody waits for the end of a long retry. */
  hasten(kinds: readonly string[]): void;
  /** Waits for what is under way, at most this long. */
  stop(withinMs: number): Promise<void>;
};

/** After this an item is given up; it stays in the table as dead. */
const lifeMs = 24 * 60 * 60_000;
/** One that keeps ending the process is begun no more. Far beyond what retries of a day come to. */
const mostAttempts = 500;
/** Whatever is asked outside gives up long before. */
const leaseMs = 2 * 60_000;
const firstRetryMs = 1000;
const longestRetryMs = 5 * 60_000;
const storeRetryMs = 5_000;

export function createOutbox(parts: {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly handlers: Readonly<Record<string, Handler>>;
  /** The key whose open items go first (a thread's line waits for its card), or null. Asked again whenever anything ended. */
  readonly waitsFor?: (item: OutboxItem) => string | null;
  readonly failpoint?: (name: string) => void;
}): Outbox {
  const { store, clock, log, handlers } = parts;
  const failpoint = parts.failpoint ?? (() => {});
  const underWay = new Map<string, Promise<void>>();
  let cancelWake: (() => void) | null = null;
  let stopped = false;
  let scheduled = false;
  let closed = false;
  let marks: { readonly item: OutboxItem; readonly error: unknown }[] = [];

  function nudge(): void {
    if (scheduled || stopped) return;
    scheduled = true;
    queueMicrotask(() => {
      scheduled = false;
      if (!stopped) pump();
    });
  }

  /** A store that cannot be read or written now (a full disk) is no reason to stop looking. */
  function pump(): void {
    try {
      const now = clock.now();
      begin(store.outbox.ready(now).filter((item) => !underWay.has(item.key) && !isHeld(item)));
      // Who is due already is under way or held, and is looked at again when that ends.
      wake(store.outbox.nextAt(now));
    } catch (error) {
      log.error({ err: error }, "the outbox cannot be worked on; it will be looked at again");
      wake(clock.now() + storeRetryMs);
    }
  }

  function isHeld(item: OutboxItem): boolean {
    const key = parts.waitsFor?.(item) ?? null;
    return key !== null && key !== item.key && store.outbox.isOpen(key);
  }

  function wake(at: number | null): void {
    cancelWake?.();
    cancelWake = at === null || stopped ? null : clock.wakeAt(at, nudge);
  }

  /** All claims of a moment are one flush to the disk. */
  function begin(items: readonly OutboxItem[]): void {
    if (items.length === 0) return;
    const spent = items.filter((item) => item.attempt >= mostAttempts);
    store.transact(() => {
      for (const { id } of items) store.outbox.claim(id);
      const error = `begun ${mostAttempts} times, and it never came to an end`;
      for (const { id } of spent) store.outbox.finish(id, "dead", clock.now(), error);
    });
    for (const { kind, rollout } of spent) log.error({ kind, rollout }, "outbox item given up");
    for (const item of items) if (!spent.includes(item)) underWay.set(item.key, attempt(item));
  }

  async function attempt(item: OutboxItem): Promise<void> {
    failpoint(`outbox.${item.kind}.after_claim`);
    try {
      const handler = handlers[item.kind];
      if (handler === undefined) throw new Error(`nobody handles outbox items of kind ${item.kind}`);
      await withinLease(clock, leaseMs, handler(item));
      failpoint(`outbox.${item.kind}.before_mark`);
      mark(item, null);
    } catch (error) {
      mark(item, error);
    }
  }

  /** `error` null: done. Marks of one turn of the event loop are one flush to the disk. */
  function mark(item: OutboxItem, error: unknown): void {
    marks.push({ item, error });
    if (marks.length === 1) clock.soon(flush);
  }

  function flush(): void {
    const due = marks;
    marks = [];
    if (due.length === 0 || closed) return;
    try {
      store.transact(() => {
        for (const { item, error } of due) {
          if (error === null) store.outbox.finish(item.id, "done", clock.now(), null);
          else put(item, error);
        }
      });
      for (const { item } of due) underWay.delete(item.key);
      nudge();
    } catch (error) {
      // They stay open in the store, and are done again: every handler bears that.
      for (const { item } of due) underWay.delete(item.key);
      log.error({ err: error, items: due.length }, "outbox items could not be marked");
      wake(clock.now() + storeRetryMs);
    }
  }

  function put(item: OutboxItem, error: unknown): void {
    const now = clock.now();
    const message = error instanceof Error ? error.message : String(error);
    const facts = { kind: item.kind, rollout: item.rollout, attempt: item.attempt + 1, error: message };
    if (isFinal(error) || now - item.createdAt > lifeMs) {
      log.error(facts, "outbox item given up");
      store.outbox.finish(item.id, "dead", now, message);
      return;
    }
    log.warn(facts, "outbox item will be tried again");
    store.outbox.retry({ id: item.id, notBefore: now + waitMs(item.attempt, error), error: message });
  }

  return {
    nudge,
    hasten(kinds) {
      if (stopped) return;
      try {
        store.outbox.hasten(kinds, clock.now());
      } catch (error) {
        log.warn({ err: error }, "what waits in the outbox could not be pulled forward");
      }
      nudge();
    },
    async stop(withinMs) {
      stopped = true;
      cancelWake?.();
      const all = Promise.allSettled(underWay.values());
      let cancel = () => {};
      const enough = new Promise<void>((resolve) => {
        cancel = clock.wakeAt(clock.now() + withinMs, resolve);
      });
      await Promise.race([all, enough]);
      cancel();
      flush();
      closed = true;
    },
  };
}

/** Refused for good, or a fault of ours: trying again would not help. */
function isFinal(error: unknown): boolean {
  if (error instanceof ChatError) return error.kind === "never";
  return !(error instanceof OutsideError || error instanceof LeaseEnded);
}

function waitMs(attempt: number, error: unknown): number {
  const asked = error instanceof ChatError || error instanceof OutsideError ? error.retryAfterMs : null;
  return asked ?? Math.min(longestRetryMs, firstRetryMs * 2 ** Math.min(attempt, 12));
}
