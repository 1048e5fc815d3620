/**
 * Who listens on a port: socket inode from /proc/<pid>/net/tcp{,6}, then the process that has it open. On host networking
 * this is the only way to know that an answer came from the new container and not from the old one or a stranger.
 * https://www.kernel.org/doc/html/latest/networking/proc_net_tcp.html
 */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import type { PortHolder } from "./engine.ts";

const listening = "0A";

/** Synchronous: the kernel answers from memory, and a hundred small reads through the thread pool cost ten times as much. */
export function portHolder(facts: { port: number; pid: number }): PortHolder {
  try {
    const inodes = listeners(facts);
    if (inodes.size === 0) return { by: "nobody" };
    if (processTree(facts.pid).some((pid) => holds(pid, inodes))) return { by: "container" };
    return stranger(inodes, facts.port);
  } catch (thrown) {
    return { by: "unknown", detail: `the owner of port ${facts.port} cannot be seen: ${(thrown as Error).message}` };
  }
}

/** Inodes of the sockets that listen on the port, in the network namespace of the process. */
function listeners(facts: { port: number; pid: number }): Set<string> {
  const hexPort = facts.port.toString(16).toUpperCase().padStart(4, "0");
  const inodes = new Set<string>();
  for (const table of ["tcp", "tcp6"]) {
    const text = table === "tcp" ? readFileSync(`/proc/${facts.pid}/net/tcp`, "utf8") : textOf(`/proc/${facts.pid}/net/tcp6`);
    for (const line of text.split("\n")) {
      const fields = line.trim().split(/\s+/);
      if (fields[3] === listening && fields[1]?.endsWith(`:${hexPort}`) && fields[9] !== undefined) inodes.add(fields[9]);
    }
  }
  return inodes;
}

/** The process and all its descendants. A child whose parent died belongs to the first process of its container again. */
function processTree(root: number): number[] {
  const found = [root];
  for (const pid of found) {
    for (const thread of namesIn(`/proc/${pid}/task`)) {
      const children = textOf(`/proc/${pid}/task/${thread}/children`).trim();
      if (children !== "") found.push(...children.split(" ").map(Number));
    }
  }
  return found;
}

/** Throws when this agent may not look at the process. */
function holds(pid: number, inodes: ReadonlySet<string>): boolean {
  return readdirSync(`/proc/${pid}/fd`).some((fd) => {
    const inode = /^socket:\[(\d+)\]$/.exec(linkOf(`/proc/${pid}/fd/${fd}`))?.[1];
    return inode !== undefined && inodes.has(inode);
  });
}

function stranger(inodes: ReadonlySet<string>, port: number): PortHolder {
  for (const name of namesIn("/proc")) {
    if (!/^\d+$/.test(name) || !mayHold(Number(name), inodes)) continue;
    const command = textOf(`/proc/${name}/comm`).trim() || "a process";
    return { by: "other", detail: `port ${port} is held by ${command} (pid ${name})` };
  }
  return { by: "other", detail: `port ${port} is held by another process` };
}

function mayHold(pid: number, inodes: ReadonlySet<string>): boolean {
  try {
    return holds(pid, inodes);
  } catch {
    return false;
  }
}

// Processes and descriptors come and go while one looks.

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

function namesIn(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
}
