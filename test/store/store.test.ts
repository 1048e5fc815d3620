import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, test } from "node:test";
import { fileURLToPath } from "node:url";
import Database from "better-sqlite3";
import { begin, step } from "../../src/core/rollout.ts";
import { StoreLockedError } from "../../src/sqlite/lock.ts";
import { MigrationEditedError, StoreNewerError } from "../../src/sqlite/migrate.ts";
import { openStore } from "../../src/sqlite/open.ts";
import { aRequest, bo, noon } from "../kit/rollouts.ts";
import { aRelease, storeRollout } from "../kit/stores.ts";

const migrations = fileURLToPath(new URL("../../migrations", import.meta.url));
const folders: string[] = [];

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), "gantry-store-"));
  folders.push(made);
  return made;
}

afterEach(() => {
  for (const made of folders.splice(0)) rmSync(made, { recursive: true, force: true });
});

test("commits are durable: WAL with synchronous=FULL and foreign keys, asserted at open", () => {
  const store = openStore({ folder: folder(), migrations });
  assert.equal(store.db.pragma("synchronous", { simple: true }), 2);
  assert.equal(store.db.pragma("journal_mode", { simple: true }), "wal");
  assert.equal(store.db.pragma("foreign_keys", { simple: true }), 1);
  store.close();
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
  openStore({ folder: data, migrations }).close();
});

test("an older binary refuses a migrated base and writes nothing", () => {
  const data = folder();
  openStore({ folder: data, migrations }).close();
  const older = folder();
  cpSync(migrations, older, { recursive: true });
  const newest = readdirSync(older).sort().at(-1) ?? "";
  rmSync(join(older, newest));
  assert.throws(() => openStore({ folder: data, migrations: older }), StoreNewerError);
  openStore({ folder: data, migrations }).close();
});

test("a migration that was edited after it was applied is refused", () => {
  const data = folder();
  openStore({ folder: data, migrations }).close();
  const edited = folder();
  cpSync(migrations, edited, { recursive: true });
  writeFileSync(join(edited, "0001_releases.sql"), "create table other (id integer) strict;");
  assert.throws(() => openStore({ folder: data, migrations: edited }), MigrationEditedError);
});

test("a migration that fails leaves the base as it was", () => {
  const data = folder();
  openStore({ folder: data, migrations }).close();
  const broken = folder();
  cpSync(migrations, broken, { recursive: true });
  const next = String(readdirSync(migrations).length + 1).padStart(4, "0");
  writeFileSync(
    join(broken, `${next}_broken.sql`),
    "create table half (id integer) strict; create table half (id integer) strict;",
  );
  assert.throws(() => openStore({ folder: data, migrations: broken }), /half already exists/);
  const store = openStore({ folder: data, migrations });
  assert.equal(store.db.prepare("select 1 from sqlite_master where name = 'half'").get(), undefined);
  store.close();
});

test("every table is STRICT, and history refuses to be changed or deleted", () => {
  const store = openStore({ folder: folder(), migrations });
  const tables = store.db
    .prepare<[], { name: string; strict: number }>("select name, strict from pragma_table_list where schema = 'main'")
    .all();
  for (const { name, strict } of tables) if (!name.startsWith("sqlite_")) assert.equal(strict, 1, name);
  storeRollout(store, aRequest());
  for (const table of ["rollout_event", "release", "verdict", "slot_observation"]) {
    const triggers = store.db
      .prepare("select count(*) from sqlite_master where type = 'trigger' and tbl_name = ?")
      .pluck()
      .get(table);
    assert.equal(triggers, 2, `${table} is append-only`);
  }
  assert.throws(() => store.db.exec("update rollout_event set body = '{}'"), /append-only/);
  assert.throws(() => store.db.exec("delete from rollout_event"), /append-only/);
  assert.throws(() => store.db.exec("delete from rollout"), /never deleted/);
  store.close();
});

test("at most one active rollout per service and environment, whatever the code above does", () => {
  const store = openStore({ folder: folder(), migrations });
  storeRollout(store, aRequest({ number: 1 }));
  assert.throws(() => storeRollout(store, aRequest({ number: 2 })), /UNIQUE constraint failed/);
  storeRollout(store, aRequest({ number: 2, environment: "staging" }));
  store.close();
});

test("a change that was made from an old reading is refused: no lost update", () => {
  const store = openStore({ folder: folder(), migrations });
  storeRollout(store, aRequest({ number: 1 }));
  const stored = store.rollouts.find(1);
  assert.ok(stored !== null);
  const event = { type: "approved", at: noon, by: bo } as const;
  const next = step(stored.state, event);
  assert.ok(next.kind === "moved");
  store.rollouts.append({ number: 1, version: stored.version, event, state: next.state });
  assert.throws(() => store.rollouts.append({ number: 1, version: stored.version, event, state: next.state }), /lost update/);
  assert.equal(store.rollouts.events(1).length, 2, "the refused one left no event behind");
  store.close();
});

