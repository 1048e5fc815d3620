/** Once a day: what was done long ago leaves the inbox and the outbox. History is no part of this; it is kept for ever. */
import type { Clock, Log } from "./ports.ts";
import type { Store } from "./store.ts";

/** Far beyond the time in which a delivery comes twice, and long enough to look into what was given up. */
const keptMs = 7 * 24 * 60 * 60_000;
const everyMs = 24 * 60 * 60_000;
/** Rows of one transaction; a command that comes meanwhile waits for no more than this. */
const mostAtOnce = 2_000;
const pauseMs = 1_000;

/** Begins now; returns how to stop it. */
export function keepHouse(parts: { readonly store: Store; readonly clock: Clock; readonly log: Log }): () => void {
  const { store, clock, log } = parts;
  let cancel = clock.wakeAt(clock.now(), clean);

  function clean(): void {
    const more = prune();
    cancel = clock.wakeAt(clock.now() + (more ? pauseMs : everyMs), clean);
  }

  /** True: there is more. A store that cannot be written now is cleaned tomorrow. */
  function prune(): boolean {
    try {
      const facts = { before: clock.now() - keptMs, limit: mostAtOnce };
      const [inbox, outbox] = store.transact(() => [store.inbox.prune(facts), store.outbox.prune(facts)] as const);
      if (inbox + outbox > 0) log.info({ inbox, outbox }, "what was done long ago was removed");
      return inbox === mostAtOnce || outbox === mostAtOnce;
    } catch (error) {
      log.warn({ err: error }, "what was done long ago could not be removed");
      return false;
    }
  }

  return () => cancel();
}
