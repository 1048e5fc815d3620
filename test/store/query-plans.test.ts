/** Nothing that the store asks or changes reads a whole table that grows with the history. */
import assert from "node:assert/strict";
import { test } from "node:test";
import Database from "better-sqlite3";
import { dataFolders } from "./folders.ts";

const { folder, open } = dataFolders();

/** Every statement that an opened store has prepared. */
function statements(): { readonly db: Database.Database; readonly sql: readonly string[] } {
  const prepared = new Set<string>();
  const { prepare } = Database.prototype;
  Database.prototype.prepare = function remember(this: Database.Database, sql: string) {
    if (this.name.endsWith("gantry.db")) prepared.add(sql);
    return prepare.call(this, sql);
  } as typeof prepare;
  try {
    const { db } = open(folder());
    return { db, sql: [...prepared] };
  } finally {
    Database.prototype.prepare = prepare;
  }
}

/** Its plan: one line for each table that is read. Values do not matter to it. */
function planOf(db: Database.Database, sql: string): string[] {
  const bare = sql.replace(/@\w+|\?/g, "1");
  return db
    .prepare<[], { detail: string }>(`explain query plan ${bare}`)
    .all()
    .map((row) => row.detail);
}

/** Tables that stay small, however long the server runs. */
const small =
  /^SCAN (host|slot|identity|freeze|lock|rollout_timer|rollout_ended|chain_begun|schema_migration|sqlite_master|sqlite_sequence|json_each|value|\(subquery-\d+\)|\d+ CONSTANT ROWS?|CONSTANT ROW)( |$)/;

/** Partial indexes of what is open, waits or was given up: as many entries as there is such work. */
const fewEntries =
  /^SCAN \w+ USING (COVERING )?INDEX (rollout_one_active|rollout_open|rollout_in_line|rollout_watched|inbox_open|inbox_dead|outbox_open|outbox_by_key|outbox_dead|lock_by_time)\b/;

/** Walks back from the newest row and ends at its limit, whatever it meets. */
function endsAtLimit(sql: string): boolean {
  return /order by (number|seq) desc limit (\+\?|\+@limit|1)$/.test(sql.trim()) && !/\bwhere\b/.test(sql);
}

function readsTooMuch(db: Database.Database, sql: string): string[] {
  return planOf(db, sql).filter(
    (line) => line.startsWith("SCAN ") && !small.test(line) && !fewEntries.test(line) && !endsAtLimit(sql),
  );
}

/** The plan of a new rollout has a look for rows that wait for it to exist: SQLite skips it at run time, as no reference is open. */
function looksForOpenReferences(sql: string): boolean {
  return sql.startsWith("insert into rollout (");
}

test("every statement finds its rows by an index", () => {
  const { db, sql } = statements();
  const changesRows = sql.filter((text) => /^\s*(select|update|delete|insert)/i.test(text));
  assert.ok(changesRows.length > 80, `only ${changesRows.length} statements were seen`);
  const bad = changesRows
    .filter((text) => !looksForOpenReferences(text))
    .flatMap((text) => readsTooMuch(db, text).map((line) => `${line}\n  in ${text}`));
  assert.deepEqual(bad, []);
});

test("a statement that reads a whole table would be found", () => {
  const { db } = statements();
  for (const text of [
    "select * from rollout where ref = ?",
    "select count(*) from rollout_event where type = ?",
    "select * from verdict where reason = ?",
    "select count(*) from chain where part = ?",
    "select * from slot_observation where at <= ?",
    "select phase, count(*) from rollout group by phase",
  ]) {
    assert.equal(readsTooMuch(db, text).length, 1, text);
  }
});
