/** L6: a host that is well again makes room, and one that is no part of a rollout and has never served takes none. */
import { hasEnded, type RolloutState } from "../../../src/core/rollout-state.ts";
import { marksOf } from "../../../src/host/labels.ts";
import type { Containers } from "./containers.ts";
import { type Ground, placeOf } from "./ground.ts";

/** So long a host may be named although it is well: until its agent has seen it, and the server has heard of it. */
const patienceMs = 60_000;

export type Waits = {
  /** Looked at now and then when all faults have ended. */
  look(): void;
};

export function watchWaits({ world, fail, reached }: Ground, containers: Pick<Containers, "hasServed">): Waits {
  const { store } = world.disk;
  /** Since when there should be room for the rollout. */
  const since = new Map<number, number>();

  /** It serves what it is to serve, and is well. */
  function servesWell(host: string, state: RolloutState): boolean {
    const site = world.sites.find((s) => s.host === host && !s.gone);
    const wanted = store.slots.get(host, state)?.release ?? null;
    const boxes = [...(site?.machine.boxes.values() ?? [])];
    const running = boxes.filter((box) => {
      const marks = box.run === null ? null : marksOf(box.state.labels);
      return marks !== null && placeOf(marks) === placeOf(state);
    });
    const [only] = running;
    if (site === undefined || only === undefined || running.length > 1 || !site.machine.isHealthy(only)) return false;
    // One that ends again and again is well between two ends, and no host to build on.
    if (only.state.restarts > 0 && world.scheduler.now() - (only.run?.since ?? 0) < patienceMs) return false;
    return marksOf(only.state.labels)?.release === wanted && (world.server?.hub.isConnected(host) ?? false);
  }

  function isInnocent(host: string, state: RolloutState): boolean {
    const known = state.hosts.find((h) => h.host === host);
    if (known?.status === "swapping" || known?.status === "restoring") return false;
    if (servesWell(host, state)) return true;
    const machines = world.sites.filter((site) => site.host === host).map((site) => site.machine);
    return known === undefined && machines.every((machine) => !containers.hasServed(machine, placeOf(state)));
  }

  function hasRoom(state: RolloutState): boolean {
    if (hasEnded(state) || state.reason !== "over_budget" || state.pauses.length > 0) return false;
    const out = (state.detail ?? "").split(/, | and /).filter((name) => name !== "");
    reached("waits for room");
    const guilty = out.filter((host) => !isInnocent(host, state));
    return guilty.length === 0 || (state.policy.spread?.order !== "apart" && guilty.length < state.budget);
  }

  return {
    look() {
      const now = world.scheduler.now();
      for (const { number, state } of store.rollouts.allActive()) {
        if (!hasRoom(state)) since.delete(number);
        else if (now - (since.get(number) ?? now) > patienceMs)
          fail("L6", `#${number} waits for room (${state.detail}), and those hosts take none`);
        else since.set(number, since.get(number) ?? now);
      }
    },
  };
}
