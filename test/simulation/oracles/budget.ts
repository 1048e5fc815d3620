/** I2 and I24: hosts that swap, that do not serve well or that nobody hears of are never more than the plan allows, by our own doing. */
import { hasLabels } from "../../../src/app/planner.ts";
import type { Requested, RolloutState } from "../../../src/core/rollout-state.ts";
import type { ObservedPicture } from "../../../src/core/slot.ts";
import { configurationOf } from "../world/configuration.ts";
import { type Ground, placeOf } from "./ground.ts";

export type Budget = {
  /** A plan was made: what it allows holds, whatever becomes of its batches. */
  plan(state: RolloutState, plan: { readonly batches: Requested["batches"]; readonly hosts: readonly unknown[] }): void;
  onHeard(host: string, picture: ObservedPicture): void;
  /** These hosts begin to swap with this commit. */
  judge(moment: Moment, hosts: readonly string[]): void;
};

/** A rollout before and after the commit that is judged. */
type Moment = { readonly before: RolloutState; readonly state: RolloutState };

export function watchBudget({ world, fail, reached }: Ground): Budget {
  const { store } = world.disk;
  const allowed = new Map<number, number>();
  /** Where something has served: what never did is not out of service. */
  const served = new Set<string>();

  function hostsOf(state: RolloutState): string[] {
    const service = configurationOf(world.running).services.find((s) => s.name === state.service);
    const wanted = service?.environments.find((e) => e.name === state.environment)?.hosts ?? {};
    const mine = store.hosts.all().filter((h) => h.revokedAt === null && h.intent === null && hasLabels(h.labels, wanted));
    return mine.map((h) => h.name);
  }

  /** As far as the server could know at this moment. `isNew`: it becomes part of the batch with this commit. */
  function isOut({ state, before }: Moment, host: string, isNew: boolean): boolean {
    const mine = (isNew ? before : state).hosts.find((h) => h.host === host);
    if (!isNew && (mine?.status === "swapping" || mine?.status === "restoring")) return true;
    // Where nothing ran before, nothing is missing.
    if (mine?.from === null && mine.served !== true) return false;
    if (mine === undefined && !served.has(`${host} ${placeOf(state)}`)) return false;
    const slot = store.slots.get(host, state);
    // Nor where nothing is wanted.
    if (!isNew && (slot?.release ?? null) === null) return false;
    if (world.server?.hub.isConnected(host) !== true) return true;
    // What is wanted of it was not spoken of yet; the goal of this very commit is no wish of before.
    const wanted = (slot?.generation ?? 0) - (isNew ? 1 : 0);
    return slot?.observed?.live?.health !== "ok" || wanted > slot.observed.generation;
  }

  return {
    plan({ number, policy }, { batches, hosts }) {
      const most = policy.maxUnavailable;
      if (most === null) allowed.set(number, Math.max(1, ...batches.map((b) => b.length)));
      else if ("hosts" in most) allowed.set(number, most.hosts);
      else allowed.set(number, Math.max(1, Math.floor((hosts.length * most.percent) / 100)));
    },
    onHeard(host, picture) {
      for (const slot of picture.slots) if (slot.live?.health === "ok") served.add(`${host} ${placeOf(slot)}`);
    },
    judge(moment, taken) {
      const { state } = moment;
      const out = hostsOf(state).filter((host) => isOut(moment, host, taken.includes(host)));
      const added = taken.filter((host) => !out.includes(host));
      const most = allowed.get(state.number) ?? 1;
      if (added.length === 0) reached("hosts swapped for free");
      else if (out.length + added.length > most) {
        fail("I2", `#${state.number} takes ${added.join(", ")} out besides ${out.join(", ") || "nobody"}; ${most} may be out`);
      }
    },
  };
}
