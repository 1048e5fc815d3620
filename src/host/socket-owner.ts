/**
 * Who listens on a port: socket inode from /proc/<pid>/net/tcp{,6}, then the process that has it open. On host networking
 * this is the only way to know that an answer came from the new container and not from the old one or a stranger.
 * https://www.kernel.org/doc/html/latest/networking/proc_net_tcp.html
 */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import type { PortHolder } from "./engine.ts";

const listening = "0A";

/**
 * Synchronous: the kernel answers from memory, and a hundred small reads through the thread pool cost ten times as much.
 * `proc` is another folder than /proc only in tests.
 */
export function portHolder(facts: { port: number; pid: number; proc?: string }): PortHolder {
  const look = { ...facts, proc: facts.proc ?? "/proc" };
  try {
    const inodes = listeners(look);
    if (inodes.size === 0) return { by: "nobody" };
    if (processTree(look).some((path) => holds(path, inodes))) return { by: "container" };
    return stranger(look, inodes);
  } catch (thrown) {
    return { by: "unknown", detail: `the owner of port ${facts.port} cannot be seen: ${(thrown as Error).message}` };
  }
}

type Look = { readonly port: number; readonly pid: number; readonly proc: string };

/** Inodes of the sockets that listen on the port, in the network namespace of the process. */
function listeners(look: Look): Set<string> {
  const hexPort = look.port.toString(16).toUpperCase().padStart(4, "0");
  const inodes = new Set<string>();
  for (const table of ["tcp", "tcp6"]) {
    const path = join(look.proc, String(look.pid), "net", table);
    const text = table === "tcp" ? readFileSync(path, "utf8") : textOf(path);
    for (const line of text.split("\n")) {
      const fields = line.trim().split(/\s+/);
      if (fields[3] === listening && fields[1]?.endsWith(`:${hexPort}`) && fields[9] !== undefined) inodes.add(fields[9]);
    }
  }
  return inodes;
}

/** Folders of the process and all its descendants. A child whose parent died belongs to the first process of its container again. */
function processTree(look: Look): string[] {
  const found = [join(look.proc, String(look.pid))];
  for (const path of found) {
    for (const thread of namesIn(join(path, "task"))) {
      const children = textOf(join(path, "task", thread, "children")).trim();
      if (children !== "") found.push(...children.split(" ").map((pid) => join(look.proc, pid)));
    }
  }
  return found;
}

/** Throws when this agent may not look at the process. One that has ended meanwhile holds nothing. */
function holds(path: string, inodes: ReadonlySet<string>): boolean {
  return descriptorsOf(path).some((fd) => {
    const inode = /^socket:\[(\d+)\]$/.exec(linkOf(join(path, "fd", fd)))?.[1];
    return inode !== undefined && inodes.has(inode);
  });
}

function descriptorsOf(path: string): string[] {
  try {
    return readdirSync(join(path, "fd"));
  } catch (thrown) {
    const { code } = thrown as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ESRCH") return [];
    throw thrown;
  }
}

function stranger(look: Look, inodes: ReadonlySet<string>): PortHolder {
  for (const name of namesIn(look.proc)) {
    const path = join(look.proc, name);
    if (!/^\d+$/.test(name) || !mayHold(path, inodes)) continue;
    const command = textOf(join(path, "comm")).trim() || "a process";
    return { by: "other", detail: `port ${look.port} is held by ${command} (pid ${name})` };
  }
  return { by: "other", detail: `port ${look.port} is held by another process` };
}

function mayHold(path: string, inodes: ReadonlySet<string>): boolean {
  try {
    return holds(path, inodes);
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
