/** Where test files put their temporary things: one folder for each, looked through when the file has ended. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statfsSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { isAlive } from "./leaks.ts";

export type Workshop = {
  /** A place for one file: what must be in its environment, and what it has left there, which is removed then. */
  bench(): { readonly env: Readonly<Record<string, string>>; clear(): readonly string[] };
  /** Removes the whole. Returns sentences about what could not be. */
  close(): readonly string[];
};

/** Short: names of sockets have little room, and messages cut long paths. */
const prefix = "gt";

/**
 * In memory where the machine has room there: most of the time of a test with a database is waiting for the disk. (Whether what is
 * acknowledged gets on a disk is seen by the power cut, which has a disk of its own.) What a killed run left is removed first.
 * Compiled code is kept for the time of the run: hundreds of processes load the same files.
 */
export function openWorkshop(parent: string = roomiest()): Workshop {
  sweep(parent);
  const base = mkdtempSync(path.join(parent, `${prefix}${process.pid}-`));
  let benches = 0;

  function bench(): ReturnType<Workshop["bench"]> {
    benches += 1;
    const folder = path.join(base, String(benches));
    mkdirSync(folder);
    return {
      env: { TMPDIR: folder, NODE_COMPILE_CACHE: path.join(base, "compiled") },
      clear() {
        const left = readdirSync(folder);
        remove(folder);
        return left;
      },
    };
  }

  return {
    bench,
    close() {
      remove(base);
      return existsSync(base) ? [`${base} could not be removed`] : [];
    },
  };
}

const roomBytes = 2 * 1024 ** 3;

function roomiest(): string {
  const memory = "/dev/shm";
  if (!existsSync(memory)) return os.tmpdir();
  const { bavail, bsize } = statfsSync(memory);
  return bavail * bsize > roomBytes && os.freemem() > roomBytes ? memory : os.tmpdir();
}

/** A file system that a killed test had mounted goes first, lazily: something may still have it open. */
function remove(folder: string): void {
  for (const mount of mountsBelow(folder)) execFileSync("umount", ["-l", mount]);
  rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
}

/** Last mounted first. */
function mountsBelow(folder: string): string[] {
  if (!existsSync("/proc/self/mountinfo")) return [];
  return readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .map((line) => line.split(" ")[4] ?? "")
    .filter((mount) => mount.startsWith(`${folder}/`))
    .reverse();
}

const ownerName = new RegExp(`^${prefix}(\\d+)-\\w{6}$`);

function sweep(parent: string): void {
  for (const name of readdirSync(parent)) {
    const owner = ownerName.exec(name)?.[1];
    if (owner === undefined || isAlive(Number(owner))) continue;
    try {
      remove(path.join(parent, name));
    } catch {
      // It is another user's.
    }
  }
}
