/**
 * What is done now and then, in slices, so that no command waits for it: what was done long ago leaves the inbox and the
 * outbox, the history is walked link by link, and the log of the database is folded into it. History itself is kept for ever.
 */
import type { Clock, Log } from "./ports.ts";
import type { ChainFault, Store } from "./store.ts";

/** Far beyond the time in which a delivery comes twice, and long enough to look into what was given up. */
const keptMs = 7 * 24 * 60 * 60_000;
const dayMs = 24 * 60 * 60_000;
const hourMs = 60 * 60_000;
/** Rows of one transaction; a command that comes meanwhile waits for no more than this. */
const mostAtOnce = 2_000;
const pauseMs = 1_000;
/** Links of one slice, and the breath after it: a million of them take some minutes. */
const linksAtOnce = 2_000;
const breathMs = 200;

export type HouseParts = {
  readonly store: Store & { checkpoint(): void };
  readonly clock: Clock;
  readonly log: Log;
  /** The history does not hold: nothing may be sent to anybody until a person has looked. */
  readonly suspect: (fault: ChainFault) => void;
};

/** Begins now; returns how to stop it. */
export function keepHouse(parts: HouseParts): () => void {
  const stops = [prune(parts), verify(parts), checkpoint(parts)];
  return () => {
    for (const stop of stops) stop();
  };
}

/** Does the work now and again; it says how long to wait until the next time. */
function repeat(clock: Clock, work: () => number): () => void {
  let cancel = clock.wakeAt(clock.now(), turn);
  function turn(): void {
    cancel = clock.wakeAt(clock.now() + work(), turn);
  }
  return () => cancel();
}

/** Once a day. A store that cannot be written now is cleaned tomorrow. */
function prune({ store, clock, log }: HouseParts): () => void {
  return repeat(clock, () => {
    try {
      const facts = { before: clock.now() - keptMs, limit: mostAtOnce };
      const [inbox, outbox] = store.transact(() => [store.inbox.prune(facts), store.outbox.prune(facts)] as const);
      if (inbox + outbox > 0) log.info({ inbox, outbox }, "what was done long ago was removed");
      return inbox === mostAtOnce || outbox === mostAtOnce ? pauseMs : dayMs;
    } catch (error) {
      log.warn({ err: error }, "what was done long ago could not be removed");
      return dayMs;
    }
  });
}

/** From the first link to the last, every hour. */
function verify({ store, clock, log, suspect }: HouseParts): () => void {
  let from = 1;
  return repeat(clock, () => {
    try {
      const { fault, to, done } = store.history.verify({ from, limit: linksAtOnce });
      if (fault !== null) {
        log.error({ seq: fault.seq, what: fault.what }, "the history does not hold");
        suspect(fault);
      } else if (!done) {
        from = to + 1;
        return breathMs;
      } else log.debug({ links: to }, "the history holds");
    } catch (error) {
      log.warn({ err: error }, "the history could not be walked; it will be tried again");
    }
    from = 1;
    return hourMs;
  });
}

/** Every hour, or a write-ahead log that some reader held open would only grow. */
function checkpoint({ store, clock, log }: HouseParts): () => void {
  return repeat(clock, () => {
    try {
      store.checkpoint();
    } catch (error) {
      log.warn({ err: error }, "the write-ahead log could not be folded in; it will be tried again");
    }
    return hourMs;
  });
}
