/**
 * What an adoption wants of a host: nothing on any host is changed by it, so a slot that is told something is told what runs
 * there, or what its agent was told last and has not come to yet. Judged by the last report that came, not by what is kept of it.
 */
import type { ObservedPicture, SlotKey } from "../../../src/core/slot.ts";
import type { Change } from "../world/memory-store/ledger.ts";
import { slotName } from "../world/slot-name.ts";
import { type Ground, placeOf } from "./ground.ts";

export type Adoptions = {
  onCommit(changes: readonly Change[]): void;
  onHeard(host: string, picture: ObservedPicture): void;
  /** Its history may be shorter than it was. */
  onServerStart(): void;
};

/** Of one that takes in all who are there, and of one that takes in a host that was away. */
type Adopted = {
  readonly hosts?: readonly string[];
  readonly host?: string;
  readonly slots?: readonly (SlotKey & { readonly note: string | null; readonly release: number | null })[];
};

export function watchAdoptions({ world, fail, reached }: Ground): Adoptions {
  const { store } = world.disk;
  const heard = new Map<string, ObservedPicture>();
  let judgedTo = 0;

  function judge(host: string, key: SlotKey, release: number | null): void {
    const slot = store.slots.get(host, key);
    const picture = heard.get(host);
    if (slot === null || slot.rollout === null || release === null || picture === undefined) return;
    const digest = store.releases.find(key.service, release)?.digest;
    const isHere = (one: SlotKey) => one.service === key.service && one.environment === key.environment;
    const seen = picture.slots.find(isHere);
    // It has never heard of it: whatever it gets now, it gets as a new host.
    if (seen === undefined && picture.orders?.some(isHere) !== true) return;
    // In the middle of a swap: what it is on its way to is not what serves.
    if (seen !== undefined && seen.outcome === null) return;
    const told = picture.orders?.find(isHere)?.release?.digest;
    reached("slots told by an adoption");
    if (digest === seen?.live?.digest || digest === told) return;
    fail(
      "ADOPT",
      `${host} is told r${release} of ${placeOf(key)} by an adoption, and serves r${seen?.live?.release ?? "nothing"}`,
    );
  }

  return {
    onCommit(changes) {
      if (!changes.some((change) => change.table === "history")) return;
      const [act] = store.history.acts(1);
      if (act === undefined || act.seq <= judgedTo) return;
      judgedTo = act.seq;
      if (act.kind !== "adopted" && act.kind !== "host_adopted") return;
      const { host = null, hosts = [host], slots = [] } = act.facts as Adopted;
      for (const change of changes) {
        // In the same commit others may be brought what is live by it.
        if (change.table !== "slot" || !hosts.includes(change.host)) continue;
        // People have decided for it while it was away: that is brought to it.
        const taken = slots.find((slot) => slotName("", slot) === slotName("", change));
        if (taken?.note?.startsWith("decided")) continue;
        // What people have rolled out since is brought to it in the same commit: the record says what was found there.
        judge(change.host, change, (taken ?? store.slots.get(change.host, change))?.release ?? null);
      }
    },
    onHeard: (host, picture) => void heard.set(host, picture),
    onServerStart() {
      judgedTo = store.history.head().seq;
    },
  };
}
