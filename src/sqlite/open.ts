/** Opens the store: the lock, the base with its durability asserted, the migrations, and the table groups on top. */
import { chmodSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type Database from "better-sqlite3";
import type { ChainFault, HistoryStore, Store } from "../app/store.ts";
import { refuseBackupInPlace } from "./backup.ts";
import { chainOn } from "./chain.ts";
import { beginChain } from "./chain-begin.ts";
import { copyBeforeMigration } from "./copy-before.ts";
import { refuseNetworkDisk } from "./disk.ts";
import { emptyLog, openDurably } from "./durable.ts";
import { freezeStore } from "./freeze.ts";
import { historyStore } from "./history.ts";
import { hostStore } from "./hosts.ts";
import { identityOn } from "./identity.ts";
import { inboxStore } from "./inbox.ts";
import { lockFolder } from "./lock.ts";
import { lockStore } from "./locks.ts";
import { keepMark, readMark, refuseMissingBase, StoreMissingError } from "./mark.ts";
import { migrate, readMigrations } from "./migrate.ts";
import { outboxStore } from "./outbox.ts";
import { releaseStore } from "./releases.ts";
import { rolloutStore } from "./rollouts.ts";
import { slotStore } from "./slots.ts";
import { timerStore } from "./timers.ts";
import { usageStore } from "./usage.ts";
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
  /** The folder may be on a network file system, at the risk of whoever says so. */
  readonly allowNetworkDisk?: boolean;
};

export type OpenedStore = Store & {
  readonly db: Database.Database;
  /**
   * What was wrong with the history when it was opened: it is older than this folder has known, or its last entries do not
   * hold. The server must not act on it (freeze it); it can be read.
   */
  readonly fault: ChainFault | null;
  /** Empties the log of the base and notes how far the history goes. Takes a moment; now and then is enough. */
  checkpoint(): void;
};

/** How many of the last entries are verified at a start; all of them are verified in the background. */
const verifiedAtStart = 1000;

/**
 * @throws StoreLockedError, StoreNewerError, StoreMissingError, StoreIsBackupError, NetworkDiskError, MigrationEditedError,
 * or what SQLite says (a full disk, no permission).
 */
export function openStore(options: OpenOptions): OpenedStore {
  const { folder, failpoint = () => {} } = options;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  if (options.allowNetworkDisk !== true) refuseNetworkDisk(folder);
  const unlock = lockFolder(folder);
  failpoint("lock.after_acquire");
  let db: Database.Database | null = null;
  try {
    refuseMissingBase(folder);
    const file = join(folder, "gantry.db");
    db = openDurably(file);
    chmodSync(file, 0o600);
    refuseEmptyBase(db, folder);
    const migrations = readMigrations(options.migrations);
    copyBeforeMigration({ db, folder, to: migrations.length });
    const applied = migrate(db, migrations, failpoint);
    refuseBackupInPlace(db, folder);
    if (applied.length > 0) emptyLog(db);
    return storeOn({ db, folder, unlock, onCommit: options.onCommit ?? (() => {}), failpoint });
  } catch (error) {
    db?.close();
    unlock();
    throw error;
  }
}

/** Its tables were in a log that is gone: without this, all would begin anew. */
function refuseEmptyBase(db: Database.Database, folder: string): void {
  const { n } = db.prepare<[], { n: number }>("select count(*) as n from sqlite_master").get() ?? { n: 0 };
  if (n === 0 && readMark(folder) !== null) throw new StoreMissingError(folder, "has nothing in it");
}

function storeOn(facts: {
  db: Database.Database;
  folder: string;
  unlock: () => void;
  onCommit: (seconds: number) => void;
  failpoint: (name: string) => void;
}): OpenedStore {
  const { db, folder, unlock, onCommit, failpoint } = facts;
  const identity = identityOn(db);
  const chain = chainOn(db);
  beginChain(db, chain);
  const history = historyStore(db, chain);
  const mark = keepMark({ folder, history, epoch: identity.epoch });
  const freeze = freezeStore(db);
  return {
    db,
    fault: mark.fault ?? faultAtEnd(history),
    checkpoint() {
      failpoint("checkpoint.before");
      emptyLog(db);
      failpoint("checkpoint.before_mark");
      mark.note();
    },
    serverId: identity.serverId,
    get epoch() {
      return identity.epoch();
    },
    raiseEpoch: identity.raiseEpoch,
    transact<T>(work: () => T): T {
      if (db.inTransaction) return work();
      const start = performance.now();
      const result = db.transaction(work).immediate();
      mark.committed();
      onCommit((performance.now() - start) / 1000);
      return result;
    },
    history,
    locks: lockStore(db),
    freeze: {
      ...freeze,
      clear() {
        freeze.clear();
        mark.accept();
        if (!db.inTransaction) mark.committed();
      },
    },
    releases: releaseStore(db, chain),
    rollouts: rolloutStore({ db, chain, failpoint }),
    verdicts: verdictStore(db, chain),
    timers: timerStore(db),
    slots: slotStore(db),
    usage: usageStore(db),
    hosts: hostStore(db),
    inbox: inboxStore(db),
    outbox: outboxStore(db),
    close() {
      try {
        if (db.open) mark.note();
      } finally {
        db.close();
        unlock();
      }
    },
  };
}

/** What came before the newest adoption has been accepted by a person as it is. */
function faultAtEnd(history: HistoryStore): ChainFault | null {
  const adopted = history.acts(verifiedAtStart).find((act) => act.kind === "adopted")?.seq ?? 1;
  const from = Math.max(adopted, history.head().seq - verifiedAtStart + 1);
  return history.verify({ from, limit: verifiedAtStart }).fault;
}
