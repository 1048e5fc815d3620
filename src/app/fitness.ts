/** Which hosts of an environment are out of service at this moment, whatever put them out. */
import type { GantryConfig } from "../config/valid.ts";
import type { Fitness } from "../core/rollout-state.ts";
import type { SlotKey } from "../core/slot.ts";
import type { Hearing } from "./hearing.ts";
import { environmentOf } from "./membership.ts";
import { isOldGoal, isPending } from "./pending.ts";
import { hasLabels } from "./planner.ts";
import type { Fleet } from "./ports.ts";
import type { Store, StoredHost, StoredSlot } from "./store.ts";

/** `planned`: hosts that count although nothing was ever wanted of them. `patient`: see hearing.ts. */
export type FitnessOf = (key: SlotKey, facts: { readonly planned: readonly string[]; readonly patient: boolean }) => Fitness;

/**
 * Looks at the hosts of a plan and at all others that belong to the environment: a host that a person has taken out is
 * missing there, too. A host of which nothing was ever wanted is missing nowhere; nor is one that is no part of the plan and on
 * which nothing has ever been well: who joins takes no room of what is under way, whatever becomes of it there.
 */
export function createFitness(parts: {
  readonly store: Store;
  readonly config: GantryConfig;
  readonly fleet: Pick<Fleet, "isConnected">;
  readonly isUnheard: Hearing["isUnheard"];
  /** It has reported since it connected; what was seen of it before that may not be so any more. */
  readonly isHeard: (host: string) => boolean;
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
    const unsure: string[] = [];
    for (const name of new Set([...planned, ...belonging.map((host) => host.name)])) {
      const host = hosts.get(name);
      if (host !== undefined && host.revokedAt !== null) continue;
      const slot = slots.get(name);
      const isMissed = shouldServe(slot, host) && (planned.includes(name) || slot?.hasServed === true);
      if (!fleet.isConnected(name)) {
        if (!isMissed && !planned.includes(name)) continue;
        away.push(name);
        if (parts.isUnheard(host ?? { lastSeenAt: null }, patient)) unheard.push(name);
      } else if (isMissed) {
        const seen = standingOf(store, slot);
        const standing = seen === "well" && !parts.isHeard(name) ? "unsure" : seen;
        if (standing !== "well") unwell.push(name);
        if (standing === "unsure") unsure.push(name);
      }
    }
    return { unwell, away, unheard, ...(unsure.length > 0 && { unsure }) };
  };
}

function shouldServe(slot: StoredSlot | undefined, host: StoredHost | undefined): boolean {
  if (slot === undefined || slot.generation === 0) return false;
  return slot.release !== null || host?.intent?.kind === "drained";
}

/**
 * `well`: it serves, as far as anybody knows, and has nothing new before it. `unsure`: what it served when it was seen last was
 * well, but it is to swap, or cannot be seen now: it counts as out, and yet to swap it may take out what serves. `out`: the rest.
 */
export function standingOf(store: Store, slot: StoredSlot | undefined): "well" | "unsure" | "out" {
  if (slot?.observed?.live?.health !== "ok") return "out";
  const isSettled = !isPending(slot) || isOldGoal(store, slot);
  return isSettled && slot.observed.unseen !== true ? "well" : "unsure";
}
