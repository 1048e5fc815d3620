/** What containers and hosts use, in words. A core is 100 %. */
import type { HostUsageFacts } from "../core/facts.ts";
import type { UsageChange, Used } from "../core/usage.ts";
import type { Line } from "./rollout-status.ts";
import { count } from "./words.ts";

/** `Uses: cpu 12 % → 15 %, memory 210 → 232 MiB (median of 3 hosts)` */
export function usageChangeLine({ hosts, cores, memoryBytes }: UsageChange): Line {
  const { before, after } = memoryBytes;
  const unit = unitFor(Math.max(before, after));
  const cpu = cores === null ? "" : `cpu ${percent(cores.before)} → ${percent(cores.after)}, `;
  const text = `Uses: ${cpu}memory ${amount(before, unit)} → ${amount(after, unit)} ${unit.name}${ofHosts(hosts)}`;
  return { text, mrkdwn: `:bar_chart: ${text}` };
}

/** `uses cpu 15 %, memory 232 MiB (median of 3 hosts)` */
export function usedText({ cores, memoryBytes, hosts }: Used & { readonly hosts: number }): string {
  const cpu = cores === null ? "" : `cpu ${percent(cores)}, `;
  return `uses ${cpu}memory ${bytes(memoryBytes)}${ofHosts(hosts)}`;
}

function ofHosts(hosts: number): string {
  return hosts === 1 ? "" : ` (median of ${count(hosts, "host")})`;
}

/** Of the whole machine, with all that runs on it. */
export function machineWords({ machine, coresInUse, diskFreeBytes }: HostUsageFacts): readonly string[] {
  const disk = diskFreeBytes === null ? [] : [`disk ${bytes(diskFreeBytes)} free`];
  if (machine === null) return disk;
  const { cores, memoryBytes, memoryTotalBytes } = machine;
  const unit = unitFor(memoryTotalBytes);
  const cpu = coresInUse === null || cores === 0 ? [] : [`cpu ${percent(coresInUse / cores)} of ${count(cores, "core")}`];
  return [...cpu, `memory ${amount(memoryBytes, unit)} of ${bytes(memoryTotalBytes)}`, ...disk];
}

function percent(share: number): string {
  const value = share * 100;
  return `${value < 9.95 ? Number(value.toFixed(1)) : Math.round(value)} %`;
}

type Unit = { readonly name: string; readonly bytes: number; readonly digits: number };

const mebibyte = 1024 * 1024;

function unitFor(most: number): Unit {
  if (most >= 1024 * mebibyte) return { name: "GiB", bytes: 1024 * mebibyte, digits: 1 };
  return { name: "MiB", bytes: mebibyte, digits: most < 10 * mebibyte ? 1 : 0 };
}

function amount(value: number, unit: Unit): string {
  return (value / unit.bytes).toFixed(unit.digits);
}

function bytes(value: number): string {
  const unit = unitFor(value);
  return `${amount(value, unit)} ${unit.name}`;
}
