/** The server is killed while it starts: the lock is free again, and every migration is there whole or not at all. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import Database from "better-sqlite3";
import { migrationsFolder, openStore } from "../../src/sqlite/open.ts";
import { isDead } from "./kit/kill-rounds.ts";
import { type ProcessStage, startProcessStage } from "./kit/process-stage.ts";

let stage: ProcessStage;
let folder: string;
const migrations = readdirSync(migrationsFolder).filter((name) => name.endsWith(".sql"));

before(async () => {
  stage = await startProcessStage();
  folder = mkdtempSync(join(tmpdir(), "gantry-starts-"));
});
after(async () => {
  await stage?.stop();
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
});

async function diesOnTheWayUp(failpoint: string): Promise<void> {
  stage.launch({ failpoint, data: folder });
  await isDead(stage, failpoint);
}

test("killed with the lock in its hand, it does not keep the next one out", async () => {
  await diesOnTheWayUp("lock.after_acquire");
  await diesOnTheWayUp("lock.after_acquire");
});

/** Only what a start does with the base: a whole server for each of so many points would take minutes. */
function diesWhileOpening(failpoint: string): void {
  const child = join(import.meta.dirname, "kit/opens-and-dies.ts");
  const { signal, stderr } = spawnSync(process.execPath, [child, folder, failpoint], { encoding: "utf8" });
  assert.equal(signal, "SIGKILL", `it never came to ${failpoint}: ${stderr}`);
}

test("killed in each migration and after each, it goes on where it was, to the same schema", async () => {
  for (const [index, name] of migrations.entries()) {
    diesWhileOpening(`migrate.${index + 1}.before_commit`);
    assert.equal(migrated(), index, `${name} is not half there`);
    diesWhileOpening(`migrate.${index + 1}.after_commit`);
    assert.equal(migrated(), index + 1, `${name} is there`);
  }
  const whole = mkdtempSync(join(tmpdir(), "gantry-whole-"));
  try {
    openStore({ folder: whole, migrations: migrationsFolder }).close();
    assert.deepEqual(schemaOf(folder), schemaOf(whole));
  } finally {
    rmSync(whole, { recursive: true });
  }
  await stage.startServer({ data: folder });
});

function migrated(): number {
  return reading(folder, (db) => {
    const known = db.prepare("select 1 from sqlite_master where name = 'schema_migration'").get();
    return known === undefined ? 0 : Number(db.prepare("select count(*) from schema_migration").pluck().get());
  });
}

function schemaOf(data: string): unknown[] {
  return reading(data, (db) => db.prepare("select type, name, sql from sqlite_master order by type, name").all());
}

function reading<T>(data: string, work: (db: Database.Database) => T): T {
  const db = new Database(join(data, "gantry.db"));
  try {
    return work(db);
  } finally {
    db.close();
  }
}
