/**
 * A container's counters, read from the kernel's own files: no call to the engine, which has enough to do. No disk is behind these
 * files, so reading them at once costs less than handing each to another thread. Version 1 and 2 of control groups, each
 * controller wherever it is mounted.
 * https://docs.kernel.org/admin-guide/cgroup-v1/memory.html, https://docs.kernel.org/admin-guide/cgroup-v2.html
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { ContainerUsage } from "../core/usage.ts";

type Process = { readonly pid: number; readonly containerId: string };

/** Where one controller's files of a process are. */
type Place = { readonly version: 1 | 2; readonly folder: string };

/** Version 1 writes "no limit" as the largest page number. */
const noLimitBytes = 2 ** 60;

/**
 * null: the container has gone, or this process cannot see its control group (another machine, or a namespace of its own). A pid
 * that another process has now is told by the container's id, which stands in the path.
 */
export function readCgroup(process: Process, proc = "/proc"): Omit<ContainerUsage, "network"> | null {
  try {
    const groups = read(proc, String(process.pid), "cgroup");
    const mounts = read(proc, "self", "mountinfo");
    const find = (controller: string) => placeOf({ controller, groups, mounts, containerId: process.containerId });
    const [cpu, memory] = [find("cpuacct") ?? find(""), find("memory") ?? find("")];
    if (cpu === null || memory === null) return null;
    return { cpuMs: cpuMs(cpu), ...memoryOf(memory) };
  } catch {
    return null;
  }
}

/** Received and sent in the network namespace of the process, without its loopback; null when it cannot be seen. */
export function readNetwork(pid: number, proc = "/proc"): ContainerUsage["network"] {
  try {
    const lines = read(proc, String(pid), "net", "dev").split("\n").slice(2);
    let receivedBytes = 0;
    let sentBytes = 0;
    for (const line of lines) {
      const [name = "", counters = ""] = line.split(":");
      const numbers = counters.trim().split(/\s+/).map(Number);
      if (counters === "" || name.trim() === "lo") continue;
      receivedBytes += numbers[0] ?? 0;
      sentBytes += numbers[8] ?? 0;
    }
    return { receivedBytes, sentBytes };
  } catch {
    return null;
  }
}

/** `controller`: of version 1; empty: version 2. */
function placeOf(facts: { controller: string; groups: string; mounts: string; containerId: string }): Place | null {
  const { controller, groups, mounts, containerId } = facts;
  const version = controller === "" ? 2 : 1;
  const path = groups
    .split("\n")
    .map((line) => line.match(/^\d+:([^:]*):(.*)$/))
    .find((found) => (found?.[1] ?? "?").split(",").includes(controller))?.[2];
  if (path === undefined || !path.includes(containerId) || path.includes("/..")) return null;
  const mount = mounts
    .split("\n")
    .map(mountOf)
    .find((one) => one?.version === version && (version === 2 || one.controllers.includes(controller)));
  if (mount == null) return null;
  const below = mount.root !== "/" && path.startsWith(`${mount.root}/`) ? path.slice(mount.root.length) : path;
  return { version, folder: join(mount.point, below) };
}

function mountOf(line: string): { version: 1 | 2; root: string; point: string; controllers: readonly string[] } | null {
  const [before = "", after = ""] = line.split(" - ");
  const [, , , root = "", point = ""] = before.split(" ");
  const [type, , options = ""] = after.split(" ");
  if (type !== "cgroup" && type !== "cgroup2") return null;
  return { version: type === "cgroup" ? 1 : 2, root, point, controllers: options.split(",") };
}

function cpuMs({ version, folder }: Place): number {
  if (version === 1) return number(read(folder, "cpuacct.usage")) / 1e6;
  return field(read(folder, "cpu.stat"), "usage_usec") / 1000;
}

function memoryOf({ version, folder }: Place): Pick<ContainerUsage, "memoryBytes" | "memoryLimitBytes"> {
  const names =
    version === 1
      ? (["memory.usage_in_bytes", "memory.limit_in_bytes", "total_inactive_file"] as const)
      : (["memory.current", "memory.max", "inactive_file"] as const);
  const limit = read(folder, names[1]).trim();
  const memoryBytes = Math.max(0, number(read(folder, names[0])) - field(read(folder, "memory.stat"), names[2]));
  const isFree = limit === "max" || number(limit) >= noLimitBytes;
  return { memoryBytes, memoryLimitBytes: isFree ? null : number(limit) };
}

function read(...path: readonly string[]): string {
  return readFileSync(join(...path), "utf8");
}

function field(text: string, name: string): number {
  return number(text.match(new RegExp(`^${name} (\\d+)$`, "m"))?.[1]);
}

/** Throws for what is no number: a wrong figure is worse than none. */
function number(text: string | undefined): number {
  const value = Number(text?.trim() || Number.NaN);
  if (!Number.isFinite(value)) throw new Error(`not a number: ${text}`);
  return value;
}
