/**
 * What must be true soon after all faults have ended: L1 (rollouts have ended, or wait for a person), L2 (hosts serve what they
 * should, or are named), L3 (the outbox is empty), L4 (nobody swaps for ever), L5 (agents are connected).
 */

import type { StoredSlot } from "../../../src/app/store.ts";
import type { RolloutState } from "../../../src/core/rollout-state.ts";
import { liveNow } from "../../../src/core/slot.ts";
import { marksOf } from "../../../src/host/labels.ts";
import type { Site } from "../world/world.ts";
import { type Ground, placeOf } from "./ground.ts";

/** As long as news take from a container to the server, at most. */
const newsMs = 12_000;
/** A card takes a while in Slack, and may be drawn again meanwhile. */
const drawnMs = 90_000;

export type Unrest = { readonly id: string; readonly text: string };

/** What keeps the world from being at rest; null when nothing does. */
export function unrest({ world }: Ground): Unrest | null {
  const { server, disk } = world;
  if (server === null) return { id: "L5", text: "the server does not run" };
  if (disk.store.freeze.current() !== null) return { id: "FROZEN", text: "the server is still frozen" };
  for (const { number, state } of disk.store.rollouts.allActive()) {
    const waits = state.phase === "awaiting_approval" || state.pauses?.length > 0;
    if (!waits)
      return { id: "L1", text: `#${number} is still ${state.phase}${state.reason === null ? "" : ` (${state.reason})`}` };
  }
  for (const site of world.sites) {
    if (site.gone || disk.store.hosts.find(site.host)?.revokedAt !== null) continue;
    if (!server.hub.isConnected(site.host)) return { id: "L5", text: `${site.host} is not connected` };
    for (const slot of disk.store.slots.ofHost(site.host)) {
      const wrong = wrongWith(site, slot, {
        state: disk.store.rollouts.find(slot.rollout ?? 0)?.state ?? null,
        now: world.scheduler.now(),
      });
      if (wrong !== null) return { id: "L2", text: `${site.host}: ${wrong}` };
    }
  }
  const { open, oldestAt } = disk.store.outbox.depth();
  // Where containers come and go, cards are drawn all the time.
  const oldestMs = server.clock.now() - (oldestAt ?? Number.POSITIVE_INFINITY);
  if (oldestMs > drawnMs) return { id: "L3", text: `${open} items wait in the outbox, the oldest for ${oldestMs} ms` };
  const { open: acts } = disk.store.inbox.depth();
  return acts > 0 ? { id: "I9", text: `${acts} acts wait in the inbox` } : null;
}

function wrongWith({ machine }: Site, slot: StoredSlot, known: { state: RolloutState | null; now: number }): string | null {
  const { state, now } = known;
  const { observed, generation, release, rollout } = slot;
  // Without a rollout nobody has decided: an adoption found it there, and the host is told nothing.
  const isDecided = generation > 0 && rollout !== null;
  const place = placeOf(slot);
  const running = [...machine.boxes.values()].filter((b) => b.run !== null && runsIn(b.state.labels, place));
  if (running.length > 1) return `${running.length} containers run for ${place}`;
  const truth = running[0];
  const marks = truth === undefined ? null : marksOf(truth.state.labels);
  if (isDecided && observed?.generation !== generation)
    return `reports generation ${observed?.generation} of ${place}; ${generation} is wanted`;
  if (isDecided && observed?.outcome === null)
    return `has not come to an end with generation ${generation} of ${place} (${observed.step})`;
  const isCalm = now - machine.changedAt > newsMs;
  if (!isCalm) return null;
  if (observed?.unseen === true) return `has not been seen in ${place} since its agent began`;
  const live = liveNow(observed);
  const believed = live?.health === "ok" ? live.containerId : null;
  if (believed !== null && truth?.state.id !== believed)
    return `is believed to serve ${believed} of ${place}, and runs ${truth?.state.id ?? "nothing"}`;
  if (believed !== null && truth !== undefined && !machine.isHealthy(truth))
    return `is believed to be well in ${place}, and is not`;
  if (!isDecided) return null;
  if (observed?.outcome?.ok === true && release === null && truth !== undefined)
    return `should serve nothing of ${place}, and runs r${marks?.release}`;
  if (observed?.outcome?.ok === true && release !== null && marks !== null && marks.release !== release)
    return `says that it serves r${release} of ${place}, and runs r${marks.release}`;
  return isNamed(slot, state) || marks?.release === release || (release === null && truth === undefined)
    ? null
    : `should serve r${release} of ${place}, and nobody says why it does not`;
}

/** Somebody who looks can see that it is not well. */
function isNamed({ host, observed }: StoredSlot, state: RolloutState | null): boolean {
  const status = state?.hosts.find((h) => h.host === host)?.status;
  return observed?.outcome?.ok === false || observed?.live?.health !== "ok" || status === "failed" || status === "stuck";
}

function runsIn(labels: Readonly<Record<string, string>>, place: string): boolean {
  const marks = marksOf(labels);
  return marks !== null && placeOf(marks) === place;
}
