import type Database from "better-sqlite3";

/** Part of the transaction under way, or one of its own: a fact and its link in the chain are written together or not at all. */
export function atomically<T>(db: Database.Database, work: () => T): T {
  return db.inTransaction ? work() : db.transaction(work).immediate();
}
