/** What the whole machine uses, from the kernel's own files: they say it of the machine also to an agent in a container. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { MachineUsage } from "../core/usage.ts";

/** Linux counts in hundredths of a second for every program, whatever the kernel's own tick is. */
const tickMs = 10;

/** null: there are no such files, or they are not understood. */
export async function readMachine(proc = "/proc"): Promise<MachineUsage | null> {
  try {
    const names = ["stat", "meminfo", "loadavg"];
    const [stat = "", memory = "", load = ""] = await Promise.all(names.map((name) => readFile(join(proc, name), "utf8")));
    const total = kilobytes(memory, "MemTotal");
    return {
      cores: stat.split("\n").filter((line) => /^cpu\d/.test(line)).length,
      cpuMs: busyTicks(stat) * tickMs,
      load: finite(load.split(" ", 1)[0]),
      memoryBytes: total - kilobytes(memory, "MemAvailable"),
      memoryTotalBytes: total,
    };
  } catch {
    return null;
  }
}

/** user, nice, system, idle, iowait, irq, softirq, steal; the two that follow are in user already. */
function busyTicks(stat: string): number {
  const [user, nice, system, , , irq, softirq, steal] = (/^cpu +(.*)$/m.exec(stat)?.[1] ?? "").split(" ").map(finite);
  return [user, nice, system, irq, softirq, steal].reduce<number>((all, ticks) => all + (ticks ?? 0), 0);
}

function kilobytes(text: string, name: string): number {
  return finite(new RegExp(`^${name}: +(\\d+) kB$`, "m").exec(text)?.[1]) * 1024;
}

function finite(text: string | undefined): number {
  const value = Number(text || Number.NaN);
  if (!Number.isFinite(value)) throw new Error(`not a number: ${text}`);
  return value;
}
