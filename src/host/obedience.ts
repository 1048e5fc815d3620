/** Whom this host obeys, and what it keeps of what it was told. Pure. */
import { type DesiredPicture, type Head, type ObservedPicture, slotName } from "../core/slot.ts";

export type RefusedOrders = NonNullable<ObservedPicture["refuses"]>;

/**
 * Epochs of one server only rise, and within an epoch its history only grows; another server is a stranger however high its
 * epoch. A server that says less than it has said before was set back, or is a copy.
 */
export function refusalOf(facts: {
  readonly picture: DesiredPicture;
  readonly orders: DesiredPicture | null;
  readonly serverId: string | null;
}): RefusedOrders | null {
  const { picture, orders, serverId } = facts;
  const known = serverId ?? orders?.serverId ?? null;
  if (known !== null && known !== picture.serverId) {
    return { reason: "foreign_server", detail: `they are of server ${picture.serverId}, and this host belongs to ${known}` };
  }
  if (orders === null || orders.serverId !== picture.serverId || picture.epoch > orders.epoch) return null;
  if (picture.epoch < orders.epoch) {
    return { reason: "stale_desired", detail: `they are of epoch ${picture.epoch}, and this host has obeyed ${orders.epoch}` };
  }
  const [says, heard] = [picture.head, orders.head];
  if (says === undefined || heard === undefined || !isOlder(says, heard)) return null;
  const detail =
    says.seq < heard.seq
      ? `their history ends at #${says.seq}, and this host has heard of #${heard.seq}`
      : `they know #${says.seq} of the history as another than this host does`;
  return { reason: "stale_desired", detail };
}

/** The server's history, as it says, is shorter than what was heard of it, or another. */
export function isOlder(says: Head | undefined, heard: Head | undefined): boolean {
  if (heard === undefined) return false;
  return says === undefined || says.seq < heard.seq || (says.seq === heard.seq && says.hash !== heard.hash);
}

/** What is kept: the new picture, but of each slot the highest generation, also of slots that a server set back does not know. */
export function takenOver(picture: DesiredPicture, before: DesiredPicture | null): DesiredPicture {
  if (before === null || before.serverId !== picture.serverId) return picture;
  const news = new Map(picture.slots.map((slot) => [slotName(slot), slot]));
  const kept = before.slots.filter((slot) => slot.generation > (news.get(slotName(slot))?.generation ?? 0));
  const names = new Set(kept.map(slotName));
  const head = picture.head ?? (picture.epoch === before.epoch ? before.head : undefined);
  const slots = [...picture.slots.filter((slot) => !names.has(slotName(slot))), ...kept];
  return { ...picture, ...(head === undefined ? {} : { head }), slots };
}
