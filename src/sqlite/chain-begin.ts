import type Database from "better-sqlite3";
import { atomically } from "./atomic.ts";
import type { Chain } from "./chain.ts";

const batch = 10_000;

/**
 * Chains what was there before there was a chain, once, in one transaction. It is noted in a row of its own, so that a
 * chain that somebody has emptied is not silently made anew.
 */
export function beginChain(db: Database.Database, chain: Chain): void {
  if (db.prepare("select 1 from chain_begun").get() !== undefined) return;
  atomically(db, () => {
    chainReleases(db, chain);
    chainEvents(db, chain);
    chainVerdicts(db, chain);
    db.prepare("insert into chain_begun (id, entries) values (1, ?)").run(chain.head().seq);
  });
}

/** As they were made, and so are the other kinds: the check for rows that do not belong relies on it. */
function chainReleases(db: Database.Database, chain: Chain): void {
  const next = db.prepare<[number, number], { id: number; service: string; number: number }>(
    "select rowid as id, service, number from release where rowid > ? order by rowid limit ?",
  );
  inBatches({
    first: { id: 0, service: "", number: 0 },
    next: (after) => next.all(after.id, batch),
    link: (row) => chain.release(row.service, row.number),
  });
}

function chainEvents(db: Database.Database, chain: Chain): void {
  const next = db.prepare<[number, number, number], { rollout: number; seq: number }>(
    "select rollout, seq from rollout_event where (rollout, seq) > (?, ?) order by rollout, seq limit ?",
  );
  inBatches({
    first: { rollout: 0, seq: 0 },
    next: (after) => next.all(after.rollout, after.seq, batch),
    link: (row) => chain.event(row.rollout, row.seq),
  });
}

function chainVerdicts(db: Database.Database, chain: Chain): void {
  const next = db.prepare<[number, number], { id: number }>("select id from verdict where id > ? order by id limit ?");
  inBatches({ first: { id: 0 }, next: (after) => next.all(after.id, batch), link: (row) => chain.verdict(row.id) });
}

function inBatches<Row>(facts: { first: Row; next: (after: Row) => Row[]; link: (row: Row) => void }): void {
  let after: Row | undefined = facts.first;
  while (after !== undefined) {
    const rows: Row[] = facts.next(after);
    for (const row of rows) facts.link(row);
    after = rows.at(-1);
  }
}
