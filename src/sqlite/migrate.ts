/** Applies migrations/*.sql in order: each file and its log row in one transaction. */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type Database from "better-sqlite3";

export class StoreNewerError extends Error {
  readonly reason = "store_newer";
  constructor(found: number, known: number) {
    super(
      `the data was written by a newer Gantry (its schema is ${found}, this one knows ${known}). Run the newer version, or restore a backup made before the upgrade.`,
    );
    this.name = "StoreNewerError";
  }
}

export class MigrationEditedError extends Error {
  constructor(name: string) {
    super(`the migration ${name} was changed after it had been applied. Restore the file as it was and write a new one.`);
    this.name = "MigrationEditedError";
  }
}

export type Migration = { readonly version: number; readonly name: string; readonly sql: string; readonly sha256: string };

/** The migrations of a folder, in order. Throws when a number is missing or double. */
export function readMigrations(folder: string): Migration[] {
  const files = readdirSync(folder)
    .filter((f) => f.endsWith(".sql"))
    .sort();
  return files.map((name, index) => {
    const version = Number(name.slice(0, 4));
    if (version !== index + 1) throw new Error(`migrations must be numbered without gaps: ${name} should be number ${index + 1}`);
    const sql = readFileSync(join(folder, name), "utf8");
    return { version, name, sql, sha256: createHash("sha256").update(sql).digest("hex") };
  });
}

/**
 * Brings the base to the newest schema; writes nothing when it refuses. Returns the names that were applied now.
 * `failpoint`: named points at which a test may end the process.
 */
export function migrate(
  db: Database.Database,
  migrations: readonly Migration[],
  failpoint: (name: string) => void = () => {},
): string[] {
  const applied = appliedMigrations(db);
  const newest = applied.at(-1)?.version ?? 0;
  if (newest > migrations.length) throw new StoreNewerError(newest, migrations.length);
  for (const row of applied) {
    const file = migrations[row.version - 1];
    if (file !== undefined && file.sha256 !== row.sha256) throw new MigrationEditedError(file.name);
  }
  const pending = migrations.slice(newest);
  if (pending.length === 0) return [];
  withoutForeignKeys(db, () => {
    for (const migration of pending) {
      apply(db, migration, () => failpoint(`migrate.${migration.version}.before_commit`));
      failpoint(`migrate.${migration.version}.after_commit`);
    }
  });
  return pending.map((m) => m.name);
}

/** A table that others refer to can only be made anew while references are not enforced; each migration checks them before it commits. */
function withoutForeignKeys(db: Database.Database, work: () => void): void {
  db.pragma("foreign_keys = off");
  try {
    work();
  } finally {
    db.pragma("foreign_keys = on");
  }
}

/** The number of the last migration that was applied; 0 for a base with nothing in it. */
export function schemaOf(db: Database.Database): number {
  return appliedMigrations(db).at(-1)?.version ?? 0;
}

function appliedMigrations(db: Database.Database): { version: number; sha256: string }[] {
  const exists = db.prepare("select 1 from sqlite_master where type = 'table' and name = 'schema_migration'").get();
  if (exists === undefined) return [];
  return db
    .prepare<[], { version: number; sha256: string }>("select version, sha256 from schema_migration order by version")
    .all();
}

function apply(db: Database.Database, migration: Migration, beforeCommit: () => void): void {
  db.transaction(() => {
    db.exec(
      "create table if not exists schema_migration (version integer primary key, name text not null, sha256 text not null) strict",
    );
    db.exec(migration.sql);
    const dangling = db.pragma("foreign_key_check") as readonly { readonly table: string; readonly parent: string }[];
    const [first] = dangling;
    if (first !== undefined) {
      throw new Error(
        `${migration.name} would leave ${dangling.length} rows without what they refer to (${first.table} -> ${first.parent})`,
      );
    }
    db.prepare("insert into schema_migration (version, name, sha256) values (?, ?, ?)").run(
      migration.version,
      migration.name,
      migration.sha256,
    );
    beforeCommit();
  }).immediate();
}
