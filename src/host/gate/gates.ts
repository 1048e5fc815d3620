/**
 * Gates: a folder per container in the agent's state directory, mounted read-only into it, that holds the program of
 * gate.c, the FIFO it waits at, and, once opened, the mark that lets every later start pass. The mark is on the disk before
 * the container is promoted, so that the engine can bring it back without the agent. The folder lives as long as a container
 * has it mounted.
 */
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { chmod, link, mkdtemp, open, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { syncFolder } from "../durable.ts";

export type Gates = {
  /** Makes a closed gate for the container of this name; resolves with the folder to mount. Null or rejects when this host cannot. */
  make(name: string): Promise<string | null>;
  isOpen(name: string): boolean;
  /** Lets the container's command begin; may be repeated. `durable`: the gate would also be open after a power cut. */
  open(name: string): Promise<{ readonly durable: Promise<void> }>;
  /** Makes one that was let through, and is not there any more as it was, again: open. False when nothing was amiss. */
  mend(name: string): Promise<boolean>;
  remove(name: string): Promise<void>;
  /** Removes what was left before this process began, but for these. */
  sweep(keep: ReadonlySet<string>): Promise<void>;
  /** They do not work here: none is made any more, until the agent starts anew. */
  condemn(): void;
};

/** What the gate ends with when it cannot wait. */
export const gateBroken = 125;

const run = promisify(execFile);
/** A gate that was started this very moment may reach its FIFO a little later than the agent. */
const lingerMs = 1_000;
const makeMs = 5_000;
/** No container has such a name. */
const sparePrefix = ".spare-";

/** `dir` and `program` are on one file system. Without a program no gate is made, but those that are there open. */
export function createGates(facts: { readonly dir: string; readonly program: string | null }): Gates {
  const { program } = facts;
  let makes = program !== null;
  mkdirSync(facts.dir, { recursive: true });
  const leftBefore = new Set(readdirSync(facts.dir));
  const folderOf = (name: string) => join(facts.dir, name);

  async function remove(name: string): Promise<void> {
    leftBefore.delete(name);
    await rm(folderOf(name), { recursive: true, force: true });
  }

  /** Made ahead, so that a swap does not wait for the program to have run. */
  async function makeSpare(): Promise<string | null> {
    if (program === null) return null;
    const folder = await mkdtemp(join(facts.dir, sparePrefix));
    await link(program, join(folder, "gate"));
    await run(join(folder, "gate"), [], { timeout: makeMs });
    // Whatever the agent's umask is: the container's user is another one.
    await chmod(folder, 0o755);
    await chmod(join(folder, "wait"), 0o644);
    return folder;
  }

  async function make(name: string): Promise<string | null> {
    if (!makes) return null;
    const ready = await spare();
    spare = later(makeSpare);
    if (ready === null) return null;
    await remove(name);
    await rename(ready, folderOf(name));
    return folderOf(name);
  }

  async function openGate(name: string): Promise<{ readonly durable: Promise<void> }> {
    const folder = folderOf(name);
    const mark = await open(join(folder, "open"), "a", 0o644);
    // For reading as well: so it does not wait for the gate to be there.
    const fifo = await open(join(folder, "wait"), "r+");
    setTimeout(() => void fifo.close(), lingerMs).unref();
    const durable = mark.sync().finally(() => mark.close());
    return { durable: durable.then(() => syncFolder(folder)) };
  }

  /** The container that has it mounted does not run, or has hold of the folder that was there when it started. */
  async function mend(name: string): Promise<boolean> {
    if (["gate", "open"].every((part) => existsSync(join(folderOf(name), part)))) return false;
    const folder = await makeSpare();
    if (folder === null) throw new Error(`its gate ${folderOf(name)} is gone, and there is no program to make it again`);
    const mark = await open(join(folder, "open"), "a", 0o644);
    await mark.sync().finally(() => mark.close());
    await syncFolder(folder);
    await remove(name);
    await rename(folder, folderOf(name));
    await syncFolder(facts.dir);
    return true;
  }

  async function sweep(keep: ReadonlySet<string>): Promise<void> {
    // One that was made again meanwhile was not left before any more.
    for (const name of [...leftBefore]) if (!keep.has(name) && leftBefore.has(name)) await remove(name);
    leftBefore.clear();
  }

  let spare = later(makeSpare);

  return {
    make,
    isOpen: (name) => existsSync(join(folderOf(name), "open")),
    open: openGate,
    mend,
    remove,
    sweep,
    condemn() {
      makes = false;
    },
  };
}

/** Begins the work at once, and tells how it went when somebody asks. */
function later<T>(work: () => Promise<T>): () => Promise<T> {
  const result = work();
  result.catch(() => undefined);
  return () => result;
}
