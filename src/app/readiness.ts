/** Which hosts could go back to a release at once, by what they reported last. */
import type { EnvironmentConfig } from "../config/valid.ts";
import { type HostReady, type Readiness, readinessOf, type SwapTime, type UnreadyWhy } from "../core/rollback-estimate.ts";
import type { SlotStep } from "../core/slot.ts";
import { hasLabels } from "./planner.ts";
import type { StoredHost, StoredSlot } from "./store.ts";

/** A rollback reaches the environment's hosts that nobody has taken out; `environment` null: it has gone from the configuration. */
export function readinessAt(facts: {
  readonly slots: readonly StoredSlot[];
  readonly target: number | null;
  readonly hosts: readonly StoredHost[];
  readonly environment: EnvironmentConfig | null;
  readonly isConnected: (host: string) => boolean;
  readonly past: () => readonly SwapTime[];
}): Readiness {
  const { slots, target, environment, isConnected, past } = facts;
  const known = new Map(facts.hosts.map((host) => [host.name, host]));
  const reached = slots.flatMap((slot) => {
    const host = known.get(slot.host);
    return slot.release === null || host === undefined || !isReached(host, environment) ? [] : [{ slot, host }];
  });
  if (target === null) return { ready: 0, total: reached.length };
  const hosts = reached.map(
    ({ slot, host }): HostReady => ({
      host: host.name,
      serves: slot.observed?.live?.release === target,
      why: unready({ slot, host, target, isConnected }),
    }),
  );
  return readinessOf({ hosts, policy: environment?.rollout ?? null, past });
}

function isReached({ revokedAt, intent, labels }: StoredHost, environment: EnvironmentConfig | null): boolean {
  return revokedAt === null && intent === null && (environment === null || hasLabels(labels, environment.hosts));
}

function unready(facts: {
  readonly slot: StoredSlot;
  readonly host: StoredHost;
  readonly target: number;
  readonly isConnected: (host: string) => boolean;
}): UnreadyWhy | null {
  const { slot, host, target, isConnected } = facts;
  const { observed } = slot;
  if (!isConnected(host.name)) return "away";
  if (host.engine?.ok === false || observed?.unseen === true) return "engine_down";
  if (observed?.live?.release === target || observed?.previous?.release === target) return null;
  // Between the two the old container is neither what serves nor what is kept.
  return observed !== null && !atRest.includes(observed.step) ? "swapping" : "not_kept";
}

const atRest: readonly SlotStep[] = ["idle", "serving", "failed"];
