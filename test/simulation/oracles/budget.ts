/** I2 and I24: hosts that swap, that do not serve well or that nobody hears of are never more than the plan allows, by our own doing. */
import { hasLabels } from "../../../src/app/planner.ts";
import type { StoredSlot } from "../../../src/app/store.ts";
import type { Requested, RolloutState } from "../../../src/core/rollout-state.ts";
import type { DesiredPicture, ObservedPicture } from "../../../src/core/slot.ts";
import { marksOf } from "../../../src/host/labels.ts";
import { configurationOf } from "../world/configuration.ts";
import { slotName } from "../world/slot-name.ts";
import type { Ground } from "./ground.ts";

export type Budget = {
  /** A plan was made: what it allows holds, whatever becomes of its batches. */
  plan(state: RolloutState, plan: { readonly batches: Requested["batches"]; readonly hosts: readonly unknown[] }): void;
  onHeard(host: string, picture: ObservedPicture): void;
  onSent(host: string, picture: DesiredPicture): void;
  /** Something is wanted of it that it was not told yet. */
  onGoal(slot: StoredSlot): void;
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

  /** What a host was told, or is to be told in a moment; what was never told it does not do. */
  const told = new Map<string, number>();

  /** It was said to serve well, it is connected, and it is true: to swap it takes out what serves, whatever else is known of it. */
  function servesWell({ state }: Moment, host: string): boolean {
    const live = store.slots.get(host, state)?.observed?.live;
    if (live?.health !== "ok" || world.server?.hub.isConnected(host) !== true) return false;
    return world.sites.some(({ host: name, machine }) => {
      const box = [...machine.boxes.values()].find((b) => b.state.id === live.containerId);
      return (
        name === host && box !== undefined && box.run !== null && machine.isHealthy(box) && marksOf(box.state.labels) !== null
      );
    });
  }

  /** As far as the server could know at this moment. `isNew`: it becomes part of the batch with this commit. */
  function isOut({ state, before }: Moment, host: string, isNew: boolean): boolean {
    const mine = (isNew ? before : state).hosts.find((h) => h.host === host);
    if (!isNew && (mine?.status === "swapping" || mine?.status === "restoring")) return true;
    // Where nothing ran before, nothing is missing.
    if (mine?.from === null && mine.served !== true) return false;
    if (mine === undefined && !served.has(slotName(host, state))) return false;
    const slot = store.slots.get(host, state);
    // Nor where nothing is wanted.
    if (!isNew && (slot?.release ?? null) === null) return false;
    if (world.server?.hub.isConnected(host) !== true) return true;
    // What it was told was not spoken of yet; the goal of this very commit is no wish of before.
    const heard = slot?.observed?.unseen === true ? 0 : (slot?.observed?.generation ?? 0);
    return slot?.observed?.live?.health !== "ok" || (told.get(slotName(host, state)) ?? 0) > heard;
  }

  return {
    plan({ number, policy }, { batches, hosts }) {
      const most = policy.maxUnavailable;
      if (most === null) allowed.set(number, Math.max(1, ...batches.map((b) => b.length)));
      else if ("hosts" in most) allowed.set(number, most.hosts);
      else allowed.set(number, Math.max(1, Math.floor((hosts.length * most.percent) / 100)));
    },
    onHeard(host, picture) {
      for (const slot of picture.slots) if (slot.live?.health === "ok") served.add(slotName(host, slot));
    },
    onSent(host, picture) {
      for (const key of [...told.keys()].filter((k) => k.startsWith(`${host} `))) told.delete(key);
      for (const slot of picture.slots) told.set(slotName(host, slot), slot.generation);
    },
    onGoal(slot) {
      if (slot.rollout !== null) told.set(slotName(slot.host, slot), slot.generation);
    },
    judge(moment, taken) {
      const { state } = moment;
      const out = hostsOf(state).filter((host) => isOut(moment, host, taken.includes(host)));
      const added = taken.filter((host) => !out.includes(host) || servesWell(moment, host));
      const besides = out.filter((host) => !added.includes(host));
      const most = allowed.get(state.number) ?? 1;
      if (added.length === 0) reached("hosts swapped for free");
      else if (besides.length + added.length > most) {
        fail(
          "I2",
          `#${state.number} takes ${added.join(", ")} out besides ${besides.join(", ") || "nobody"}; ${most} may be out`,
        );
      }
    },
  };
}
