/**
 * What hosts and their containers use, for Prometheus: the same series from the server, for all hosts, and from an agent, for its
 * own. Names say which is which: `gantry_container_…` is a container alone, `gantry_host_…` the machine with all that runs on it.
 */
import { Counter, Gauge, type Registry } from "prom-client";
import { releaseName } from "../core/release.ts";
import type { LiveHealth } from "../core/slot.ts";
import type { ContainerSample, UsageSample } from "../core/usage.ts";

export type HostSample = { readonly host: string; readonly sample: UsageSample };

type Series<T> = {
  readonly name: string;
  readonly help: string;
  /** null: there is no such series now. */
  readonly read: (of: T) => number | null;
};

const containerLabels = ["service", "environment", "release", "host", "container"] as const;
const healths: readonly LiveHealth[] = ["ok", "starting", "failing", "restarting", "exited"];

const ofContainers: readonly Series<ContainerSample>[] = [
  {
    name: "gantry_container_cpu_seconds_total",
    help: "Time of the container on all cores, since its start.",
    read: ({ usage }) => (usage === null ? null : usage.cpuMs / 1000),
  },
  {
    name: "gantry_container_memory_bytes",
    help: "Working set of the container: without file cache that the kernel can take back at once.",
    read: ({ usage }) => usage?.memoryBytes ?? null,
  },
  {
    name: "gantry_container_memory_limit_bytes",
    help: "The container's memory limit; there is no such series for one without.",
    read: ({ usage }) => usage?.memoryLimitBytes ?? null,
  },
  {
    name: "gantry_container_restarts_total",
    help: "How often the engine has restarted the container.",
    read: ({ restarts }) => restarts,
  },
  {
    name: "gantry_container_network_receive_bytes_total",
    help: "Received by the container; only for one with a network of its own (on the host's, the counters are the host's).",
    read: ({ usage }) => usage?.network?.receivedBytes ?? null,
  },
  {
    name: "gantry_container_network_transmit_bytes_total",
    help: "Sent by the container; only for one with a network of its own.",
    read: ({ usage }) => usage?.network?.sentBytes ?? null,
  },
];

const ofHosts: readonly Series<UsageSample>[] = [
  { name: "gantry_host_cores", help: "Cores of the machine.", read: ({ machine }) => machine?.cores ?? null },
  {
    name: "gantry_host_cpu_seconds_total",
    help: "Time on all cores in which the machine was not idle, since its boot.",
    read: ({ machine }) => (machine === null ? null : machine.cpuMs / 1000),
  },
  { name: "gantry_host_load1", help: "Load average of the last minute.", read: ({ machine }) => machine?.load ?? null },
  {
    name: "gantry_host_memory_bytes",
    help: "Memory of the machine that is not available to others.",
    read: ({ machine }) => machine?.memoryBytes ?? null,
  },
  {
    name: "gantry_host_memory_total_bytes",
    help: "Memory of the machine.",
    read: ({ machine }) => machine?.memoryTotalBytes ?? null,
  },
  {
    name: "gantry_host_disk_free_bytes",
    help: "Free on the disk where the engine keeps images and containers.",
    read: ({ diskFreeBytes }) => diskFreeBytes,
  },
];

/** `hosts` is read with every page: a host that is not named has no series. `onError`: it threw, and the series are left out. */
export function defineUsage(facts: {
  readonly hosts: () => readonly HostSample[];
  readonly registers: Registry[];
  readonly onError: () => void;
}): void {
  const { registers } = facts;

  function define(
    what: { name: string; help: string; labelNames: readonly string[] },
    fill: (set: Setter, all: readonly HostSample[]) => void,
  ) {
    const settings = { ...what, registers };
    const read = (set: Setter) => {
      try {
        fill(set, facts.hosts());
      } catch {
        facts.onError();
      }
    };
    if (what.name.endsWith("_total")) {
      new Counter({
        ...settings,
        collect() {
          this.reset();
          read((labels, value) => this.inc(labels, value));
        },
      });
      return;
    }
    new Gauge({
      ...settings,
      collect() {
        this.reset();
        read((labels, value) => this.set(labels, value));
      },
    });
  }

  for (const { name, help, read } of ofContainers) {
    define({ name, help, labelNames: containerLabels }, (set, all) => {
      for (const { host, container } of containersOf(all)) {
        const value = read(container);
        if (value !== null) set(labelsOf(host, container), value);
      }
    });
  }
  const help = "1 for the state in which the container is, 0 for the others.";
  define({ name: "gantry_container_health", help, labelNames: [...containerLabels, "state"] }, (set, all) => {
    for (const { host, container } of containersOf(all)) {
      for (const state of healths) set({ ...labelsOf(host, container), state }, container.health === state ? 1 : 0);
    }
  });
  for (const { name, help, read } of ofHosts) {
    define({ name, help, labelNames: ["host"] }, (set, all) => {
      for (const { host, sample } of all) {
        const value = read(sample);
        if (value !== null) set({ host }, value);
      }
    });
  }
}

type Setter = (labels: Record<string, string>, value: number) => void;

function containersOf(all: readonly HostSample[]): { readonly host: string; readonly container: ContainerSample }[] {
  return all.flatMap(({ host, sample }) => sample.containers.map((container) => ({ host, container })));
}

function labelsOf(host: string, sample: ContainerSample): Record<(typeof containerLabels)[number], string> {
  const { service, environment, container } = sample;
  return { service, environment, release: releaseName(sample.release), host, container };
}
