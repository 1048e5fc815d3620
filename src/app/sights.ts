/**
 * What a report says of the slots of its host. A picture is the whole truth, so a slot that it does not name is empty; but an
 * agent that has not been able to look at its engine knows nothing, and a host must not look empty for that. Then what was
 * seen last stays written, as a thing of the past: it proves nothing, and counts as out of service.
 */
import { type ObservedPicture, type ObservedSlot, slotName } from "../core/slot.ts";
import type { StoredSlot } from "./store.ts";

type Sight = {
  readonly slot: ObservedSlot;
  readonly before: ObservedSlot | null;
  /** When it was really seen, when that was before this report. */
  readonly seenAt: number | null;
};

/** `known`: the slots of the host as they are written down. */
export function sightsOf(picture: ObservedPicture, known: readonly StoredSlot[]): Sight[] {
  const slots = new Map(known.map((slot) => [slotName(slot), slot]));
  const named = new Set(picture.slots.map(slotName));
  return [
    ...picture.slots.flatMap((slot) => sightOf(slot, slots.get(slotName(slot)))),
    ...known.flatMap((slot) => (named.has(slotName(slot)) ? [] : unnamed(slot, picture))),
  ];
}

function sightOf(slot: ObservedSlot, known: StoredSlot | undefined): Sight[] {
  const before = known?.observed ?? null;
  if (slot.unseen !== true) return [{ slot, before, seenAt: null }];
  // What nobody has ever seen stays so.
  if (before === null) return [];
  const { live, previous } = before;
  return [{ slot: { ...slot, live, previous }, before, seenAt: known?.observedAt ?? null }];
}

/** Old agents do not say whether they have looked. */
function unnamed({ service, environment, observed, observedAt }: StoredSlot, { whole = false }: ObservedPicture): Sight[] {
  if (observed === null) return [];
  if (!whole) return observed.unseen ? [] : [{ slot: { ...observed, unseen: true }, before: observed, seenAt: observedAt }];
  const empty = { service, environment, generation: 0, step: "idle", outcome: null, live: null, previous: null } as const;
  return [{ slot: empty, before: observed, seenAt: null }];
}
