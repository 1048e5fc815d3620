/** How ready the way back is: which hosts can start at once, why others cannot, and how long it takes by what was seen here. */
import { batchesOf, type RolloutPolicy } from "./plan.ts";
import { median } from "./usage.ts";

/** `engine_down`: its engine does not answer. `not_kept`: it has no container of that release. */
export type UnreadyWhy = "away" | "engine_down" | "swapping" | "not_kept";

export type Readiness = {
  readonly ready: number;
  readonly total: number;
  /** The others, and why; absent: there are none. */
  readonly unready?: readonly { readonly host: string; readonly why: UnreadyWhy }[];
  /** For the ready hosts, by this environment's own past; absent: nothing is known of it, or none of them has to be swapped. */
  readonly expectedMs?: number;
};

/** A host that a rollback would reach, and what it has of the release to go back to. */
export type HostReady = {
  readonly host: string;
  /** It serves that release now. */
  readonly serves: boolean;
  readonly why: UnreadyWhy | null;
};

/** A swap that went well. */
export type SwapTime = { readonly tookMs: number; readonly isRollback: boolean };

/** So many of the newest count, and so many rollbacks are enough to speak for themselves. */
export const newestSwaps = 9;
const enoughRollbacks = 3;

/** `past`: newest first; asked only when there is something to swap. `policy` null: it is not known in which steps hosts would go. */
export function readinessOf(facts: {
  readonly hosts: readonly HostReady[];
  readonly policy: RolloutPolicy | null;
  readonly past: () => readonly SwapTime[];
}): Readiness {
  const { hosts, policy, past } = facts;
  const ready = hosts.filter((h) => h.why === null);
  const unready = hosts.flatMap(({ host, why }) => (why === null ? [] : [{ host, why }]));
  const swaps = ready.filter((h) => !h.serves).map((h) => h.host);
  const one = policy === null || swaps.length === 0 ? null : usualMs(past());
  const expected =
    policy === null || one === null ? {} : { expectedMs: one * batchesOf({ hosts: swaps, policy, kind: "rollback" }).length };
  return { ready: ready.length, total: hosts.length, ...(unready.length > 0 && { unready }), ...expected };
}

/** Rollbacks start a container that is there; a deploy's swap is the next best thing to know. null: nothing was ever swapped here. */
function usualMs(past: readonly SwapTime[]): number | null {
  const rollbacks = past.filter((swap) => swap.isRollback);
  const known = (rollbacks.length >= enoughRollbacks ? rollbacks : past).slice(0, newestSwaps);
  return known.length === 0 ? null : median(known.map((swap) => swap.tookMs));
}
