/** Opens the store: the lock, the base with its durability asserted, the migrations, and the table groups on top. */
import { randomBytes } from "node:crypto";
import { chmodSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import Database from "better-sqlite3";
import type { Store } from "../app/store.ts";
import { chainOn } from "./chain.ts";
import { beginChain } from "./chain-begin.ts";
import { freezeStore } from "./freeze.ts";
import { historyStore } from "./history.ts";
import { hostStore } from "./hosts.ts";
import { inboxStore } from "./inbox.ts";
import { lockFolder } from "./lock.ts";
import { lockStore } from "./locks.ts";
import { migrate, readMigrations } from "./migrate.ts";
import { outboxStore } from "./outbox.ts";
import { releaseStore } from "./releases.ts";
import { rolloutStore } from "./rollouts.ts";
import { slotStore } from "./slots.ts";
import { timerStore } from "./timers.ts";
import { verdictStore } from "./verdicts.ts";

/** Beside the sources, in a checkout and in an image alike. */
export const migrationsFolder: string = fileURLToPath(new URL("../../migrations", import.meta.url));

export type OpenOptions = {
  /** The data folder (GANTRY_DATA); made when it is not there. */
  readonly folder: string;
  readonly migrations: string;
  /** Called with the seconds that each commit took. */
  readonly onCommit?: (seconds: number) => void;
  /** Named points at which a test may end the process. */
  readonly failpoint?: (name: string) => void;
};

/**
 * @throws StoreLockedError, StoreNewerError, MigrationEditedError, or what SQLite says (a full disk, no permission).
 */
export function openStore(options: OpenOptions): Store & { readonly db: Database.Database } {
  mkdirSync(options.folder, { recursive: true, mode: 0o700 });
  const failpoint = options.failpoint ?? (() => {});
  const unlock = lockFolder(options.folder);
  failpoint("lock.after_acquire");
  try {
    const file = join(options.folder, "gantry.db");
    const db = openDurably(file);
    chmodSync(file, 0o600);
    migrate(db, readMigrations(options.migrations), failpoint);
    return storeOn({ db, unlock, onCommit: options.onCommit ?? (() => {}), failpoint });
  } catch (error) {
    unlock();
    throw error;
  }
}

/**
 * WAL runs at synchronous=NORMAL unless told otherwise, and then loses acknowledged commits on power loss: set and asserted.
 * Versions before 3.51.3 could lose pages when a WAL was reset.
 */
function openDurably(file: string): Database.Database {
  const db = new Database(file, { timeout: 2000 });
  db.pragma("journal_mode = wal");
  db.pragma("synchronous = full");
  db.pragma("foreign_keys = on");
  db.pragma("trusted_schema = off");
  const version = String(db.prepare("select sqlite_version()").pluck().get());
  if (compareVersions(version, "3.51.3") < 0) throw new Error(`SQLite ${version} is too old: 3.51.3 or newer is needed`);
  if (db.pragma("synchronous", { simple: true }) !== 2) throw new Error("SQLite did not accept synchronous=FULL");
  if (db.pragma("journal_mode", { simple: true }) !== "wal") throw new Error("SQLite did not accept journal_mode=WAL");
  return db;
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

function storeOn(facts: {
  db: Database.Database;
  unlock: () => void;
  onCommit: (seconds: number) => void;
  failpoint: (name: string) => void;
}): Store & { readonly db: Database.Database } {
  const { db, unlock, onCommit, failpoint } = facts;
  const identity = identityOn(db);
  const chain = chainOn(db);
  beginChain(db, chain);
  return {
    db,
    serverId: identity.serverId,
    get epoch() {
      return identity.epoch();
    },
    raiseEpoch: identity.raiseEpoch,
    transact<T>(work: () => T): T {
      if (db.inTransaction) return work();
      const start = performance.now();
      const result = db.transaction(work).immediate();
      onCommit((performance.now() - start) / 1000);
      return result;
    },
    history: historyStore(db, chain),
    locks: lockStore(db),
    freeze: freezeStore(db),
    releases: releaseStore(db, chain),
    rollouts: rolloutStore({ db, chain, failpoint }),
    verdicts: verdictStore(db, chain),
    timers: timerStore(db),
    slots: slotStore(db),
    hosts: hostStore(db),
    inbox: inboxStore(db),
    outbox: outboxStore(db),
    close() {
      db.close();
      unlock();
    },
  };
}

/** Made once with the data. The epoch rises when a backup is restored; agents refuse a lower one. */
function identityOn(db: Database.Database): { serverId: string; epoch: () => number; raiseEpoch: () => number } {
  db.prepare("insert into identity (id, server_id, epoch) values (1, ?, 1) on conflict do nothing").run(
    randomBytes(8).toString("hex"),
  );
  const serverId = db.prepare<[], string>("select server_id from identity").pluck();
  const epoch = db.prepare<[], number>("select epoch from identity").pluck();
  const raise = db.prepare<[], number>("update identity set epoch = epoch + 1 returning epoch").pluck();
  const there = <T>(value: T | undefined): T => {
    if (value === undefined) throw new Error("the store has no identity");
    return value;
  };
  return { serverId: there(serverId.get()), epoch: () => there(epoch.get()), raiseEpoch: () => there(raise.get()) };
}
