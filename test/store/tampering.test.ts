/** Somebody writes to the file past Gantry. Each way is found and named; what only a head from outside can tell is told so. */
import assert from "node:assert/strict";
import { cpSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type Database from "better-sqlite3";
import { linkHash } from "../../src/sqlite/chain.ts";
import { verifyAll } from "../../src/sqlite/chain-verify.ts";
import type { OpenedStore } from "../../src/sqlite/open.ts";
import { ana, aRequest, noon } from "../kit/rollouts.ts";
import { endRollout, storeRollout } from "../kit/stores.ts";
import { dataFolders } from "./folders.ts";

const { folder, open } = dataFolders();

/**
 * Entries 1: release, 2: #1 asked for, 3: #1 ended, 4: verdict, 5: a lock, 6: #2 asked for, 7: #2 ended, 8: #3 asked for.
 */
function aHistory(data = folder()): OpenedStore {
  const store = open(data);
  storeRollout(store, aRequest({ number: 1 }));
  endRollout(store, { number: 1, phase: "succeeded", at: noon });
  const judged = { release: 1, verdict: "good", reason: null, detail: null, rollout: 1, at: noon, by: null } as const;
  store.verdicts.add({ service: "api", environment: "prod", ...judged });
  store.history.act({ at: noon, kind: "locked", by: ana, facts: { why: "a migration" } });
  storeRollout(store, aRequest({ number: 2 }));
  endRollout(store, { number: 2, phase: "restored", at: noon });
  storeRollout(store, aRequest({ number: 3 }));
  assert.equal(store.history.head().seq, 8);
  return store;
}

/** Writes past every guard. */
function tamper({ db }: OpenedStore, sql: string): void {
  db.pragma("foreign_keys = off");
  const triggers = db.prepare<[], string>("select name from sqlite_master where type = 'trigger'").pluck().all();
  for (const name of triggers) db.exec(`drop trigger ${name}`);
  db.exec(sql);
}

function faultAfter(sql: string): string | null {
  const store = aHistory();
  assert.equal(verifyAll(store.history), null);
  tamper(store, sql);
  const whole = verifyAll(store.history);
  assert.equal(inPieces(store)?.what, whole?.what, "in pieces the same is found");
  return whole === null ? null : `${whole.seq}: ${whole.what}`;
}

function inPieces({ history }: OpenedStore) {
  for (let from = 1; ; ) {
    const { fault, to, done } = history.verify({ from, limit: 1 });
    if (fault !== null || done) return fault;
    from = to + 1;
  }
}

test("a row that was changed is named, whatever kind of fact it is", () => {
  assert.equal(
    faultAfter("update rollout_event set body = json_set(body, '$.by.name', 'mallory') where rollout = 1 and seq = 2"),
    "3: changed: event 2 of #1 is not what was recorded",
  );
  assert.equal(
    faultAfter("update rollout_event set at = at + 1 where rollout = 2 and seq = 1"),
    "6: changed: event 1 of #2 is not what was recorded",
  );
  assert.equal(faultAfter("update release set created_by = 'mallory'"), "1: changed: release r1 of api is not what was recorded");
  assert.equal(
    faultAfter("update verdict set verdict = 'bad', reason = 'unhealthy'"),
    "4: changed: verdict 1 is not what was recorded",
  );
  assert.equal(faultAfter("update act set facts = '{}'"), "5: changed: act 5 is not what was recorded");
});

test("a hash that was changed is named", () => {
  assert.match(faultAfter("update chain set hash = randomblob(32) where seq = 4") ?? "", /^4: changed: verdict 1/);
});

test("a row that was deleted is named, and so is an entry of the chain itself", () => {
  assert.equal(faultAfter("delete from rollout_event where rollout = 1 and seq = 2"), "3: missing: event 2 of #1 is gone");
  assert.equal(faultAfter("delete from act"), "5: missing: act 5 is gone");
  assert.equal(faultAfter("delete from chain where seq = 4"), "4: missing: entry 4 of the chain is gone");
  assert.equal(faultAfter("delete from verdict; delete from chain where seq = 4"), "4: missing: entry 4 of the chain is gone");
});

test("a row that was put in is named, in its piece of the history", () => {
  const event = (rollout: number, seq: number) =>
    `insert into rollout_event (rollout, seq, at, type, body) values (${rollout}, ${seq}, 1, 'approved', '{}')`;
  assert.match(faultAfter(event(1, 3)) ?? "", /: not in the chain: event 3 of #1 was added$/);
  assert.match(faultAfter(event(2, 40)) ?? "", /: not in the chain: event 40 of #2 was added$/);
  assert.match(faultAfter(event(99, 1)) ?? "", /: not in the chain: event 1 of #99 was added$/);
  assert.match(faultAfter("insert into act values (3, 1, 'unlocked', null, '{}')") ?? "", /act 3 was added$/);
  assert.match(faultAfter("insert into act values (30, 1, 'unlocked', null, '{}')") ?? "", /act 30 was added$/);
  const verdict = `insert into verdict (service, environment, release, verdict, rollout, at) values ('api', 'prod', 1, 'good', 1, 1)`;
  assert.match(faultAfter(verdict) ?? "", /verdict 2 was added$/);
  const release = `insert into release select service, 2, commit_sha, digest, spec, 'other', 1, 'mallory' from release`;
  assert.match(faultAfter(release) ?? "", /release r2 of api was added$/);
});

test("facts that changed places are named", () => {
  const keys = "kind = other.kind, service = other.service, number = other.number, part = other.part";
  const aside = "update chain set number = -1 where seq = 6";
  const swap = (columns: string) => `create temp table other as select * from chain where seq in (3, 6); ${aside};
    update chain set ${columns} from other where chain.seq = 3 and other.seq = 6;
    update chain set ${columns} from other where chain.seq = 6 and other.seq = 3`;
  assert.equal(faultAfter(swap(keys)), "3: out of order: event 2 of #1 belongs here, not event 1 of #2");
  assert.equal(faultAfter(swap(`${keys}, hash = other.hash`)), "3: out of order: event 2 of #1 belongs here, not event 1 of #2");
  assert.match(
    faultAfter(
      "update rollout_event set seq = 3 - seq + 10 where rollout = 1; update rollout_event set seq = seq - 10 where rollout = 1",
    ) ?? "",
    /^2: (changed: event 1 of #1|out of order)/,
  );
});

test("a tail that was cut off from facts and chain alike only shows against a head from outside", () => {
  const store = aHistory();
  const head = store.history.head();
  tamper(
    store,
    "delete from rollout_event where rollout = 3; delete from rollout where number = 3; delete from chain where seq = 8",
  );
  assert.equal(verifyAll(store.history), null, "what is left holds");
  assert.equal(store.history.hashAt(head.seq), null, "and the end that was known is not there");
  assert.deepEqual(store.history.verify({ from: head.seq + 1, limit: 1 }).fault, {
    seq: 8,
    what: "cut off: entry 8 is gone, and the chain ends at 7",
  });
});

test("a tail that was cut off from the chain alone leaves facts that are in no chain", () => {
  assert.match(faultAfter("delete from chain where seq > 6") ?? "", /^6: not in the chain: event 2 of #2 was added$/);
  assert.match(faultAfter("delete from chain") ?? "", /not in the chain: event 1 of #1 was added$/);
});

test("a chain that somebody emptied is not made anew at the next start", () => {
  const data = folder();
  const store = aHistory(data);
  tamper(store, "delete from chain");
  store.db.close();
  store.close();
  const again = open(data);
  assert.equal(again.history.head().seq, 0);
  assert.match(again.fault?.what ?? "", /^cut off|not in the chain/);
});

test("an older file in place of the newer one is found at the start, by the mark beside it", () => {
  const data = folder();
  const store = aHistory(data);
  store.close();
  const older = folder();
  cpSync(join(data, "gantry.db"), join(older, "gantry.db"));
  const newer = open(data);
  newer.history.act({ at: noon, kind: "unlocked", by: ana, facts: {} });
  newer.close();
  cpSync(join(older, "gantry.db"), join(data, "gantry.db"));
  const fault = { seq: 9, what: "cut off: this folder has known entry 9, and the chain ends at 8" };
  const restored = open(data);
  assert.deepEqual(restored.fault, fault);
  restored.history.act({ at: noon, kind: "locked", by: ana, facts: { why: "another past" } });
  restored.close();
  const forked = open(data);
  assert.match(forked.fault?.what ?? "", /^another history: entry 9/, "the mark stays as evidence until somebody accepts it");
  forked.transact(() => {
    forked.history.act({ at: noon, kind: "adopted", by: ana, facts: {} });
    forked.freeze.clear();
  });
  forked.close();
  assert.equal(open(data).fault, null);
});

test("a whole chain that was made anew with other content holds in itself; only a head from outside tells", () => {
  const store = aHistory();
  const outside = store.history.head();
  tamper(store, "update rollout_event set body = json_set(body, '$.by.name', 'mallory') where rollout = 1 and seq = 2");
  makeAnew(store.db);
  assert.equal(verifyAll(store.history), null);
  assert.equal(store.history.head().seq, outside.seq);
  assert.notEqual(store.history.hashAt(outside.seq), outside.hash);
});

/** What somebody does who knows how the chain is made. */
function makeAnew(db: Database.Database): void {
  type Link = { seq: number; kind: "release" | "event" | "verdict" | "act"; service: string; number: number; part: number };
  const facts = {
    release:
      "select service, number, commit_sha, digest, spec, spec_hash, created_at, created_by from release where service = @service and number = @number",
    event: "select rollout, seq, at, type, body from rollout_event where rollout = @number and seq = @part",
    verdict:
      "select id, service, environment, release, verdict, reason, detail, rollout, at, judged_by from verdict where id = @number",
    act: "select seq, at, kind, by, facts from act where seq = @number",
  };
  let before = "";
  for (const link of db.prepare<[], Link>("select seq, kind, service, number, part from chain order by seq").all()) {
    const hash = linkHash(before, link.kind, db.prepare<object, object>(facts[link.kind]).get(link) ?? {});
    db.prepare("update chain set hash = ? where seq = ?").run(hash, link.seq);
    before = hash.toString("hex");
  }
}

test("the last entries are verified at a start", () => {
  const data = folder();
  const store = aHistory(data);
  tamper(store, "update rollout_event set at = at + 1 where rollout = 2 and seq = 1");
  store.close();
  assert.equal(open(data).fault?.what, "changed: event 1 of #2 is not what was recorded");
});
