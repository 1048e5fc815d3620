/**
 * What containers and hosts use, as the agent samples it: containers by their own counters, the host by its own, so that the one
 * is never taken for the other.
 */
import type { LiveHealth, SlotKey } from "./slot.ts";

/** Counters are of one run of the container: they begin anew when it does. */
export type ContainerUsage = {
  /** Time on all cores together. */
  readonly cpuMs: number;
  /** The working set: without file cache that the kernel can take back at once. */
  readonly memoryBytes: number;
  /** null: the container has no limit of its own. */
  readonly memoryLimitBytes: number | null;
  /** null: on the host's network, where every counter is the host's. */
  readonly network: { readonly receivedBytes: number; readonly sentBytes: number } | null;
};

/** A container that serves, and what it used when it was looked at. */
export type ContainerSample = SlotKey & {
  /** Its name in the Compose file; of a released container that stands alone, the service's. */
  readonly container: string;
  /** The one that gets the new images; the others are supporting ones. */
  readonly released: boolean;
  readonly release: number;
  readonly generation: number;
  readonly restarts: number;
  readonly health: LiveHealth;
  /** null: it does not run, or could not be looked at. */
  readonly usage: ContainerUsage | null;
  /** Cores in use on average over the last minute, or since its start if that was later; null: not known yet. */
  readonly cores: number | null;
};

/** The whole machine, with everything on it. */
export type MachineUsage = {
  readonly cores: number;
  /** Time on all cores together in which they were not idle, since the boot. */
  readonly cpuMs: number;
  /** Average of the last minute, as the kernel counts it. */
  readonly load: number;
  readonly memoryBytes: number;
  readonly memoryTotalBytes: number;
};

export type UsageSample = {
  /** null: this agent cannot see it. */
  readonly machine: MachineUsage | null;
  /** Cores in use on the machine on average over the last minute; null: not known yet. */
  readonly coresInUse: number | null;
  /** Free where the engine keeps images and containers; null: this agent cannot see it. */
  readonly diskFreeBytes: number | null;
  readonly containers: readonly ContainerSample[];
};

/** What stands on a card: how much one released container used at one moment. */
export type Used = { readonly cores: number | null; readonly memoryBytes: number };

export type UsedOnHost = { readonly host: string; readonly before: Used | null; readonly after: Used | null };

/** Before and after a swap, over the hosts that know both. */
export type UsageChange = {
  readonly hosts: number;
  /** null: too few hosts know both. */
  readonly cores: { readonly before: number; readonly after: number } | null;
  readonly memoryBytes: { readonly before: number; readonly after: number };
};

/** Medians: one odd host does not hide, or make, a change. null: no host knows both. */
export function usageChange(hosts: readonly UsedOnHost[]): UsageChange | null {
  const pairs = hosts.flatMap(({ before, after }) => (before === null || after === null ? [] : [{ before, after }]));
  if (pairs.length === 0) return null;
  const timed = pairs.flatMap(({ before, after }) =>
    before.cores === null || after.cores === null ? [] : [{ before: before.cores, after: after.cores }],
  );
  return {
    hosts: pairs.length,
    cores: timed.length < pairs.length ? null : medians(timed),
    memoryBytes: medians(pairs.map(({ before, after }) => ({ before: before.memoryBytes, after: after.memoryBytes }))),
  };
}

function medians(pairs: readonly { readonly before: number; readonly after: number }[]): { before: number; after: number } {
  return { before: median(pairs.map((p) => p.before)), after: median(pairs.map((p) => p.after)) };
}

export function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? 0) + upper) / 2;
}
