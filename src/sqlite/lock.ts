/** One server per data folder. The lock is SQLite's own exclusive lock on a file beside the base; a SIGKILL frees it. */
import { join } from "node:path";
import Database from "better-sqlite3";

export class StoreLockedError extends Error {
  readonly reason = "store_locked";
  constructor(folder: string) {
    super(`another server holds the data in ${folder}. Stop it, or give this one a folder of its own with GANTRY_DATA.`);
    this.name = "StoreLockedError";
  }
}

/** Takes the lock or throws StoreLockedError at once. The returned function gives it back. */
export function lockFolder(folder: string): () => void {
  const file = join(folder, "gantry.lock");
  const lock = new Database(file, { timeout: 0 });
  try {
    lock.pragma("journal_mode = delete");
    lock.pragma("locking_mode = exclusive");
    lock.exec("begin exclusive; create table if not exists holder (pid integer not null) strict; delete from holder");
    lock.prepare("insert into holder (pid) values (?)").run(process.pid);
    lock.exec("commit; begin exclusive");
  } catch (error) {
    lock.close();
    if (isBusy(error)) throw new StoreLockedError(folder);
    throw error;
  }
  return () => {
    if (lock.open) lock.close();
  };
}

function isBusy(error: unknown): boolean {
  return error instanceof Database.SqliteError && error.code.startsWith("SQLITE_BUSY");
}
