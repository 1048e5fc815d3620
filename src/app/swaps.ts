/** How long swaps took, those that failed as well: for the figures. */
import type { RolloutEvent } from "../core/rollout-state.ts";
import type { Store } from "./store.ts";

export type Swap = { readonly ok: boolean; readonly tookMs: number };

/** A failure may end its rollout, so the newest of those that ended are looked at too. */
const newest = 20;

/** The swap that ended with this event, which has been recorded already; null when none did. */
export function swapEndedBy(event: RolloutEvent, store: Store): Swap | null {
  if (event.type === "host_swapped") return { ok: true, tookMs: event.tookMs };
  if (event.type !== "host_failed" && event.type !== "host_overdue") return null;
  const rollouts = [...store.rollouts.allActive(), ...store.rollouts.list({ service: null, environment: null, limit: newest })];
  const host = rollouts
    .flatMap(({ state }) => state.hosts)
    // A host that is stuck was overdue on its way back.
    .find((h) => h.host === event.host && h.endedAt === event.at && h.status !== "stuck");
  const startedAt = host?.startedAt ?? null;
  return startedAt === null ? null : { ok: false, tookMs: Math.max(0, event.at - startedAt) };
}
