/**
 * One agent per state directory. The lock is SQLite's own file lock, which the kernel drops when its holder dies, whatever
 * the way; a file with a pid in it would outlive a power cut and name a stranger.
 */
import { DatabaseSync } from "node:sqlite";

export type Lock = { release(): void };

/** Throws one clear line when another process holds it. */
export function takeLock(path: string): Lock {
  const db = new DatabaseSync(path, { timeout: 0 });
  try {
    db.exec("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE");
  } catch (cause) {
    db.close();
    throw new Error(`another agent uses ${path}: stop it, or give this one its own --state-dir`, { cause });
  }
  return { release: () => db.close() };
}
