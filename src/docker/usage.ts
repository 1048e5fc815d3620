/** What one container uses: from the kernel where this process sees it, otherwise from the engine. */
import { totalmem } from "node:os";
import type Dockerode from "dockerode";
import type { ContainerUsage } from "../core/usage.ts";
import { type ContainerState, EngineError } from "../host/engine.ts";
import { readCgroup, readNetwork } from "./cgroup.ts";

/** The one answer of the engine that is asked for: dockerode knows its whole shape. */
type Stats = Dockerode.ContainerStats;

export function createUsageReader(facts: {
  /** Rejects with EngineError. One answer, without the second that the engine would wait for a difference. */
  readonly stats: (id: string) => Promise<Stats>;
}): (container: ContainerState) => Promise<ContainerUsage | null> {
  return async (container) => {
    const { id, pid } = container;
    if (pid === null || container.status !== "running") return null;
    const seen = readCgroup({ pid, containerId: id });
    if (seen !== null) return { ...seen, network: container.ownNetwork === true ? readNetwork(pid) : null };
    try {
      return fromStats(await facts.stats(id), container);
    } catch (thrown) {
      if (thrown instanceof EngineError && (thrown.gone || thrown.conflict)) return null;
      throw thrown;
    }
  };
}

function fromStats(stats: Stats, { ownNetwork }: ContainerState): ContainerUsage | null {
  const { usage, limit, stats: detail } = stats.memory_stats;
  // Of a container that ended meanwhile the engine says nothing of memory.
  if (usage === undefined) return null;
  const cache = detail as Partial<Record<"total_inactive_file" | "inactive_file", number>> | undefined;
  const networks = Object.values(stats.networks ?? {});
  const sum = (read: (one: { rx_bytes: number; tx_bytes: number }) => number) =>
    networks.reduce((all, one) => all + read(one), 0);
  return {
    cpuMs: stats.cpu_stats.cpu_usage.total_usage / 1e6,
    memoryBytes: Math.max(0, usage - (cache?.total_inactive_file ?? cache?.inactive_file ?? 0)),
    // Without a limit the engine says how much the machine has.
    memoryLimitBytes: limit === undefined || limit >= totalmem() ? null : limit,
    network: ownNetwork === true ? { receivedBytes: sum((n) => n.rx_bytes), sentBytes: sum((n) => n.tx_bytes) } : null,
  };
}
