/** Which hosts of an environment are out of service at this moment, whatever put them out. */
import type { GantryConfig } from "../config/valid.ts";
import type { Fitness } from "../core/rollout-state.ts";
import { liveNow, type SlotKey } from "../core/slot.ts";
import type { Hearing } from "./hearing.ts";
import { environmentOf } from "./membership.ts";
import { hasLabels } from "./planner.ts";
import type { Fleet } from "./ports.ts";
import type { Store, StoredHost, StoredSlot } from "./store.ts";

/** `planned`: hosts that count although nothing was ever wanted of them. `patient`: see hearing.ts. */
export type FitnessOf = (key: SlotKey, facts: { readonly planned: readonly string[]; readonly patient: boolean }) => Fitness;

/**
 * Looks at the hosts of a plan and at all others that belong to the environment: a host that a person has taken out is
 * missing there, too. A host of which nothing was ever wanted is missing nowhere.
 */
export function createFitness(parts: {
  readonly store: Store;
  readonly config: GantryConfig;
  readonly fleet: Pick<Fleet, "isConnected">;
  readonly isUnheard: Hearing["isUnheard"];
}): FitnessOf {
  const { store, config, fleet } = parts;

  return (key, { planned, patient }) => {
    const slots = new Map(store.slots.ofEnvironment(key).map((slot) => [slot.host, slot]));
    const hosts = new Map(store.hosts.all().map((host) => [host.name, host]));
    const labels = environmentOf(config, key)?.hosts ?? null;
    const belonging = [...hosts.values()].filter((host) => labels !== null && hasLabels(host.labels, labels));
    const unwell: string[] = [];
    const away: string[] = [];
    const unheard: string[] = [];
    for (const name of new Set([...planned, ...belonging.map((host) => host.name)])) {
      const host = hosts.get(name);
      if (host !== undefined && host.revokedAt !== null) continue;
      const slot = slots.get(name);
      const isMissed = shouldServe(slot, host);
      if (!fleet.isConnected(name)) {
        if (!isMissed && !planned.includes(name)) continue;
        away.push(name);
        if (parts.isUnheard(host ?? { lastSeenAt: null }, patient)) unheard.push(name);
      } else if (isMissed && !serves(slot)) unwell.push(name);
    }
    return { unwell, away, unheard };
  };
}

function shouldServe(slot: StoredSlot | undefined, host: StoredHost | undefined): boolean {
  if (slot === undefined || slot.generation === 0) return false;
  return slot.release !== null || host?.intent?.kind === "drained";
}

/** It says that it serves and is well, and has nothing new before it. */
export function serves(slot: StoredSlot | undefined): boolean {
  return slot !== undefined && liveNow(slot.observed)?.health === "ok" && !isPending(slot);
}

/** Something is wanted of which the host has not spoken yet: it swaps, or is about to. */
export function isPending(slot: StoredSlot): boolean {
  return slot.generation > (slot.observed?.generation ?? 0);
}
