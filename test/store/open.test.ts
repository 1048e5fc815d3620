import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import Database from "better-sqlite3";
import { NetworkDiskError, refuseNetworkDisk } from "../../src/sqlite/disk.ts";
import { StoreLockedError } from "../../src/sqlite/lock.ts";
import { MigrationEditedError, migrate, readMigrations, StoreNewerError } from "../../src/sqlite/migrate.ts";
import { openStore } from "../../src/sqlite/open.ts";
import { aRequest } from "../kit/rollouts.ts";
import { storeRollout } from "../kit/stores.ts";
import { dataFolders, migrations } from "./folders.ts";

const { folder, open } = dataFolders();

test("commits are durable: WAL with synchronous=FULL and foreign keys, asserted at open", () => {
  const { db } = open(folder());
  assert.equal(db.pragma("synchronous", { simple: true }), 2);
  assert.equal(db.pragma("journal_mode", { simple: true }), "wal");
  assert.equal(db.pragma("foreign_keys", { simple: true }), 1);
});

test("a second server on the same data exits at once with a clear error, and a killed one does not block", () => {
  const data = folder();
  const first = openStore({ folder: data, migrations });
  const start = performance.now();
  assert.throws(() => openStore({ folder: data, migrations }), StoreLockedError);
  assert.ok(performance.now() - start < 1000);
  const other = `import('${new URL("../../src/sqlite/open.ts", import.meta.url).href}').then((m) => {
    m.openStore({ folder: ${JSON.stringify(data)}, migrations: ${JSON.stringify(migrations)} });
    process.kill(process.pid, 'SIGKILL');
  }).catch((e) => { console.error(e.message); process.exit(3); })`;
  const refused = spawnSync(process.execPath, ["-e", other], { encoding: "utf8" });
  assert.equal(refused.status, 3);
  assert.match(refused.stderr, /another server holds the data .* GANTRY_DATA/);
  first.close();
  assert.equal(spawnSync(process.execPath, ["-e", other]).signal, "SIGKILL");
  open(data);
});

test("an older binary refuses a migrated base and writes nothing", () => {
  const data = folder();
  openStore({ folder: data, migrations }).close();
  const older = folder();
  cpSync(migrations, older, { recursive: true });
  const newest = readdirSync(older).sort().at(-1) ?? "";
  rmSync(join(older, newest));
  assert.throws(() => openStore({ folder: data, migrations: older }), StoreNewerError);
  open(data);
});

test("a migration that was edited after it was applied is refused", () => {
  const data = folder();
  openStore({ folder: data, migrations }).close();
  const edited = folder();
  cpSync(migrations, edited, { recursive: true });
  writeFileSync(join(edited, "0001_releases.sql"), "create table other (id integer) strict;");
  assert.throws(() => openStore({ folder: data, migrations: edited }), MigrationEditedError);
});

/** The migrations with one more after them. */
function withNext(sql: string): string {
  const more = folder();
  cpSync(migrations, more, { recursive: true });
  const next = String(readdirSync(migrations).length + 1).padStart(4, "0");
  writeFileSync(join(more, `${next}_next.sql`), sql);
  return more;
}

test("a migration that fails leaves the base as it was", () => {
  const data = folder();
  openStore({ folder: data, migrations }).close();
  const broken = withNext("create table half (id integer) strict; create table half (id integer) strict;");
  assert.throws(() => openStore({ folder: data, migrations: broken }), /half already exists/);
  const { db } = open(data);
  assert.equal(db.prepare("select 1 from sqlite_master where name = 'half'").get(), undefined);
});

test("a migration that would leave rows without what they refer to is refused as a whole", () => {
  const data = folder();
  const store = openStore({ folder: data, migrations });
  storeRollout(store, aRequest({ number: 1 }));
  store.close();
  const careless = withNext("drop trigger rollout_is_kept; delete from rollout;");
  assert.throws(() => openStore({ folder: data, migrations: careless }), /would leave 1 rows without .*rollout_event -> rollout/);
  const again = open(data);
  assert.equal(again.rollouts.find(1)?.number, 1);
  assert.equal(again.db.pragma("foreign_keys", { simple: true }), 1, "and references are enforced again");
});

test("a base of the first migrations is brought up to date with all that is in it, and chained once", () => {
  const data = folder();
  const old = folder();
  cpSync(migrations, old, { recursive: true });
  for (const name of readdirSync(old)) if (Number(name.slice(0, 4)) > 7) rmSync(join(old, name));
  writeOldBase(data, old);
  const store = open(data);
  assert.deepEqual(
    store.rollouts.list({ service: null, environment: null, limit: 9 }).map((r) => [r.number, r.state.phase]),
    [
      [2, "rolling"],
      [1, "succeeded"],
    ],
  );
  assert.equal(store.rollouts.nextNumber(), 3);
  assert.deepEqual(store.rollouts.countEnded(), { succeeded: 1 });
  assert.equal(store.rollouts.active("api", "prod")?.number, 2);
  assert.equal(store.slots.get("prod-1", { service: "api", environment: "prod" })?.fresh, false);
  const hasServed = (host: string) => store.slots.get(host, { service: "api", environment: "prod" })?.hasServed;
  assert.deepEqual([hasServed("prod-1"), hasServed("prod-2")], [true, false]);
  assert.equal(store.verdicts.good({ service: "api", environment: "prod" }).length, 1);
  const head = store.history.head();
  assert.equal(head.seq, 5, "a release, three events, a verdict");
  assert.deepEqual(store.history.verify({ from: 1, limit: 10 }), { fault: null, to: 5, done: true });
  assert.throws(() => store.db.exec("update rollout set state = '{}' where number = 1"), /lost update/);
  assert.throws(() => store.db.exec("delete from rollout"), /never deleted/);
  store.close();
  assert.deepEqual(open(data).history.head(), head);
});

