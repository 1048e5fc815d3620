/** What a soak whose time is over still waits for. */
import type { RolloutState } from "../core/rollout-state.ts";
import { liveNow } from "../core/slot.ts";
import type { Fleet } from "./ports.ts";
import type { StoredSlot } from "./store.ts";

export type Unproved = { readonly hosts: readonly string[] /** Then the first of them has failed. */; readonly until: number };

/** Null while the time of the soak runs, and when it does not soak. The rule itself is in soak-proof.ts. */
export function unprovedOf(
  state: RolloutState,
  facts: {
    readonly slots: readonly StoredSlot[];
    readonly fleet: Pick<Fleet, "isConnected" | "answeredSince">;
    readonly isBlind: (host: string) => boolean;
    readonly now: number;
  },
): Unproved | null {
  const { phase, soakEndsAt, policy, release } = state;
  if (phase !== "soaking" || soakEndsAt === null || soakEndsAt > facts.now) return null;
  const slots = new Map(facts.slots.map((slot) => [slot.host, slot]));
  const isProved = (host: string) => {
    const { observed, observedAt, ...slot } = slots.get(host) ?? { observed: null, observedAt: null };
    const isAbout = "generation" in slot && observed?.generation === slot.generation;
    const live = liveNow(observed);
    const isWell = live?.release === release && live.health === "ok";
    return (
      isAbout && isWell && !facts.isBlind(host) && facts.fleet.answeredSince(host, soakEndsAt) && (observedAt ?? 0) >= soakEndsAt
    );
  };
  const mustSay = state.hosts.filter((h) => h.status === "healthy" || h.status === "unchanged").map((h) => h.host);
  const hosts = mustSay.filter((host) => !isProved(host));
  const patience = hosts.map((host) =>
    policy.unreachable === "wait" && !facts.fleet.isConnected(host) ? policy.deadlineMs : policy.hostDeadlineMs,
  );
  return { hosts, until: soakEndsAt + Math.min(...(patience.length === 0 ? [policy.hostDeadlineMs] : patience)) };
}
