/**
 * One transaction at a time, and what is done once it is on the disk. Within a transaction a rollout is read once: what
 * was just written is not read again.
 */
import { isActive, type RolloutState } from "../core/rollout-state.ts";
import type { Store } from "./store.ts";

/** A rollout's newest state, and the version that the next write of it must name. */
export type Known = { readonly version: number; readonly state: RolloutState };

export type Work = {
  /** Several writes as one; inside another call it joins that one. Nobody outside hears of any before all are committed. */
  atomically<T>(work: () => T): T;
  /** Done after the commit, in the order given, the same function once; forgotten when the transaction fails. */
  afterwards(act: () => void): void;
  rollout(number: number): Known | null;
  /** Those that hold an environment, by number. */
  active(): readonly RolloutState[];
  wrote(known: Known): void;
};

export function createWork(store: Store): Work {
  let depth = 0;
  let acts = new Set<() => void>();
  const known = new Map<number, Known>();
  /** All that are active are among the known. */
  let isLoaded = false;

  function atomically<T>(work: () => T): T {
    depth += 1;
    try {
      return store.transact(work);
    } catch (error) {
      if (depth === 1) acts = new Set();
      throw error;
    } finally {
      depth -= 1;
      if (depth === 0) settle();
    }
  }

  function settle(): void {
    known.clear();
    isLoaded = false;
    const due = acts;
    acts = new Set();
    for (const act of due) act();
  }

  function rollout(number: number): Known | null {
    const read = known.get(number) ?? store.rollouts.find(number);
    if (read !== null && depth > 0) known.set(number, read);
    return read;
  }

  function active(): readonly RolloutState[] {
    if (!isLoaded)
      for (const stored of store.rollouts.allActive()) if (!known.has(stored.number)) known.set(stored.number, stored);
    isLoaded = depth > 0;
    const states = [...known.values()].map(({ state }) => state).filter(isActive);
    if (depth === 0) known.clear();
    return states.sort((a, b) => a.number - b.number);
  }

  return {
    atomically,
    afterwards: (act) => void acts.add(act),
    rollout,
    active,
    wrote: (written) => void known.set(written.state.number, written),
  };
}
