/** What is left on the engine's disk. A swap that would fail for want of it does not begin: nothing is touched. */
import { statfs } from "node:fs/promises";
import { EngineError } from "../host/engine.ts";

export type Room = {
  /** Bytes on the disk of the engine's data root; null when the agent does not see it. */
  bytes(): Promise<number | null>;
  /** Rejects with disk_full or inodes_full when a container could not even be made there. */
  demand(): Promise<void>;
  /** "No space left" is said of inodes too: the same fault, told from the other by looking. */
  named(fault: EngineError): Promise<EngineError>;
};

/** For one container: its folders, configuration and the beginning of its log. No more: a way back must not fail for want of comfort. */
const leastBytes = 2 * 1024 * 1024;
const leastInodes = 60;

type Left = { readonly folder: string; readonly bytes: number; readonly inodes: number | null };

/** `dataRoot`: asks the engine where it keeps things; called until it has answered once. */
export function createRoom(facts: { readonly dockerHost: string; readonly dataRoot: () => Promise<string> }): Room {
  let folder: string | null = null;

  async function left(): Promise<Left | null> {
    if (!facts.dockerHost.startsWith("unix://")) return null;
    try {
      folder ??= await facts.dataRoot();
      const { bavail, bsize, files, ffree } = await statfs(folder);
      // Some file systems make inodes as they need them, and count none.
      return { folder, bytes: bavail * bsize, inodes: files === 0 ? null : ffree };
    } catch {
      // In a container of its own the agent does not see the folder: then nobody can tell.
      return null;
    }
  }

  return {
    bytes: async () => (await left())?.bytes ?? null,
    async demand() {
      const fault = whyFull(await left());
      if (fault !== null) throw fault;
    },
    async named(fault) {
      // Before the folder is known the question would be put to an engine that may be the one without room.
      if (fault.reason !== "disk_full" || folder === null) return fault;
      const { inodes } = (await left()) ?? { inodes: null };
      if (inodes === null || inodes >= leastInodes) return fault;
      return new EngineError({ reason: "inodes_full", message: `${fault.message} (${inodes} inodes free)`, cause: fault });
    },
  };
}

function whyFull(left: Left | null): EngineError | null {
  if (left === null) return null;
  const { folder, bytes, inodes } = left;
  if (inodes !== null && inodes < leastInodes)
    return new EngineError({
      reason: "inodes_full",
      message: `${inodes} inodes are free on the disk of ${folder}: nothing was touched`,
    });
  if (bytes >= leastBytes) return null;
  const free = (bytes / 1024 / 1024).toFixed(1);
  return new EngineError({ reason: "disk_full", message: `${free} MB are free on the disk of ${folder}: nothing was touched` });
}