/** As version 7 of the schema wrote it. */
function writeOldBase(data: string, old: string): void {
  const db = new Database(join(data, "gantry.db"));
  migrate(db, readMigrations(old));
  const digest = `sha256:${"a".repeat(64)}`;
  const rollout = (number: number, phase: string, endedAt: number | null) => {
    const state = JSON.stringify({ number, phase });
    db.prepare(
      `insert into rollout (number, service, environment, kind, release, phase, version, state, plan, plan_hash, request_key,
         requested_at, ended_at) values (?, 'api', 'prod', 'deploy', 1, ?, 1, ?, '{}', 'h', ?, 1, ?)`,
    ).run(number, phase, state, `request-${number}`, endedAt);
    db.prepare("insert into rollout_event values (?, 1, 1, 'requested', '{}')").run(number);
  };
  db.prepare("insert into release values ('api', 1, 'c', ?, '{}', 'h', 1, 'ana')").run(digest);
  rollout(1, "succeeded", 5);
  rollout(2, "rolling", null);
  db.exec(`insert into rollout_event values (1, 2, 2, 'soaked', '{}');
    insert into verdict (service, environment, release, verdict, rollout, at) values ('api', 'prod', 1, 'good', 1, 5);
    insert into host (name, labels, public_key, enrolled_at) values ('prod-1', '{}', 'k', 1), ('prod-2', '{}', 'k', 1);
    insert into slot (host, service, environment, generation, rollout, release)
      values ('prod-1', 'api', 'prod', 3, 1, 1), ('prod-2', 'api', 'prod', 3, 1, 1);
    insert into slot_observation (host, service, environment, at, release, digest, health)
      values ('prod-1', 'api', 'prod', 2, 1, 'd', 'ok'), ('prod-1', 'api', 'prod', 3, 1, 'd', 'failing'),
        ('prod-2', 'api', 'prod', 2, 1, 'd', 'starting'), ('prod-2', 'api', 'staging', 2, 1, 'd', 'ok');`);
  db.close();
}

test("every table is STRICT, and history refuses to be changed or deleted", () => {
  const store = open(folder());
  const tables = store.db
    .prepare<[], { name: string; strict: number }>("select name, strict from pragma_table_list where schema = 'main'")
    .all();
  for (const { name, strict } of tables) if (!name.startsWith("sqlite_")) assert.equal(strict, 1, name);
  storeRollout(store, aRequest());
  store.history.act({ at: 1, kind: "locked", by: null, facts: {} });
  for (const table of ["rollout_event", "release", "verdict", "slot_observation", "act", "chain"]) {
    for (const change of ["before update", "before delete"]) {
      const triggers = store.db
        .prepare("select count(*) from sqlite_master where type = 'trigger' and tbl_name = ? and sql like ?")
        .pluck();
      assert.equal(triggers.get(table, `%${change} on%`), 1, `${table} is append-only (${change})`);
    }
  }
  assert.throws(() => store.db.exec("update rollout_event set body = '{}'"), /append-only/);
  assert.throws(() => store.db.exec("delete from rollout_event"), /append-only/);
  assert.throws(() => store.db.exec("delete from rollout"), /never deleted/);
  assert.throws(() => store.db.exec("update chain set hash = zeroblob(32)"), /append-only/);
  assert.throws(() => store.db.exec("delete from chain"), /append-only/);
  assert.throws(() => store.db.exec("delete from act"), /append-only/);
  assert.throws(() => store.db.exec("update release set digest = 'x'"), /never changed/);
  const gap = "insert into chain select seq + 2, kind, service, number + 1, part, hash from chain order by seq desc limit 1";
  assert.throws(() => store.db.exec(gap), /follows the one before it/);
});

test("a generation only rises, whatever the code above does", () => {
  const store = open(folder());
  storeRollout(store, aRequest({ number: 1 }));
  store.hosts.put({ name: "prod-1", labels: {}, publicKey: "k", at: 1 });
  store.slots.desire({ service: "api", environment: "prod", host: "prod-1", rollout: 1, release: 1 });
  assert.throws(() => store.db.exec("update slot set generation = 1"), /only rises/);
});

test("a file that is not a database is refused, not silently replaced", () => {
  const data = folder();
  openStore({ folder: data, migrations }).close();
  writeFileSync(join(data, "gantry.db"), "this is not a database, whatever its name says".repeat(100));
  assert.throws(() => openStore({ folder: data, migrations }), Database.SqliteError);
});

test("a network disk is refused, by name, unless somebody insists", () => {
  const nfs = () => 0x6969;
  const cifs = () => -11317950;
  assert.throws(() => refuseNetworkDisk("/data", nfs), NetworkDiskError);
  assert.throws(() => refuseNetworkDisk("/data", nfs), /network file system \(nfs\).*GANTRY_DATA/);
  assert.throws(() => refuseNetworkDisk("/data", cifs), /\(cifs\)/);
  const ext4 = () => 0xef53;
  refuseNetworkDisk("/data", ext4);
  refuseNetworkDisk(folder());
});
