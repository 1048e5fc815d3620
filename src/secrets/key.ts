/** The key under which versions of secrets are made. It stays in the data folder, and is no part of a backup. */
import { randomBytes } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const keyBytes = 32;

/**
 * The key of this data folder, made when there is none. Whoever has the database alone cannot try out values against versions.
 * A lost key only makes every secret look changed.
 */
export function versionKey(folder: string): Uint8Array {
  const path = join(folder, "secrets.key");
  const known = read(path);
  if (known !== null) return known;
  const made = randomBytes(keyBytes);
  writeFileSync(path, made, { mode: 0o600, flush: true });
  return made;
}

/** Null when there is none, or only the beginning of one after a power cut. */
function read(path: string): Uint8Array | null {
  try {
    const key = readFileSync(path);
    return key.length === keyBytes ? key : null;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
}
