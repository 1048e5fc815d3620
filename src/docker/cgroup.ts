/**
 * A container's counters, read from the kernel's own files: a tenth of a millisecond each, where the engine's stats call takes
 * one to two seconds. Version 1 and 2 of control groups, each controller wherever it is mounted.
 * https://docs.kernel.org/admin-guide/cgroup-v1/memory.html, https://docs.kernel.org/admin-guide/cgroup-v2.html
 */
import { readFile } from "node:fs/promises";
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
export async function readCgroup(process: Process, proc = "/proc"): Promise<Omit<ContainerUsage, "network"> | null> {
  try {
    const [groups, mounts] = await Promise.all([
      readFile(join(proc, String(process.pid), "cgroup"), "utf8"),
      readFile(join(proc, "self", "mountinfo"), "utf8"),
    ]);
    const cpu =
      placeOf({ controller: "cpuacct", groups, mounts, ...process }) ?? placeOf({ controller: "", groups, mounts, ...process });
    const memory =
      placeOf({ controller: "memory", groups, mounts, ...process }) ?? placeOf({ controller: "", groups, mounts, ...process });
    if (cpu === null || memory === null) return null;
    return { cpuMs: await cpuMs(cpu), ...(await memoryOf(memory)) };
  } catch {
    return null;
  }
}

/** Received and sent in the network namespace of the process, without its loopback; null when it cannot be seen. */
export async function readNetwork(pid: number, proc = "/proc"): Promise<ContainerUsage["network"]> {
  try {
    const lines = (await readFile(join(proc, String(pid), "net", "dev"), "utf8")).split("\n").slice(2);
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

async function cpuMs({ version, folder }: Place): Promise<number> {
  if (version === 1) return number(await readFile(join(folder, "cpuacct.usage"), "utf8")) / 1e6;
  return field(await readFile(join(folder, "cpu.stat"), "utf8"), "usage_usec") / 1000;
}

async function memoryOf({ version, folder }: Place): Promise<Pick<ContainerUsage, "memoryBytes" | "memoryLimitBytes">> {
  const names =
    version === 1
      ? (["memory.usage_in_bytes", "memory.limit_in_bytes", "total_inactive_file"] as const)
      : (["memory.current", "memory.max", "inactive_file"] as const);
  const [used, limit, stat] = await Promise.all(
    [names[0], names[1], "memory.stat"].map((name) => readFile(join(folder, name), "utf8")),
  );
  const memoryBytes = Math.max(0, number(used) - field(stat ?? "", names[2]));
  const isFree = limit?.trim() === "max" || number(limit) >= noLimitBytes;
  return { memoryBytes, memoryLimitBytes: isFree ? null : number(limit) };
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
