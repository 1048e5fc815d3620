/** A copy of the base while it is in use, and the way back from one. */
import { chmodSync, closeSync, copyFileSync, existsSync, fsyncSync, openSync, renameSync, rmSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import Database from "better-sqlite3";
import type { Head } from "../core/slot.ts";
import { chainOn } from "./chain.ts";
import { beginChain } from "./chain-begin.ts";
import { verifierOn, verifyAll } from "./chain-verify.ts";
import { emptyLog } from "./durable.ts";
import { freezeStore } from "./freeze.ts";
import { historyStore } from "./history.ts";
import { lockFolder } from "./lock.ts";
import { readMark, syncFolder, writeMark } from "./mark.ts";
import { migrate, readMigrations } from "./migrate.ts";

/** The file is no backup that can be put in place; the message says why. */
export class BadBackupError extends Error {
  constructor(file: string, why: string) {
    super(`${file} cannot be restored: ${why}`);
    this.name = "BadBackupError";
  }
}

/** The base in place is a backup that nobody restored: the agents would not know that its server went back in time. */
export class StoreIsBackupError extends Error {
  readonly reason = "store_is_backup";
  constructor(folder: string, at: number) {
    super(
      `${join(folder, "gantry.db")} is a backup (made at ${new Date(at).toISOString()}) that was copied here by hand. Move it elsewhere and put it in place with \`gantry restore\`, so that the agents know of it.`,
    );
    this.name = "StoreIsBackupError";
  }
}

/** @throws StoreIsBackupError */
export function refuseBackupInPlace(db: Database.Database, folder: string): void {
  const copiedAt = db.prepare<[], number | null>("select copied_at from identity").pluck().get() ?? null;
  if (copiedAt !== null) throw new StoreIsBackupError(folder, copiedAt);
}

/**
 * Writes a whole copy into a new file; the base may be in use, also by another process. It has its name only when it is complete
 * and on the disk. `at`: now, which the copy remembers. Throws when the file exists, or what SQLite says (a full disk).
 */
export function backupTo(facts: { readonly db: Database.Database; readonly file: string; readonly at: number }): {
  readonly head: Head;
  readonly bytes: number;
} {
  const file = resolve(facts.file);
  if (existsSync(file)) throw new Error(`${file} exists already`);
  const partial = `${file}.partial`;
  rmSync(partial, { force: true });
  try {
    facts.db.prepare("vacuum into ?").run(partial);
    chmodSync(partial, 0o600);
    const copy = new Database(partial);
    const head = markAsCopy(copy, facts.at);
    copy.close();
    syncFile(partial);
    renameSync(partial, file);
    syncFolder(dirname(file));
    return { head, bytes: statSync(file).size };
  } catch (error) {
    rmSync(partial, { force: true });
    throw error;
  }
}

function markAsCopy(copy: Database.Database, at: number): Head {
  copy.pragma("journal_mode = delete");
  copy.prepare("update identity set copied_at = ?").run(at);
  return chainOn(copy).head();
}

export type Restored = {
  /** When the backup was made. */
  readonly madeAt: number;
  /** Of the backup, before the restore was recorded in it. */
  readonly head: Head;
  readonly epoch: number;
  /** Where the base is now that was there before; null when there was none. */
  readonly keptAs: string | null;
};

/**
 * Puts a backup in place of the base: verified as a whole first, with an epoch above any that was known here, and frozen until
 * somebody adopts what the agents know. What was there is kept beside it. The server must be stopped.
 * @throws StoreLockedError, BadBackupError, StoreNewerError, MigrationEditedError
 */
export function restoreFrom(facts: {
  readonly folder: string;
  readonly file: string;
  readonly migrations: string;
  readonly at: number;
}): Restored {
  const { folder, at } = facts;
  const file = resolve(facts.file);
  if (!existsSync(file)) throw new BadBackupError(file, "there is no such file.");
  refuseRunningCopy(file);
  const unlock = lockFolder(folder);
  const next = join(folder, "gantry.db.restoring");
  try {
    removeBase(next);
    copyFileSync(file, next);
    chmodSync(next, 0o600);
    const known = Math.max(readMark(folder)?.epoch ?? 0, epochOf(join(folder, "gantry.db")));
    const made = makeReady({ next, file, migrations: facts.migrations, at, known });
    syncFile(next);
    const keptAs = setAside(folder, at);
    renameSync(next, join(folder, "gantry.db"));
    syncFolder(folder);
    writeMark(folder, { epoch: made.epoch, head: made.headAfter });
    return { madeAt: made.madeAt, head: made.head, epoch: made.epoch, keptAs };
  } finally {
    removeBase(next);
    unlock();
  }
}

/** What was committed last is in the log beside a running base; without it the copy is not whole. */
function refuseRunningCopy(file: string): void {
  const log = `${file}-wal`;
  if (existsSync(log) && statSync(log).size > 0) {
    throw new BadBackupError(
      file,
      "it is a base in use (there is a -wal file beside it). Make a backup of it with `gantry backup`.",
    );
  }
}

/** Verifies the copy, and makes it a base that knows that it was restored. All before it has its name. */
function makeReady(facts: { next: string; file: string; migrations: string; at: number; known: number }) {
  const { file, at, known } = facts;
  const db = open(facts.next, file);
  try {
    db.pragma("synchronous = full");
    refuseDamage(db, file);
    migrate(db, readMigrations(facts.migrations));
    const chain = chainOn(db);
    beginChain(db, chain);
    const fault = verifyAll({ verify: verifierOn(db) });
    if (fault !== null) throw new BadBackupError(file, `its history does not hold at entry ${fault.seq} (${fault.what}).`);
    const head = chain.head();
    const madeAt = db.prepare<[], number | null>("select copied_at from identity").pluck().get() ?? statSync(file).mtimeMs;
    const epoch = db.transaction(() => {
      const detail = `It was restored from ${file}, made at ${new Date(madeAt).toISOString()}.`;
      freezeStore(db).set({ reason: "server_behind", at, host: null, detail });
      historyStore(db, chain).act({ at, kind: "restored", by: null, facts: { file, madeAt, head } });
      return db
        .prepare<[number], number>("update identity set copied_at = null, epoch = max(epoch, ?) + 1 returning epoch")
        .pluck()
        .get(known);
    })();
    return { madeAt, head, epoch: epoch ?? known + 1, headAfter: chain.head() };
  } finally {
    db.close();
  }
}

function open(next: string, file: string): Database.Database {
  try {
    const db = new Database(next);
    db.pragma("journal_mode = delete");
    return db;
  } catch (error) {
    throw new BadBackupError(file, `it is not a database (${error instanceof Error ? error.message : String(error)}).`);
  }
}

function refuseDamage(db: Database.Database, file: string): void {
  const has = (table: string) => db.prepare("select 1 from sqlite_master where type = 'table' and name = ?").get(table);
  if (has("schema_migration") === undefined || has("identity") === undefined) {
    throw new BadBackupError(file, "it is not a base of Gantry.");
  }
  const found = String(db.pragma("integrity_check(1)", { simple: true }));
  if (found !== "ok") throw new BadBackupError(file, `it is damaged (${found}).`);
}

/** The epoch of the base in place, as far as it can be read: agents may have heard of it. */
function epochOf(file: string): number {
  if (!existsSync(file)) return 0;
  try {
    const db = new Database(file);
    try {
      const epoch = db.prepare<[], number>("select epoch from identity").pluck().get() ?? 0;
      emptyLog(db);
      return epoch;
    } finally {
      db.close();
    }
  } catch {
    return 0;
  }
}

/**
 * Renames the base that is in place, first itself and then its log: whenever the process ends in between, the base is missing,
 * which a start refuses, and never one without the end of its own log, or with the log of another.
 */
function setAside(folder: string, at: number): string | null {
  const base = join(folder, "gantry.db");
  const kept = join(folder, `gantry.db.before-restore-${new Date(at).toISOString().replaceAll(":", "-")}`);
  const there = existsSync(base);
  if (there) renameSync(base, kept);
  if (existsSync(`${base}-wal`)) renameSync(`${base}-wal`, `${kept}-wal`);
  rmSync(`${base}-shm`, { force: true });
  syncFolder(folder);
  return there ? kept : null;
}

function removeBase(file: string): void {
  for (const end of ["", "-wal", "-shm", "-journal"]) rmSync(`${file}${end}`, { force: true });
}

function syncFile(file: string): void {
  const handle = openSync(file, "r+");
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
