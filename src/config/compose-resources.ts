/** Compose keys that say how much of the host a container may use. */
import type { BlockIo, ContainerExtras, DeviceLimit, Ulimit } from "../core/release.ts";
import { refusedDeployKeys } from "./compose-refused.ts";
import { given } from "./given.ts";
import { type Complaint, quote, type Report } from "./raw.ts";
import { bytes, integer, microseconds, size, text } from "./scalars.ts";
import {
  byKind,
  field,
  type Located,
  listOf,
  located,
  mapOf,
  type RecordOf,
  record,
  refined,
  type Shape,
  scalar,
} from "./shape.ts";

const limitNames = "core cpu data fsize locks memlock msgqueue nice nofile nproc rss rtprio rttime sigpending stack".split(" ");
const limit = integer({ min: -1, max: 1e12 });
const bothLimits = record({
  expected: "a map with soft and hard",
  fields: { soft: field(limit, "What the process starts with."), hard: field(limit, "What it may raise it to.") },
});
const limitPair: Shape<{ soft: number; hard: number }> = byKind({
  expected: "a number, or a map with soft and hard",
  text: refined(limit, (value) => ({ value: { soft: value, hard: value } })),
  map: refined(bothLimits, ({ soft, hard }, spot, report) => {
    const good = soft !== undefined && hard !== undefined && (hard === -1 || (soft !== -1 && soft <= hard));
    if (good) return { value: { soft, hard } };
    report(spot, {
      what: "soft is above hard, or one of the two is missing",
      fix: "write both, soft at most hard (-1: without limit)",
    });
    return null;
  }),
});
const ulimits: Shape<readonly Ulimit[]> = refined(
  mapOf({
    expected: "a map of limits",
    key: (name) => wordComplaint(name, limitNames, "a limit of the kernel"),
    value: limitPair,
  }),
  (pairs) => ({ value: pairs.map(({ key, value }) => ({ name: key, ...value })) }),
);

function wordComplaint(word: string, known: readonly string[], kind: string): Complaint | null {
  return known.includes(word) ? null : { what: `${quote(word)} is not ${kind}`, fix: `use one of ${known.join(", ")}` };
}

const cpus: Shape<number> = scalar({
  expected: "a number of CPUs such as 1.5",
  schema: { type: ["number", "string"] },
  parse(value) {
    const number = /^\d{1,4}(\.\d{1,3})?$/.test(value) ? Number(value) : 0;
    if (number >= 0.01 && number <= 1024) return { value: number };
    return { what: `${quote(value)} is not a number of CPUs`, fix: "write a number from 0.01 to 1024, such as 1.5" };
  },
});

const cpuset = text({
  expected: "CPUs such as 0-3 or 0,1",
  pattern: /^\d{1,4}(-\d{1,4})?(,\d{1,4}(-\d{1,4})?){0,63}$/,
});

/** -1: without limit. Compose takes 0 for the same; the engine reads 0 as "not said". */
const pids = refined(integer({ min: -1, max: 4_194_304 }), (value, spot, report) => {
  if (value !== 0) return { value };
  report(spot, { what: "0 processes", fix: "write a limit, or -1 for none" });
  return null;
});

const memorySwap: Shape<number> = byKind({
  expected: "a size such as 64m, or -1",
  text: {
    schema: { anyOf: [size.schema, { const: -1 }] },
    read: (written, report) => (written.kind === "text" && written.text === "-1" ? { value: -1 } : size.read(written, report)),
  },
});

const devicePath = text({ expected: "a device", pattern: /^\/dev\/[\w./-]+$/, fix: "write a path such as /dev/sda" });

function deviceLimits(rate: Shape<number>): Shape<readonly DeviceLimit[]> {
  const fields = { path: field(devicePath, "The device."), rate: field(rate, "Per second.") };
  return listOf(
    refined(record({ expected: "a map with path and rate", fields }), ({ path, rate }, spot, report) => {
      if (path !== undefined && rate !== undefined) return { value: { path, rate } };
      report(spot, { what: "a limit without path or rate", fix: "write path: and rate:" });
      return null;
    }),
  );
}

const weight = integer({ min: 10, max: 1000 });
const weightFields = { path: field(devicePath, "The device."), weight: field(weight, "From 10 to 1000.") };
const deviceWeights = listOf(
  refined(record({ expected: "a map with path and weight", fields: weightFields }), ({ path, weight }, spot, report) => {
    if (path !== undefined && weight !== undefined) return { value: { path, weight } };
    report(spot, { what: "a weight without path or weight", fix: "write path: and weight:" });
    return null;
  }),
);
const perSecond = integer({ min: 1, max: 1e12 });
const blockIo: Shape<BlockIo> = refined(
  record({
    expected: "a map with weight or limits",
    fields: {
      weight: field(weight, "Share of the disk's time, 10 to 1000."),
      weight_device: field(deviceWeights, "The same, for one device."),
      device_read_bps: field(deviceLimits(bytes({ min: 1 })), "Bytes read from a device."),
      device_read_iops: field(deviceLimits(perSecond), "Reads from a device."),
      device_write_bps: field(deviceLimits(bytes({ min: 1 })), "Bytes written to a device."),
      device_write_iops: field(deviceLimits(perSecond), "Writes to a device."),
    },
  }),
  (raw) => ({
    value: given({
      weight: raw.weight,
      weightDevice: raw.weight_device,
      readBps: raw.device_read_bps,
      readIops: raw.device_read_iops,
      writeBps: raw.device_write_bps,
      writeIops: raw.device_write_iops,
    }),
  }),
);

