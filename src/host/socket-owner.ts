/**
 * Who listens on a port: socket inode from /proc/<pid>/net/tcp{,6}, then the process that has it open. On host networking
 * this is the only way to know that an answer came from the new container and not from the old one or a stranger.
 * https://www.kernel.org/doc/html/latest/networking/proc_net_tcp.html
 */
import { readdir, readFile, readlink } from "node:fs/promises";
import type { PortHolder } from "./engine.ts";

const listening = "0A";

export async function portHolder(facts: { port: number; pid: number }): Promise<PortHolder> {
  try {
    const inodes = await listeners(facts);
    if (inodes.size === 0) return { by: "nobody" };
    for (const pid of await processTree(facts.pid)) if (await holds(pid, inodes)) return { by: "container" };
    return await stranger(inodes, facts.port);
  } catch (thrown) {
    return { by: "unknown", detail: `the owner of port ${facts.port} cannot be seen: ${(thrown as Error).message}` };
  }
}

/** Inodes of the sockets that listen on the port, in the network namespace of the process. */
async function listeners(facts: { port: number; pid: number }): Promise<Set<string>> {
  const hexPort = facts.port.toString(16).toUpperCase().padStart(4, "0");
  const inodes = new Set<string>();
  const v4 = await readFile(`/proc/${facts.pid}/net/tcp`, "utf8");
  const v6 = await readFile(`/proc/${facts.pid}/net/tcp6`, "utf8").catch(() => "");
  for (const line of `${v4}\n${v6}`.split("\n")) {
    const fields = line.trim().split(/\s+/);
    if (fields[3] === listening && fields[1]?.endsWith(`:${hexPort}`) && fields[9] !== undefined) inodes.add(fields[9]);
  }
  return inodes;
}

/** The process and all its descendants. A child whose parent died belongs to the first process of its container again. */
async function processTree(root: number): Promise<number[]> {
  const found = [root];
  for (const pid of found) {
    const threads = await readdir(`/proc/${pid}/task`).catch(() => []);
    for (const thread of threads) {
      const text = await readFile(`/proc/${pid}/task/${thread}/children`, "utf8").catch(() => "");
      for (const child of text.split(" ")) if (child.trim() !== "") found.push(Number(child));
    }
  }
  return found;
}

async function holds(pid: number, inodes: ReadonlySet<string>): Promise<boolean> {
  const fds = await readdir(`/proc/${pid}/fd`);
  for (const fd of fds) {
    const target = await readlink(`/proc/${pid}/fd/${fd}`).catch(() => "");
    const inode = /^socket:\[(\d+)\]$/.exec(target)?.[1];
    if (inode !== undefined && inodes.has(inode)) return true;
  }
  return false;
}

async function stranger(inodes: ReadonlySet<string>, port: number): Promise<PortHolder> {
  for (const name of await readdir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const pid = Number(name);
    if (!(await holds(pid, inodes).catch(() => false))) continue;
    const command = (await readFile(`/proc/${pid}/comm`, "utf8").catch(() => "?")).trim();
    return { by: "other", detail: `port ${port} is held by ${command} (pid ${pid})` };
  }
  return { by: "other", detail: `port ${port} is held by another process` };
}
