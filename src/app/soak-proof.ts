/**
 * Time alone proves nothing: a soak ends when every host of it has said, after its end, that the release serves and is
 * well. Hosts that do not say so are asked again, and count as lost after the time that a swap may take.
 */
import type { HostState, LaterEvent, RolloutState } from "../core/rollout-state.ts";
import { liveNow } from "../core/slot.ts";
import type { Clock, Fleet } from "./ports.ts";
import type { Store } from "./store.ts";
import type { Work } from "./work.ts";

/** How often hosts are asked for the proof. */
export const proofRetryMs = 2_000;

export function createSoakProof(parts: {
  readonly store: Store;
  readonly clock: Clock;
  readonly fleet: Fleet;
  readonly work: Work;
  readonly tell: (rollout: number, event: LaterEvent) => void;
}): { end(rollout: number, now: number): void } {
  const { store, clock, fleet, work, tell } = parts;
  const startedAt = clock.now();
  /** When the hosts of a rollout were asked last. Each answer comes by here, and must not make all others answer again. */
  const askedAt = new Map<number, number>();

  function isProved({ host }: HostState, state: RolloutState, since: number): boolean {
    const slot = store.slots.get(host, state);
    const { observed, observedAt } = slot ?? {};
    const isAbout = slot?.release === state.release && observed?.generation === slot.generation;
    const live = liveNow(observed);
    const isWell = live?.release === state.release && live.health === "ok";
    const from = Math.max(since, startedAt);
    return isAbout && isWell && !isBlind(store, host) && fleet.answeredSince(host, from) && (observedAt ?? 0) >= from;
  }

  function isDue(state: RolloutState | undefined, now: number): state is RolloutState & { readonly soakEndsAt: number } {
    return state?.phase === "soaking" && state.soakEndsAt !== null && state.soakEndsAt <= now;
  }

  /** The row of the timer is the memory of it: it is moved while hosts are asked, and cleared when there is nothing to end. */
  function end(rollout: number, now: number): void {
    work.atomically(() => {
      const state = work.rollout(rollout)?.state;
      if (!isDue(state, now)) return settle(rollout, state?.soakEndsAt ?? null);
      const silent = state.hosts.filter((h) => isMeantToServe(h) && !isProved(h, state, state.soakEndsAt));
      if (silent.length === 0) {
        store.timers.clear(rollout, "soak");
        askedAt.delete(rollout);
        tell(rollout, { type: "soaked", at: now });
        return;
      }
      store.timers.set({ rollout, name: "soak", wakeAt: now + proofRetryMs });
      const late = silent.filter((h) => now > Math.max(state.soakEndsAt, startedAt) + patienceMs(h, state));
      if (late.length > 0) giveUp(late, rollout, now);
      else work.afterwards(() => ask(rollout, silent));
    });
  }

  /** A row that rings for nothing would ring for ever. */
  function settle(rollout: number, soakEndsAt: number | null): void {
    if (soakEndsAt === null) store.timers.clear(rollout, "soak");
    else store.timers.set({ rollout, name: "soak", wakeAt: soakEndsAt });
  }

  /** Where hosts that nobody hears of are waited for, only the lack of progress ends that. */
  function patienceMs({ host }: HostState, { policy }: RolloutState): number {
    const isWaitedFor = policy.unreachable === "wait" && !fleet.isConnected(host);
    return isWaitedFor ? policy.deadlineMs : policy.hostDeadlineMs;
  }

  function ask(rollout: number, hosts: readonly HostState[]): void {
    const now = clock.mono();
    if (now - (askedAt.get(rollout) ?? Number.NEGATIVE_INFINITY) < proofRetryMs) return;
    askedAt.set(rollout, now);
    for (const { host } of hosts) fleet.nudge(host);
  }

  function giveUp(silent: readonly HostState[], rollout: number, at: number): void {
    const detail = "it did not say that it is well when the soak ended";
    for (const { host } of silent) {
      tell(rollout, { type: "host_unwell", at, host, reason: "host_lost", detail, logTail: [] });
    }
  }

  return { end };
}

/** Its agent cannot look at its engine: what it says of containers is of before. */
export function isBlind(store: Pick<Store, "hosts">, host: string): boolean {
  return store.hosts.find(host)?.engine?.ok === false;
}

/** Also what served the release before: that it still does is part of the proof. */
function isMeantToServe({ status }: HostState): boolean {
  return status === "healthy" || status === "unchanged";
}
