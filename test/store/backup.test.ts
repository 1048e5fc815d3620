import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { copyFileSync, cpSync, existsSync, readdirSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import Database from "better-sqlite3";
import { BadBackupError, backupTo, restoreFrom, StoreIsBackupError } from "../../src/sqlite/backup.ts";
import { verifyAll } from "../../src/sqlite/chain-verify.ts";
import { StoreLockedError } from "../../src/sqlite/lock.ts";
import { StoreMissingError } from "../../src/sqlite/mark.ts";
import { StoreNewerError } from "../../src/sqlite/migrate.ts";
import { type OpenedStore, openStore } from "../../src/sqlite/open.ts";
import { ana, aRequest, noon } from "../kit/rollouts.ts";
import { endRollout, storeRollout } from "../kit/stores.ts";
import { dataFolders, migrations } from "./folders.ts";

const { folder, open } = dataFolders();
const made = Date.UTC(2026, 0, 5, 13, 0, 0);
const later = Date.UTC(2026, 0, 5, 14, 0, 0);

function work(store: OpenedStore): void {
  const number = store.rollouts.nextNumber();
  storeRollout(store, aRequest({ number }));
  endRollout(store, { number, phase: "succeeded", at: noon });
}

test("the drill: work, backup, more work, restore: verified, frozen, under a higher epoch, the old base kept", () => {
  const data = folder();
  const file = join(folder(), "backup.db");
  const store = openStore({ folder: data, migrations });
  work(store);
  const { head } = backupTo({ db: store.db, file, at: made });
  assert.deepEqual(head, store.history.head());
  work(store);
  const lost = store.history.head();
  assert.throws(() => restoreFrom({ folder: data, file, migrations, at: later }), StoreLockedError, "the server runs");
  store.close();

  const restored = restoreFrom({ folder: data, file, migrations, at: later });
  assert.deepEqual({ ...restored, keptAs: null }, { madeAt: made, head, epoch: 2, keptAs: null });
  const kept = join(data, "gantry.db.before-restore-2026-01-05T14-00-00.000Z");
  assert.equal(restored.keptAs, kept);

  const again = open(data);
  assert.equal(again.serverId, store.serverId);
  assert.equal(again.epoch, 2);
  assert.equal(again.fault, null);
  assert.equal(verifyAll(again.history), null);
  assert.equal(again.rollouts.find(2), null, "what came after the backup is not there");
  assert.equal(again.history.hashAt(head.seq), head.hash);
  assert.notEqual(again.history.hashAt(lost.seq), lost.hash, "whoever knows the newer head sees that this is not it");
  assert.deepEqual(again.freeze.current(), {
    reason: "server_behind",
    at: later,
    host: null,
    detail: `It was restored from ${file}, made at 2026-01-05T13:00:00.000Z.`,
  });
  assert.deepEqual(
    again.history.acts(1).map(({ kind, facts }) => ({ kind, madeAt: facts["madeAt"] })),
    [{ kind: "restored", madeAt: made }],
  );
  const before = new Database(kept, { readonly: true });
  assert.equal(before.prepare("select max(number) from rollout").pluck().get(), 2);
  before.close();
  assert.deepEqual(
    readdirSync(data).filter((name) => name.includes("restoring")),
    [],
  );
});

test("a second restore of the same backup has a higher epoch than the first: agents tell them apart", () => {
  const data = folder();
  const file = join(folder(), "backup.db");
  const store = openStore({ folder: data, migrations });
  backupTo({ db: store.db, file, at: made });
  store.close();
  assert.equal(restoreFrom({ folder: data, file, migrations, at: later }).epoch, 2);
  assert.equal(restoreFrom({ folder: data, file, migrations, at: later + 1 }).epoch, 3);
  rmSync(join(data, "gantry.db"));
  assert.equal(restoreFrom({ folder: data, file, migrations, at: later + 2 }).epoch, 4, "the mark knows it, too");
});

test("a backup goes into an empty folder, too: a new machine", () => {
  const file = join(folder(), "backup.db");
  const store = open(folder());
  work(store);
  backupTo({ db: store.db, file, at: made });
  const fresh = folder();
  assert.equal(restoreFrom({ folder: fresh, file, migrations, at: later }).keptAs, null);
  assert.equal(open(fresh).rollouts.find(1)?.number, 1);
});

test("a backup is made while the base is in use, also by another process, and is whole and private", () => {
  const data = folder();
  const store = open(data);
  work(store);
  const file = join(folder(), "backup.db");
  const other = new Database(join(data, "gantry.db"), { readonly: true });
  backupTo({ db: other, file, at: made });
  other.close();
  work(store);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  const copy = new Database(file, { readonly: true });
  assert.equal(copy.pragma("integrity_check", { simple: true }), "ok");
  assert.equal(copy.prepare("select count(*) from rollout").pluck().get(), 1);
  copy.close();
  assert.throws(() => backupTo({ db: store.db, file, at: made }), /exists already/);
  const nowhere = join(folder(), "no-such-folder", "backup.db");
  assert.throws(() => backupTo({ db: store.db, file: nowhere, at: made }), /unable to open|cannot open/);
});

test("a file that is no whole backup is refused, and what is in place stays", () => {
  const data = folder();
  const store = openStore({ folder: data, migrations });
  work(store);
  const good = join(folder(), "good.db");
  backupTo({ db: store.db, file: good, at: made });
  store.close();
  const refused = (name: string, spoil: (file: string) => void, why: RegExp | typeof StoreNewerError) => {
    const file = join(folder(), name);
    copyFileSync(good, file);
    spoil(file);
    assert.throws(() => restoreFrom({ folder: data, file, migrations, at: later }), why);
  };
  const sql = (statements: string) => (file: string) => {
    const db = new Database(file);
    db.exec(statements);
    db.close();
  };
  refused("text.db", (file) => writeFileSync(file, "not a database ".repeat(500)), /it is not a database/);
  refused("half.db", (file) => truncateSync(file, 20 * 4096), /it is (damaged|not a database)/);
  refused("other.db", sql("drop table identity"), /it is not a base of Gantry/);
  refused(
    "changed.db",
    sql("drop trigger rollout_event_is_immutable; update rollout_event set at = 7"),
    /its history does not hold at entry 2 \(changed: event 1 of #1/,
  );
  refused("newer.db", sql("insert into schema_migration values (9999, 'x', 'y')"), StoreNewerError);
  refused("running.db", (file) => writeFileSync(`${file}-wal`, "frames"), /base in use/);
  assert.throws(() => restoreFrom({ folder: data, file: "/no/such.db", migrations, at: later }), BadBackupError);
  const again = open(data);
  assert.equal(again.epoch, 1);
  assert.equal(again.freeze.current(), null);
  assert.deepEqual(
    readdirSync(data).filter((name) => name.includes("restor")),
    [],
  );
});

test("a backup that was copied into place by hand is refused: nobody would tell the agents", () => {
  const data = folder();
  const store = openStore({ folder: data, migrations });
  const file = join(folder(), "backup.db");
  backupTo({ db: store.db, file, at: made });
  store.close();
  copyFileSync(file, join(data, "gantry.db"));
  assert.throws(() => openStore({ folder: data, migrations }), StoreIsBackupError);
  assert.throws(() => openStore({ folder: data, migrations }), /made at 2026-01-05T13:00:00.000Z.*gantry restore/);
});

test("a base that is gone or empty, in a folder that was used, is not begun anew", () => {
  const data = folder();
  openStore({ folder: data, migrations }).close();
  rmSync(join(data, "gantry.db"));
  assert.throws(() => openStore({ folder: data, migrations }), StoreMissingError);
  assert.throws(() => openStore({ folder: data, migrations }), /is missing.*gantry restore.*delete .*gantry\.mark/);
  assert.equal(existsSync(join(data, "gantry.db")), false, "nothing was written");
  writeFileSync(join(data, "gantry.db"), "");
  assert.throws(() => openStore({ folder: data, migrations }), /is empty/);
  rmSync(join(data, "gantry.mark"));
  open(data);
});

/** A server that worked and was killed: all of its last commits are in the log only. */
function killed(): string {
  const data = folder();
  const script = `import { openStore } from ${JSON.stringify(new URL("../../src/sqlite/open.ts", import.meta.url).href)};
    const store = openStore({ folder: ${JSON.stringify(data)}, migrations: ${JSON.stringify(migrations)} });
    for (let at = 1; at <= 5; at++) store.history.act({ at, kind: "locked", by: null, facts: {} });
    if (process.argv[1] === "noted") store.checkpoint();
    for (let at = 6; at <= 9; at++) store.history.act({ at, kind: "locked", by: null, facts: {} });
    process.kill(process.pid, "SIGKILL");`;
  const ended = spawnSync(process.execPath, ["--input-type=module", "-e", script, "noted"]);
  assert.equal(ended.signal, "SIGKILL", String(ended.stderr));
  return data;
}

test("a killed server loses nothing; without its log it loses what was not yet in the base, and the rest holds", () => {
  const data = killed();
  const copy = folder();
  cpSync(data, copy, { recursive: true });
  const whole = open(data);
  assert.equal(whole.history.head().seq, 9);
  assert.equal(whole.fault, null);
  rmSync(join(copy, "gantry.db-wal"));
  const cut = open(copy);
  assert.equal(cut.history.head().seq, 5, "only the agents and the cards know more: they freeze it");
  assert.equal(verifyAll(cut.history), null);
});

test("a base without the log that held everything since the mark is found to be older than the mark", () => {
  const data = folder();
  const store = openStore({ folder: data, migrations });
  const base = join(data, "gantry.db");
  const early = join(folder(), "early.db");
  copyFileSync(base, early);
  store.history.act({ at: 1, kind: "locked", by: ana, facts: {} });
  store.close();
  copyFileSync(early, base);
  assert.deepEqual(open(data).fault, {
    seq: 1,
    what: "cut off: this folder has known entry 1, and the chain ends at 0",
  });
});

test("the log is emptied at a checkpoint", () => {
  const data = folder();
  const store = open(data);
  work(store);
  assert.ok(statSync(join(data, "gantry.db-wal")).size > 0);
  store.checkpoint();
  assert.equal(statSync(join(data, "gantry.db-wal")).size, 0);
});
