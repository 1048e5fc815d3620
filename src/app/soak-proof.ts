/**
 * Time alone proves nothing: a soak ends when every host of it has said, after its end, that the release serves and is
 * well. Hosts that do not say so are asked again, and count as lost after the time that a swap may take.
 */
import type { HostState, LaterEvent, RolloutState } from "../core/rollout-state.ts";
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
  const { store, fleet, work, tell } = parts;
  const startedAt = parts.clock.now();

  function isProved({ host }: HostState, state: RolloutState, since: number): boolean {
    const slot = store.slots.get(host, state);
    const { observed, observedAt } = slot ?? {};
    const isAbout = slot?.release === state.release && observed?.generation === slot.generation;
    const isWell = observed?.live?.release === state.release && observed.live.health === "ok";
    return isAbout && isWell && fleet.isConnected(host) && (observedAt ?? 0) >= Math.max(since, startedAt);
  }

  function isDue(state: RolloutState | undefined, now: number): state is RolloutState & { readonly soakEndsAt: number } {
    return state?.phase === "soaking" && state.soakEndsAt !== null && state.soakEndsAt <= now;
  }

  /** The row of the timer is the memory of it: it is moved while hosts are asked, and cleared when there is nothing to end. */
  function end(rollout: number, now: number): void {
    work.atomically(() => {
      const state = work.rollout(rollout)?.state;
      if (!isDue(state, now)) return settle(rollout, state?.soakEndsAt ?? null);
      const silent = state.hosts.filter((h) => h.status === "healthy" && !isProved(h, state, state.soakEndsAt));
      if (silent.length === 0) {
        store.timers.clear(rollout, "soak");
        tell(rollout, { type: "soaked", at: now });
        return;
      }
      store.timers.set({ rollout, name: "soak", wakeAt: now + proofRetryMs });
      const late = silent.filter((h) => now > Math.max(state.soakEndsAt, startedAt) + patienceMs(h, state));
      if (late.length > 0) giveUp(late, rollout, now);
      else work.afterwards(() => ask(silent));
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

  function ask(hosts: readonly HostState[]): void {
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
