/** What is wanted of a slot and has not come there yet: whether it still shall. */
import type { RolloutState } from "../core/rollout-state.ts";
import type { SlotKey } from "../core/slot.ts";
import { leftAsAdopted } from "./fence.ts";
import type { Store, StoredSlot } from "./store.ts";

/** Something is wanted of which the host has not spoken yet: it swaps, or is about to. Without a rollout nobody tells it anything. */
export function isPending(slot: StoredSlot): boolean {
  return slot.rollout !== null && slot.generation > (slot.observed?.generation ?? 0);
}

/** What is wanted is neither live nor anybody's work any more, and the host has not heard of it: it never shall. */
export function isOldGoal(store: Store, slot: StoredSlot): boolean {
  if (slot.release === null || !isPending(slot)) return false;
  if (store.rollouts.active(slot.service, slot.environment)?.number === slot.rollout) return false;
  const live = store.rollouts.live(slot.service, slot.environment)?.state;
  if (live === undefined || live.release === slot.release || isBad(store, slot, live.release)) return false;
  return !leftAsAdopted(slot, live) && sentBackBy(store, slot, live) === null;
}

export function isBad(store: Store, { service, environment }: SlotKey, release: number): boolean {
  return store.verdicts.newest({ service, environment, release })?.verdict === "bad";
}

/** The rollout after the live one that put the slot back to something else than it came from: that was decided, and is no old goal. */
export function sentBackBy(store: Store, slot: StoredSlot, live: RolloutState): RolloutState | null {
  const writer = slot.rollout === null ? null : (store.rollouts.find(slot.rollout)?.state ?? null);
  if (writer === null || (writer.endedAt ?? 0) <= (live.endedAt ?? 0)) return null;
  const isSent = writer.hosts.some((h) => h.host === slot.host && h.back === slot.release && h.from !== slot.release);
  return isSent ? writer : null;
}