test("folding the stored events gives the stored snapshot", () => {
  const store = openStore({ folder: folder(), migrations });
  const asked = aRequest({ number: 1, approvalsRequired: 0 });
  storeRollout(store, asked);
  for (const host of ["prod-1", "prod-2", "prod-3"]) {
    const stored = store.rollouts.find(1);
    assert.ok(stored !== null);
    const event = { type: "image_present", at: noon, host } as const;
    const next = step(stored.state, event);
    if (next.kind === "moved") store.rollouts.append({ number: 1, version: stored.version, event, state: next.state });
  }
  const [first, ...later] = store.rollouts.events(1);
  assert.ok(first?.type === "requested");
  let { state } = begin(first);
  for (const event of later) {
    assert.ok(event.type !== "requested");
    const next = step(state, event);
    assert.ok(next.kind === "moved");
    state = next.state;
  }
  assert.deepEqual(store.rollouts.find(1)?.state, state);
  store.close();
});

test("generations of a slot only rise, and what ran at a time has an answer", () => {
  const store = openStore({ folder: folder(), migrations });
  storeRollout(store, aRequest({ number: 1 }));
  store.hosts.put({ name: "prod-1", labels: {}, publicKey: "k", at: noon });
  const key = { service: "api", environment: "prod" };
  assert.equal(store.slots.desire({ ...key, host: "prod-1", rollout: 1, release: 1 }), 1);
  assert.equal(store.slots.desire({ ...key, host: "prod-1", rollout: 1, release: null }), 2);
  assert.throws(() => store.db.exec("update slot set generation = 1"), /only rises/);
  const live = {
    containerId: "c1",
    release: 1,
    digest: "sha256:1",
    generation: 1,
    startedAt: 1,
    restarts: 0,
    health: "ok",
    detail: null,
  } as const;
  const slot = { ...key, generation: 1, step: "serving", outcome: null, live, previous: null } as const;
  store.slots.observe({ host: "prod-1", slot, at: 1000 });
  store.slots.observe({ host: "prod-1", slot, at: 2000 });
  store.slots.observe({ host: "prod-1", slot: { ...slot, live: { ...live, health: "failing" } }, at: 3000 });
  assert.equal(store.slots.ranAt({ ...key, host: "prod-1", at: 999 }), null);
  assert.equal(store.slots.ranAt({ ...key, host: "prod-1", at: 2500 })?.health, "ok");
  assert.equal(store.slots.ranAt({ ...key, host: "prod-1", at: 3500 })?.health, "failing");
  assert.equal(store.db.prepare("select count(*) from slot_observation").pluck().get(), 2, "only changes are kept");
  store.close();
});

test("the same digest and spec is the same release; another spec is a new one", () => {
  const store = openStore({ folder: folder(), migrations });
  const first = aRelease(store, { specHash: "a" });
  assert.equal(aRelease(store, { specHash: "a" }).number, first.number);
  assert.equal(aRelease(store, { specHash: "b" }).number, first.number + 1);
  assert.throws(() => store.db.exec("update release set digest = 'x'"), /never changed/);
  store.close();
});

test("a duplicate delivery is known by its key and by its meaning", () => {
  const store = openStore({ folder: folder(), migrations });
  const delivery = { key: "e1", meaning: "m1", actor: bo, channel: "C1", threadTs: null, act: { kind: "home" } } as const;
  assert.equal(store.inbox.add(delivery, noon), true);
  assert.equal(store.inbox.add(delivery, noon), false);
  assert.equal(store.inbox.add({ ...delivery, key: "e2" }, noon), false, "another envelope of the same act");
  assert.equal(store.inbox.add({ ...delivery, key: "e3", meaning: null }, noon), true);
  store.close();
});

test("outbox items of one key go in order; drawing again folds into a waiting item but not into one under way", () => {
  const store = openStore({ folder: folder(), migrations });
  const add = (key: string, replace: boolean) => store.outbox.add({ key, kind: "card", rollout: null, body: {}, at: 1, replace });
  add("card:1", true);
  add("card:1", true);
  add("thread:1", false);
  add("thread:1", false);
  assert.deepEqual(
    store.outbox.ready(1).map((i) => i.key),
    ["card:1", "thread:1"],
  );
  const [card] = store.outbox.ready(1);
  assert.ok(card !== undefined);
  store.outbox.claim(card.id);
  add("card:1", true);
  store.outbox.finish(card.id, "done", 2, null);
  assert.equal(store.outbox.ready(1).filter((i) => i.key === "card:1").length, 1, "the change made meanwhile is drawn");
  store.close();
});

test("a token works once, for its host, in its time", () => {
  const store = openStore({ folder: folder(), migrations });
  const token = { tokenHash: "h", name: "prod-1", labels: { env: "prod" }, at: 0, expiresAt: 100 };
  store.hosts.addToken(token);
  assert.equal(store.hosts.spendToken({ tokenHash: "h", name: "prod-2", at: 1 }), null);
  assert.equal(store.hosts.spendToken({ tokenHash: "h", name: "prod-1", at: 101 }), null);
  assert.deepEqual(store.hosts.spendToken({ tokenHash: "h", name: "prod-1", at: 1 }), {
    name: "prod-1",
    labels: { env: "prod" },
  });
  assert.equal(store.hosts.spendToken({ tokenHash: "h", name: "prod-1", at: 2 }), null);
  store.close();
});

test("a file that is not a database is refused, not silently replaced", () => {
  const data = folder();
  openStore({ folder: data, migrations }).close();
  writeFileSync(join(data, "gantry.db"), "this is not a database, whatever its name says".repeat(100));
  assert.throws(() => openStore({ folder: data, migrations }), Database.SqliteError);
});