const devices = { what: "devices: it gives the container power over the host", fix: "remove it" };
const swarmOnly = { what: "generic_resources: only a swarm knows them", fix: "remove it" };
const noCpus = { what: "cpus: the engine cannot reserve CPUs", fix: "write cpu_shares, or cpus under limits" };
const limits = {
  memory: field(located(size), "As mem_limit."),
  cpus: field(located(cpus), "As cpus."),
  pids: field(located(pids), "As pids_limit."),
};
const reservations = { memory: field(located(size), "As mem_reservation.") };
const deploy = record({
  expected: "a map with resources",
  refused: refusedDeployKeys,
  fields: {
    resources: field(
      record({
        expected: "a map with limits",
        fields: {
          limits: field(record({ expected: "a map with memory, cpus and pids", fields: limits }), "Limits."),
          reservations: field(
            record({
              expected: "a map with memory",
              refused: { devices, generic_resources: swarmOnly, cpus: noCpus },
              fields: reservations,
            }),
            "What is kept for it.",
          ),
        },
      }),
      "Resource limits.",
    ),
  },
});

export const resourceFields = {
  mem_limit: field(located(size), "Memory limit, such as 512m."),
  mem_reservation: field(located(size), "What it is pushed back to when memory is short."),
  memswap_limit: field(located(memorySwap), "Memory and swap together; -1: swap without limit. Needs mem_limit."),
  mem_swappiness: field(integer({ min: 0, max: 100 }), "0 to 100. Only on hosts with cgroup v1."),
  cpus: field(located(cpus), "CPU limit, such as 1.5."),
  cpu_shares: field(integer({ min: 2, max: 262_144 }), "Weight when CPUs are short. Default 1024."),
  cpu_quota: field(located(microseconds), "Time on the CPUs per period, in microseconds. Instead of cpus."),
  cpu_period: field(located(microseconds), "That period. Default 100000."),
  cpuset: field(cpuset, "The CPUs that it may run on, such as 0-3."),
  pids_limit: field(located(pids), "How many processes; -1: without limit."),
  blkio_config: field(blockIo, "Share and limits of disks."),
  ulimits: field(ulimits, "Limits of the kernel."),
  deploy: field(deploy, "Only resources."),
};

type Raw = RecordOf<typeof resourceFields>;
export type Resources = { readonly memoryBytes: number | null; readonly cpus: number | null; readonly extras: ContainerExtras };

/** Complains of limits that contradict each other: the engine would refuse the container on every host. */
export function resourcesOf(raw: Raw, report: Report): Resources {
  const wanted = raw.deploy?.resources?.limits;
  const memory = agreed({ short: raw.mem_limit, long: wanted?.memory, key: "mem_limit", place: "limits", report });
  const cpus = agreed({ short: raw.cpus, long: wanted?.cpus, key: "cpus", place: "limits", report });
  const pidsLimit = agreed({ short: raw.pids_limit, long: wanted?.pids, key: "pids_limit", place: "limits", report });
  const long = raw.deploy?.resources?.reservations?.memory;
  const kept = agreed({ short: raw.mem_reservation, long, key: "mem_reservation", place: "reservations", report });
  checkMemory({ memory, kept, swap: raw.memswap_limit ?? null, report });
  const quota = raw.cpu_quota ?? raw.cpu_period;
  if (cpus !== null && quota !== undefined)
    report(quota.spot, { what: "cpu_quota and cpu_period beside cpus", fix: "keep cpus: it says the same in one number" });
  const extras = given({
    memoryReservationBytes: kept?.value,
    memorySwapBytes: raw.memswap_limit?.value,
    memorySwappiness: raw.mem_swappiness,
    cpuShares: raw.cpu_shares,
    cpuQuotaUs: raw.cpu_quota?.value,
    cpuPeriodUs: raw.cpu_period?.value,
    cpuset: raw.cpuset,
    pidsLimit: pidsLimit?.value,
    blockIo: raw.blkio_config,
  });
  return { memoryBytes: memory?.value ?? null, cpus: cpus?.value ?? null, extras };
}

type Bytes = Located<number> | null;

function checkMemory({ memory, kept, swap, report }: { memory: Bytes; kept: Bytes; swap: Bytes; report: Report }): void {
  if (swap !== null && memory === null)
    report(swap.spot, { what: "memswap_limit without mem_limit", fix: "write mem_limit too" });
  if (memory === null) return;
  if (swap !== null && swap.value !== -1 && swap.value < memory.value)
    report(swap.spot, { what: "memswap_limit is below mem_limit", fix: "write memory and swap together, or -1" });
  if (kept !== null && kept.value > memory.value)
    report(kept.spot, { what: "mem_reservation is above mem_limit", fix: "write at most mem_limit" });
}

/** Compose has two places for a limit; they must not disagree. */
function agreed(facts: {
  short: Located<number> | undefined;
  long: Located<number> | undefined;
  key: string;
  place: string;
  report: Report;
}): Located<number> | null {
  const { short, long, key, place, report } = facts;
  if (short !== undefined && long !== undefined && short.value !== long.value) {
    report(short.spot, { what: `${key} and deploy.resources.${place} say different things`, fix: "keep one of the two" });
  }
  return short ?? long ?? null;
}
