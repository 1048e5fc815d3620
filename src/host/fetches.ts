/** What is fetched for several at once: one fetch per key, which ends when nobody wants it any more. */
import type { Clock } from "../app/ports.ts";

export type Fetches<T> = {
  /**
   * Joins the fetch of this key, or begins it. `until` aborts when the caller wants it no more; its promise settles with the
   * fetch all the same. Without `until` it is wanted for good.
   */
  join(ask: {
    readonly key: string;
    readonly fetch: (signal: AbortSignal) => Promise<T>;
    readonly until?: AbortSignal;
  }): Promise<T>;
  /** Ends all. */
  stop(): void;
};

type Shared<T> = { readonly promise: Promise<T>; readonly ending: AbortController; wanted: number; stay: () => void };

/** A plan lets go of its images in the moment of the order that needs them: whoever leaves may be followed by another. */
const graceMs = 5_000;

export function createFetches<T>(clock: Clock): Fetches<T> {
  const running = new Map<string, Shared<T>>();
  let stopped = false;

  function begin(key: string, fetch: (signal: AbortSignal) => Promise<T>): Shared<T> {
    const ending = new AbortController();
    if (stopped) ending.abort();
    const promise = fetch(ending.signal).finally(() => {
      shared.stay();
      if (running.get(key) === shared) running.delete(key);
    });
    const shared: Shared<T> = { promise, ending, wanted: 0, stay: () => undefined };
    running.set(key, shared);
    return shared;
  }

  function leave(key: string, shared: Shared<T>): void {
    shared.wanted -= 1;
    if (shared.wanted > 0 || running.get(key) !== shared) return;
    shared.stay = clock.wakeAt(clock.now() + graceMs, () => {
      // Whoever comes now begins anew, rather than wait for the end of what was given up.
      if (running.get(key) === shared) running.delete(key);
      shared.ending.abort();
    });
  }

  return {
    join({ key, fetch, until }) {
      const shared = running.get(key) ?? begin(key, fetch);
      shared.stay();
      shared.wanted += 1;
      const onLeave = () => leave(key, shared);
      if (until?.aborted === true) onLeave();
      until?.addEventListener("abort", onLeave, { once: true });
      return shared.promise.finally(() => until?.removeEventListener("abort", onLeave));
    },
    stop() {
      stopped = true;
      for (const { stay, ending } of running.values()) {
        stay();
        ending.abort();
      }
    },
  };
}
