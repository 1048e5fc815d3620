import assert from "node:assert/strict";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import Database from "better-sqlite3";
import { restoreFrom } from "../../src/sqlite/backup.ts";
import { migrate, readMigrations, schemaOf } from "../../src/sqlite/migrate.ts";
import { migrationsFolder, openStore } from "../../src/sqlite/open.ts";
import { aRelease } from "../kit/stores.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "gantry-copies-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** The migrations as they were when there were only so many. */
function earlier(count: number): string {
  const old = join(folder, "migrations");
  cpSync(migrationsFolder, old, { recursive: true });
  for (const name of readdirSync(old).sort().slice(count)) rmSync(join(old, name));
  return old;
}

test("before a migration of existing data a copy is kept, which can be restored", () => {
  const all = readdirSync(migrationsFolder).filter((name) => name.endsWith(".sql")).length;
  const data = join(folder, "data");
  mkdirSync(data);
  const old = new Database(join(data, "gantry.db"));
  migrate(old, readMigrations(earlier(all - 1)));
  old.prepare("insert into identity (id, server_id, epoch) values (1, 'server-1', 3)").run();
  old.close();
  const store = openStore({ folder: data, migrations: migrationsFolder });
  aRelease(store);
  store.close();
  const kept = join(data, `gantry.db.before-migration-${String(all).padStart(4, "0")}`);
  const copy = new Database(kept, { readonly: true });
  assert.equal(schemaOf(copy), all - 1);
  copy.close();
  openStore({ folder: data, migrations: migrationsFolder }).close();
  assert.equal(readdirSync(data).filter((name) => name.includes("before-migration")).length, 1, "one copy for one migration");
  restoreFrom({ folder: data, file: kept, migrations: migrationsFolder, at: 1 });
  const restored = openStore({ folder: data, migrations: migrationsFolder });
  assert.equal(restored.releases.find("api", 1), null);
  assert.notEqual(restored.freeze.current(), null);
  assert.equal(restored.epoch, 4);
  restored.close();
  assert.equal(existsSync(`${kept}.partial`), false);
});
