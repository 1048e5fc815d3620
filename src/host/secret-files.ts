/**
 * Files with secrets, for containers to mount: a folder per container, which only its owner can enter (root, as a rule), so
 * that nobody else on the host reads what everybody in the container may. On the disk, and flushed: after a reboot or a power
 * cut the engine brings containers back before the agent is there, and perhaps no server ever (ADR 24). The folder lives as
 * long as a container has it mounted, the kept one too.
 */
import { mkdirSync, readdirSync } from "node:fs";
import { mkdtemp, open, readdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { syncFolder } from "./durable.ts";

export type SecretFile = {
  readonly bytes: Uint8Array;
  readonly uid: number;
  readonly gid: number;
  readonly mode: number;
};

/** A folder is named after the container that it was made for. */
export type SecretFiles = {
  /** Resolves with each one's path on the host, in their order, once all are on the disk. */
  put(container: string, files: readonly SecretFile[]): Promise<readonly string[]>;
  /** What is in the files; nothing when they are gone. */
  read(container: string): Promise<readonly Uint8Array[]>;
  remove(container: string): Promise<void>;
  /** Removes what was left before this process began, but for these. */
  sweep(keep: ReadonlySet<string>): Promise<void>;
};

/** No container has such a name. */
const newPrefix = ".new-";

export function createSecretFiles(dir: string): SecretFiles {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const leftBefore = new Set(readdirSync(dir));
  const folderOf = (container: string) => join(dir, container);

  async function remove(container: string): Promise<void> {
    leftBefore.delete(container);
    await rm(folderOf(container), { recursive: true, force: true });
  }

  return {
    async put(container, files) {
      // Readable by its owner only, whatever the umask.
      const folder = await mkdtemp(join(dir, newPrefix));
      try {
        for (const [at, file] of files.entries()) await write(join(folder, String(at)), file);
        await syncFolder(folder);
        await remove(container);
        await rename(folder, folderOf(container));
      } catch (error) {
        await rm(folder, { recursive: true, force: true });
        throw error;
      }
      await syncFolder(dir);
      return files.map((_, at) => join(folderOf(container), String(at)));
    },
    async read(container) {
      const folder = folderOf(container);
      const names = await readdir(folder).catch(() => []);
      const read = await Promise.all(names.map((name) => readFile(join(folder, name)).catch(() => null)));
      return read.filter((bytes) => bytes !== null);
    },
    remove,
    async sweep(keep) {
      for (const name of [...leftBefore]) if (!keep.has(name)) await remove(name);
      leftBefore.clear();
    },
  };
}

async function write(path: string, { bytes, uid, gid, mode }: SecretFile): Promise<void> {
  const file = await open(path, "wx", 0o600);
  try {
    await file.writeFile(bytes);
    if (uid !== process.geteuid?.() || gid !== process.getegid?.()) await file.chown(uid, gid);
    await file.chmod(mode);
    await file.sync();
  } finally {
    await file.close();
  }
}
