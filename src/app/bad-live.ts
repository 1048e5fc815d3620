/**
 * The release that is live was found bad by a rollout that brought it to a few hosts more: those went back, the others serve it
 * still. Going back from it there is said, offered, and done by itself where the policy says so.
 */
import { releaseName } from "../core/release.ts";
import type { RolloutState } from "../core/rollout-state.ts";
import { liveNow, type SlotKey } from "../core/slot.ts";
import { goodBesides } from "./planner.ts";
import type { Store } from "./store.ts";

export type BadLive = {
  /** They serve it. Never empty. */
  readonly hosts: readonly string[];
  /** The newest good release besides it; null: there is none. */
  readonly back: number | null;
  /** The policy is to go back, no person has decided otherwise, and what is live came by no rollback: that is not undone by Gantry. */
  readonly byItself: boolean;
};

/** Null: the rollout has judged nothing, or not what is live; or a person has rolled back, and what follows is on its way. */
export function badLiveAfter(store: Store, state: RolloutState): BadLive | null {
  const { service, environment, phase, release, blamed, reason, policy, endedBy } = state;
  if ((phase !== "restored" && phase !== "stuck") || blamed !== true || reason === "rolled_back") return null;
  const live = store.rollouts.live(service, environment)?.state;
  if (live?.release !== release) return null;
  const hosts = servedOn(store, state, release);
  if (hosts.length === 0) return null;
  const byItself = policy.onFailure === "rollback" && endedBy === null && live.kind !== "rollback";
  return { hosts, back: goodBesides(store, state, release), byItself };
}

function servedOn(store: Store, key: SlotKey, release: number): readonly string[] {
  const slots = store.slots.ofEnvironment(key);
  return slots.filter(({ observed }) => liveNow(observed)?.release === release).map(({ host }) => host);
}

/** What the policy tells Gantry to do when the rollout has ended; null: nothing. */
export function whyBackByItself(store: Store, state: RolloutState): string | null {
  const bad = badLiveAfter(store, state);
  return bad?.byItself ? `${releaseName(state.release)} was judged bad by #${state.number}, and is live` : null;
}
