import { readdirSync, readFileSync, readlinkSync, realpathSync, rmdirSync, rmSync, statSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { tryRun } from "./run.ts";

/**
 * Taking a lab down. Everything a lab makes can be found again from its plan alone (names, the namespaces, the folder),
 * so the same steps stop a healthy lab, and sweep one whose owner was killed half-way through starting it.
 * Order matters: processes hold mounts, mounts hold folders, namespaces hold interfaces.
 */

export type LabPlan = {
  /** Four hex digits, which are also the two middle bytes of the lab's subnet. */
  readonly id: string;
  readonly bridge: string;
  /** Everything that exists only while the lab runs. */
  readonly dir: string;
  readonly hosts: readonly { readonly name: string; readonly netns: string; readonly veth: string; readonly cgroup: string }[];
  /** The process that started the lab; `startedAt` tells it from a later one with the same number. */
  readonly owner: { readonly pid: number; readonly startedAt: string };
};

/** Idempotent; never rejects for a thing that is not there. */
export async function takeDown(plan: LabPlan): Promise<void> {
  const shimSockets = findShimSockets(plan.dir);
  await killAll(() => plan.hosts.flatMap((host) => hostProcesses(host)).concat(programsOf(plan.dir)));
  for (const mount of mountsBelow(plan.dir)) await tryRun("umount", ["-l", mount]);
  for (const host of plan.hosts) {
    await tryRun("ip", ["netns", "del", host.netns]);
    await tryRun("ip", ["link", "del", host.veth]);
  }
  await tryRun("ip", ["link", "del", plan.bridge]);
  for (const rule of firewallRules(plan.bridge)) await tryRun("iptables", ["-w", "-D", ...rule]);
  for (const host of plan.hosts) removeCgroup(host.cgroup);
  for (const socket of shimSockets) rmSync(socket, { force: true });
  for (const shared of ["/run/containerd/s", "/run/containerd"]) removeIfEmpty(shared);
  rmSync(plan.dir, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
}

/**
 * What a machine has only in memory, and so not after a reboot: mounts, and the folders of containerd and dockerd that are
 * below /run there. Left on disk, they tell of shims and tasks that are not, and starting those containers fails.
 * @param dir the host's own folder; nothing of the host may run any more
 */
export async function forgetRuntime(dir: string): Promise<void> {
  const shimSockets = shimSocketsOf(dir);
  for (const mount of mountsBelow(dir)) await tryRun("umount", ["-l", mount]);
  for (const socket of shimSockets) rmSync(socket, { force: true });
  for (const folder of ["containerd/state", "exec"]) rmSync(path.join(dir, folder), { recursive: true, force: true });
}

/** What lets a lab's hosts talk to one another and to us on a machine whose firewall refuses by default. */
export function firewallRules(bridge: string): string[][] {
  return [
    ["FORWARD", "-i", bridge, "-o", bridge, "-j", "ACCEPT"],
    ["INPUT", "-i", bridge, "-j", "ACCEPT"],
  ];
}

/** Processes that live on a host: those in its network namespace, and those of its containers that have one of their own. */
export function hostProcesses(host: { netns: string; cgroup: string }): number[] {
  const namespace = inodeOf(`/run/netns/${host.netns}`);
  const inNamespace = namespace === null ? [] : liveProcesses().filter((pid) => namespaceOf(pid) === namespace);
  const inCgroup = cgroupFolders(host.cgroup).flatMap(processesBelow);
  return [...new Set([...inNamespace, ...inCgroup])].filter((pid) => pid !== process.pid && isAlive(pid));
}

/** Kills until nobody is left: a shim may have started one more while we looked. */
export async function killAll(find: () => number[]): Promise<void> {
  for (let round = 0; round < 100; round++) {
    const pids = find();
    if (pids.length === 0) return;
    for (const pid of pids) kill(pid);
    await sleep(20);
  }
}

/** The kernel's start time of a process, in clock ticks, or null when there is none (or only a zombie). */
export function startTimeOf(pid: number): string | null {
  const fields = statFields(pid);
  return fields === null || fields[0] === "Z" ? null : (fields[19] ?? null);
}

/** Our own engines' and registry's programs, known by the lab's folder in their arguments. Never anyone's editor or tail. */
function programsOf(dir: string): number[] {
  const ours = /^(dockerd|containerd|containerd-shim.*|docker-registry)$/;
  return liveProcesses().filter((pid) => {
    const args = readText(`/proc/${pid}/cmdline`).split("\0");
    return ours.test(path.basename(args[0] ?? "")) && args.some((arg) => arg.includes(`${dir}/`));
  });
}

function liveProcesses(): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

function isAlive(pid: number): boolean {
  return startTimeOf(pid) !== null;
}

/** Fields of /proc/PID/stat after the program's name, which may itself hold blanks and brackets. */
function statFields(pid: number): string[] | null {
  const text = readText(`/proc/${pid}/stat`);
  return text === "" ? null : text.slice(text.lastIndexOf(")") + 2).split(" ");
}

function namespaceOf(pid: number): string | null {
  try {
    return readlinkSync(`/proc/${pid}/ns/net`).replace(/\D/g, "");
  } catch {
    return null;
  }
}

function inodeOf(file: string): string | null {
  try {
    return String(statSync(file).ino);
  } catch {
    return null;
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // it ended by itself
  }
}

/** Last mounted first. */
function mountsBelow(dir: string): string[] {
  return readText("/proc/self/mountinfo")
    .split("\n")
    .map((line) => line.split(" ")[4] ?? "")
    .filter((mount) => mount.startsWith(`${dir}/`))
    .reverse();
}

function findShimSockets(labDir: string): string[] {
  return list(labDir).flatMap((host) => shimSocketsOf(path.join(labDir, host)));
}

/** containerd puts its shims' sockets in a folder shared by all containerds of a machine; each task's folder names its own. */
function shimSocketsOf(hostDir: string): string[] {
  const tasks = path.join(hostDir, "containerd/state/io.containerd.runtime.v2.task/moby");
  const addresses = list(tasks).map((task) => readText(path.join(tasks, task, "address")).trim());
  return addresses
    .filter((address) => address.startsWith("unix:///run/containerd/s/"))
    .map((address) => address.slice("unix://".length));
}

/** The folders of one cgroup: one per controller (v1), or one (v2). */
function cgroupFolders(name: string): string[] {
  const roots = ["", ...list("/sys/fs/cgroup")].map((controller) => path.join("/sys/fs/cgroup", controller, name));
  return [...new Set(roots.map(realPath).filter((folder) => folder !== null))];
}

function processesBelow(folder: string): number[] {
  const own = readText(path.join(folder, "cgroup.procs")).split("\n").filter(Boolean).map(Number);
  return own.concat(childFolders(folder).flatMap(processesBelow));
}

function removeCgroup(name: string): void {
  for (const folder of cgroupFolders(name)) removeFolders(folder);
}

/** Cgroup folders hold virtual files that go with them: rmdir from the leaves up is the only way. */
function removeFolders(folder: string): void {
  for (const child of childFolders(folder)) removeFolders(child);
  removeIfEmpty(folder);
}

/** A cgroup stays when a killed process has not been reaped yet; an empty one does no harm. */
function removeIfEmpty(folder: string): void {
  try {
    rmdirSync(folder);
  } catch {
    // not empty, or not there
  }
}

function childFolders(folder: string): string[] {
  try {
    const entries = readdirSync(folder, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map((entry) => path.join(folder, entry.name));
  } catch {
    return [];
  }
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function realPath(file: string): string | null {
  try {
    return realpathSync(file);
  } catch {
    return null;
  }
}

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
