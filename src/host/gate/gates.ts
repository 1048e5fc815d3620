/**
 * Gates: a folder per container in the agent's state directory, mounted read-only into it, that holds the program of
 * gate.c, the FIFO it waits at, and, once opened, the mark that lets every later start pass. The mark is on the disk before
 * the container is promoted, so that the engine can bring it back without the agent. The folder lives as long as a container
 * has it mounted.
 */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { chmod, link, mkdir, open, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { syncFolder } from "../durable.ts";

export type Gates = {
  /** Makes a closed gate for the container of this name; resolves with the folder to mount. Rejects when this host cannot. */
  make(name: string): Promise<string>;
  isOpen(name: string): boolean;
  /** Lets the container's command begin, at once; resolves when the gate would also be open after a power cut. May be repeated. */
  open(name: string): Promise<void>;
  /** Removes all gates but these. */
  sweep(keep: ReadonlySet<string>): Promise<void>;
};

/** Where the folder is in the container. */
export const gateTarget = "/.gantry";
/** What the gate ends with when it cannot wait. */
export const gateBroken = 125;

const run = promisify(execFile);
/** A gate that was started this very moment may reach its FIFO a little later than the agent. */
const lingerMs = 1_000;
const makeMs = 5_000;

/** `dir` and `program` are on one file system. */
export function createGates(facts: { readonly dir: string; readonly program: string }): Gates {
  const folderOf = (name: string) => join(facts.dir, name);

  async function make(name: string): Promise<string> {
    const folder = folderOf(name);
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder, { recursive: true });
    await link(facts.program, join(folder, "gate"));
    await run(join(folder, "gate"), [], { timeout: makeMs });
    // Whatever the agent's umask is: the container's user is another one.
    await chmod(folder, 0o755);
    await chmod(join(folder, "wait"), 0o644);
    return folder;
  }

  async function openGate(name: string): Promise<void> {
    const folder = folderOf(name);
    const mark = await open(join(folder, "open"), "a", 0o644);
    try {
      // For reading as well: so it does not wait for the gate to be there.
      const fifo = await open(join(folder, "wait"), "r+");
      setTimeout(() => void fifo.close(), lingerMs).unref();
      await mark.sync();
    } finally {
      await mark.close();
    }
    await syncFolder(folder);
  }

  async function sweep(keep: ReadonlySet<string>): Promise<void> {
    const names = await readdir(facts.dir).catch(() => []);
    for (const name of names) if (!keep.has(name)) await rm(folderOf(name), { recursive: true, force: true });
  }

  return { make, isOpen: (name) => existsSync(join(folderOf(name), "open")), open: openGate, sweep };
}
