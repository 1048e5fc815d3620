/** Opens a base so that what was committed is there after a power cut. */
import Database from "better-sqlite3";

/**
 * WAL runs at synchronous=NORMAL unless told otherwise, and then loses acknowledged commits on power loss: set and asserted.
 * Versions before 3.51.3 could lose pages when a WAL was reset.
 */
export function openDurably(file: string): Database.Database {
  const db = new Database(file, { timeout: 2000 });
  try {
    db.pragma("journal_mode = wal");
    db.pragma("synchronous = full");
    db.pragma("foreign_keys = on");
    db.pragma("trusted_schema = off");
    // 32 MiB of pages: what a status of everything reads stays in memory, however large the history has become.
    db.pragma("cache_size = -32768");
    const version = String(db.prepare("select sqlite_version()").pluck().get());
    if (compareVersions(version, "3.51.3") < 0) throw new Error(`SQLite ${version} is too old: 3.51.3 or newer is needed`);
    if (db.pragma("synchronous", { simple: true }) !== 2) throw new Error("SQLite did not accept synchronous=FULL");
    if (db.pragma("journal_mode", { simple: true }) !== "wal") throw new Error("SQLite did not accept journal_mode=WAL");
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

/** Moves everything from the log into the base and empties the log; a long reader may keep it from that, until the next time. */
export function emptyLog(db: Database.Database): void {
  db.pragma("wal_checkpoint(truncate)");
}

function compareVersions(a: string, b: string): number {
  const left = a.split(".").map(Number);
  const right = b.split(".").map(Number);
  for (let i = 0; i < 3; i++) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
