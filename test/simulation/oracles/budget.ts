/**
 * I2 and I24: hosts that swap, that do not serve well or that nobody hears of are never more than the environment allows, by our
 * own doing. What it allows is reckoned here from its hosts and its policy; a plan that says otherwise is found, too.
 */
import { hasLabels } from "../../../src/app/planner.ts";
import type { StoredHost, StoredSlot } from "../../../src/app/store.ts";
import { batchesOf } from "../../../src/core/plan.ts";
import type { RolloutState } from "../../../src/core/rollout-state.ts";
import type { DesiredPicture, ObservedPicture } from "../../../src/core/slot.ts";
import { marksOf } from "../../../src/host/labels.ts";
import { configurationOf } from "../world/configuration.ts";
import { slotName } from "../world/slot-name.ts";
import type { Ground } from "./ground.ts";

export type Budget = {
  /** A plan was made: what the environment allows at this moment holds, whatever becomes of the batches. `says`: what the plan says. */
  plan(state: RolloutState, says: number | null): void;
  /** It was made before the data were put back, and judged then. */
  known(state: RolloutState, says: number | null): void;
  /** The data are those of before: what came after them is not known. */
  onRestore(): void;
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

  /** Those that people took out are missing there, too. */
  function hostsOf(state: RolloutState): readonly StoredHost[] {
    const service = configurationOf(world.running).services.find((s) => s.name === state.service);
    const wanted = service?.environments.find((e) => e.name === state.environment)?.hosts ?? {};
    return store.hosts.all().filter((h) => h.revokedAt === null && hasLabels(h.labels, wanted));
  }

  function mostOf(state: RolloutState): number {
    const { policy } = state;
    const all = hostsOf(state);
    const most = policy.maxUnavailable;
    if (most === null) {
      const labels = Object.fromEntries(all.map((h) => [h.name, h.labels]));
      const batches = batchesOf({ hosts: all.map((h) => h.name), policy, kind: "deploy", labels });
      return Math.max(1, ...batches.map((b) => b.length));
    }
    const hosts = "hosts" in most ? Math.min(all.length, most.hosts) : Math.floor((all.length * most.percent) / 100);
    return Math.max(1, hosts);
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
  function isOut({ state, before }: Moment, { name: host, intent }: StoredHost, isNew: boolean): boolean {
    const mine = (isNew ? before : state).hosts.find((h) => h.host === host);
    if (!isNew && (mine?.status === "swapping" || mine?.status === "restoring")) return true;
    // Where nothing ran before, nothing is missing.
    if (mine?.from === null && mine.served !== true) return false;
    if (mine === undefined && !served.has(slotName(host, state))) return false;
    const slot = store.slots.get(host, state);
    // Nor where nothing is wanted, unless it is because a person emptied it.
    if (!isNew && (slot?.release ?? null) === null && intent?.kind !== "drained") return false;
    if (world.server?.hub.isConnected(host) !== true) return true;
    // What it was told was not spoken of yet; the goal of this very commit is no wish of before.
    const heard = slot?.observed?.unseen === true ? 0 : (slot?.observed?.generation ?? 0);
    return slot?.observed?.live?.health !== "ok" || (told.get(slotName(host, state)) ?? 0) > heard;
  }

  return {
    plan(state, says) {
      const { number, kind } = state;
      if (kind === "adopt") return;
      const most = mostOf(state);
      allowed.set(number, most);
      if (says !== most) fail("I2", `the plan of #${number} says that ${says} may be out; the environment allows ${most}`);
    },
    known: ({ number }, says) => void allowed.set(number, says ?? 1),
    onRestore() {
      served.clear();
      for (const slot of store.hosts.all().flatMap((h) => store.slots.ofHost(h.name))) {
        const seen = store.slots.series({ service: slot.service, environment: slot.environment, since: 0 });
        if (seen.some((sample) => sample.host === slot.host && sample.health === "ok")) served.add(slotName(slot.host, slot));
      }
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
      const out = hostsOf(state).flatMap((h) => (isOut(moment, h, taken.includes(h.name)) ? [h.name] : []));
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
