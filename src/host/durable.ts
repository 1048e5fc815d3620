/** Small JSON files that survive a power cut: written beside, flushed, renamed. */
import { open, readFile, rename } from "node:fs/promises";
import { dirname } from "node:path";

/** What the file holds, or null when it is missing, torn, or not what `read` takes. */
export async function readDurable<T>(path: string, read: (value: unknown) => T | null): Promise<T | null> {
  try {
    return read(JSON.parse(await readFile(path, "utf8")));
  } catch {
    return null;
  }
}

export type DurableFile<T> = {
  /** Resolves when this value, or a newer one, is on the disk. Saves that come while one is under way are written as one. */
  save(value: T): Promise<void>;
};

export function createDurableFile<T>(path: string): DurableFile<T> {
  let next: { value: T } | null = null;
  let writing: Promise<void> | null = null;
  let queued: Promise<void> | null = null;

  async function writeNext(): Promise<void> {
    const { value } = next as { value: T };
    next = null;
    queued = null;
    await writeDurable(path, `${JSON.stringify(value)}\n`);
  }

  return {
    save(value) {
      next = { value };
      if (queued !== null) return queued;
      const before = writing ?? Promise.resolve();
      const mine = before.catch(() => undefined).then(writeNext);
      queued = mine;
      writing = mine;
      return mine;
    },
  };
}

/** Readable by its owner only: some of these files hold keys. */
async function writeDurable(path: string, text: string): Promise<void> {
  const beside = `${path}.new`;
  const file = await open(beside, "w", 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(beside, path);
  await syncFolder(dirname(path));
}

/** So that what was made or renamed in it is there after a power cut. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
