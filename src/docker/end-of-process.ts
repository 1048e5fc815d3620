/**
 * Learns that a process has ended without asking the engine, which takes some 50 ms longer to notice. Node has no pidfd;
 * looking at /proc every two milliseconds costs next to nothing for the moment that a stop lasts.
 */
import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";

const lookEveryMs = 2;

/**
 * Resolves true when the first process of the container has ended (gone, or a zombie: then all others of its pid namespace are
 * gone and its sockets closed), false when this host does not let the agent see it, and when `signal` aborts.
 */
export async function processEnded(facts: { pid: number; containerId: string; signal: AbortSignal }): Promise<boolean> {
  const { pid, containerId, signal } = facts;
  // A pid of another pid namespace would name a stranger: only believe it when its control group is the container's.
  const cgroup = await readFile(`/proc/${pid}/cgroup`, "utf8").catch(() => "");
  if (!cgroup.includes(containerId)) return false;
  while (!signal.aborted) {
    if (await isOver(pid)) return true;
    await sleep(lookEveryMs);
  }
  return false;
}

async function isOver(pid: number): Promise<boolean> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, "utf8");
    const state = stat.charAt(stat.lastIndexOf(")") + 2);
    return state === "Z" || state === "X";
  } catch {
    return true;
  }
}
