// What operators type on the server's machine while no server runs: the real program, as a process.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { fileURLToPath } from "node:url";
import Database from "better-sqlite3";
import type { OpenedStore } from "../../src/sqlite/open.ts";
import { migrationsFolder, openStore } from "../../src/sqlite/open.ts";
import { aRelease } from "../kit/stores.ts";

const program = fileURLToPath(new URL("../../src/cli.ts", import.meta.url));
let folder: string;
let data: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "gantry-cli-"));
  data = join(folder, "data");
  withStore((store) => {
    aRelease(store);
    store.history.act({ at: 1, kind: "locked", by: null, facts: { why: "a test" } });
  });
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function withStore<T>(work: (store: OpenedStore) => T): T {
  const store = openStore({ folder: data, migrations: migrationsFolder });
  try {
    return work(store);
  } finally {
    store.close();
  }
}

async function gantry(...words: readonly string[]): Promise<{ code: number; said: string }> {
  const env = { ...process.env, GANTRY_DATA: data };
  return await new Promise((resolve) => {
    execFile(process.execPath, [program, ...words], { env }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), said: stdout + stderr });
    });
  });
}

test("audit verify walks the file, compares with a card, and names the first fault with exit 1", async () => {
  const { seq, hash } = withStore((store) => store.history.head());
  const well = await gantry("audit", "verify", "--head", `#${seq} ${hash.slice(0, 8)}…`);
  assert.equal(well.code, 0, well.said);
  assert.match(
    well.said,
    /The history holds, from its beginning to #2 [0-9a-f]{12}\.\nThe entry that was given is in it\.\nNo agent was asked/,
  );
  const other = await gantry("audit", "verify", "--head", `${seq}:abcd`);
  assert.equal(other.code, 1);
  assert.match(other.said, /does NOT hold at #2: what was given knows this entry as abcd, and here it is/);
  const later = await gantry("audit", "verify", "--head", "1842:9f3a");
  assert.match(later.said, /#1842: what was given knows of this entry, and here the history ends at #2/);
  const unreadable = await gantry("audit", "verify", "--head", "yesterday");
  assert.match(unreadable.said, /write it as SEQ:HASH/);

  const db = new Database(join(data, "gantry.db"));
  db.exec("drop trigger act_is_immutable");
  db.exec(`update act set facts = '{"why":"another reason"}'`);
  db.close();
  const changed = await gantry("audit", "verify");
  assert.equal(changed.code, 1);
  assert.match(changed.said, /The history does NOT hold at #2: changed: /);
});

test("a backup is made, kept to a number, restored, and leaves the server frozen", async () => {
  const first = await gantry("backup", join(folder, "first.db"));
  assert.match(first.said, /The database is in .*first\.db \(\d+ KiB, history up to #2 [0-9a-f]{12}\)\./);
  assert.match((await gantry("backup", join(folder, "first.db"))).said, /first\.db exists already/);
  await gantry("backup", "--keep", "1");
  const kept = await gantry("backup", "--keep", "1");
  assert.match(kept.said, /Older copies removed: 1\./);
  assert.equal(readdirSync(join(data, "backups")).length, 1);

  withStore((store) => aRelease(store, { commit: "2".repeat(40) }));
  const restored = await gantry("restore", join(folder, "first.db"));
  assert.equal(restored.code, 0, restored.said);
  assert.match(restored.said, /Restored .*first\.db, made at .*, with its history up to #2 /);
  assert.match(restored.said, /What was there before is kept as .*before-restore/);
  assert.match(restored.said, /gantry hosts\n.*gantry adopt --dry-run\n.*gantry adopt$/m);
  const frozen = withStore((store) => ({ freeze: store.freeze.current(), release: store.releases.find("api", 2) }));
  assert.equal(frozen.freeze?.reason, "server_behind");
  assert.equal(frozen.release, null);
  assert.equal((await gantry("audit", "verify")).code, 0);
});

test("a restore is refused while a server holds the data, and what is no backup is left alone", async () => {
  await gantry("backup", join(folder, "copy.db"));
  const store = openStore({ folder: data, migrations: migrationsFolder });
  const held = await gantry("restore", join(folder, "copy.db"));
  store.close();
  assert.equal(held.code, 1);
  assert.match(held.said, /Reason: store_locked/);
  const missing = await gantry("restore", join(folder, "nothing.db"));
  assert.match(missing.said, /nothing\.db cannot be restored: there is no such file/);
  assert.ok(existsSync(join(data, "gantry.db")));
});

test("what needs the running server says so", async () => {
  for (const words of [["adopt", "--dry-run"], ["outbox"]]) {
    const answer = await gantry(...words);
    assert.equal(answer.code, 1);
    assert.match(answer.said, /no Gantry server runs on the data in/);
  }
});
