/** A copy of the base as it was, before a migration changes it: the way back to the version that wrote it. */
import { chmodSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import type Database from "better-sqlite3";
import { syncFolder } from "./mark.ts";
import { schemaOf } from "./migrate.ts";

/**
 * Writes `gantry.db.before-migration-<first that is applied>` beside the base, in place of an earlier one of that name. Does nothing when
 * there is nothing to migrate. Throws what SQLite says: without room for the copy nothing is changed.
 */
export function copyBeforeMigration(facts: {
  readonly db: Database.Database;
  readonly folder: string;
  readonly to: number;
}): void {
  const { db, folder, to } = facts;
  const from = schemaOf(db);
  if (from === 0 || from >= to) return;
  const file = join(folder, `gantry.db.before-migration-${String(from + 1).padStart(4, "0")}`);
  const partial = `${file}.partial`;
  rmSync(partial, { force: true });
  db.prepare("vacuum into ?").run(partial);
  chmodSync(partial, 0o600);
  renameSync(partial, file);
  syncFolder(folder);
}
