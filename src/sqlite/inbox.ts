import type Database from "better-sqlite3";
import type { InboxItem, InboxStore } from "../app/store.ts";

type Row = { id: number; body: string; received_at: number; attempt: number; answer: string | null };

/** Work that was begun this often and never ended takes the process with it: it is not begun again. */
const mostAttempts = 3;

const columns = "id, body, received_at, attempt, answer";

export function inboxStore(db: Database.Database): InboxStore {
  const insert = db.prepare(
    `insert into inbox (key, meaning, actor, body, received_at) values (@key, @meaning, @actor, @body, @at)
     on conflict do nothing`,
  );
  const byKey = db.prepare<[string], Row>(`select ${columns} from inbox where key = ?`);
  const open = db.prepare<[], Row>(`select ${columns} from inbox where done_at is null order by id`);
  const claim = db.prepare<[number], number>("update inbox set attempt = attempt + 1 where id = ? returning attempt - 1").pluck();
  // Nobody noted when it died: when it came is the only time that is known of it.
  const giveUp = db.prepare(
    "update inbox set done_at = received_at, outcome = 'given up' where done_at is null and attempt >= ?",
  );
  const dead = db.prepare<[number], Row & { outcome: string }>(
    `select ${columns}, outcome from inbox where outcome = 'given up' order by id desc limit +?`,
  );
  const settle = db.prepare("update inbox set answer = ? where id = ? and answer is null");
  const finish = db.prepare("update inbox set done_at = ?, outcome = ? where id = ? and done_at is null");
  const prune = db.prepare(
    "delete from inbox where id in (select id from inbox where done_at < @before order by done_at, id limit +@limit)",
  );
  const depth = db.prepare<[], { open: number; oldestAt: number | null }>(
    "select count(*) as open, min(received_at) as oldestAt from inbox where done_at is null",
  );
  return {
    add(delivery, at) {
      const { key, meaning, actor } = delivery;
      const facts = { key, meaning, actor: JSON.stringify(actor), body: JSON.stringify(delivery), at };
      return insert.run(facts).changes === 1;
    },
    byKey(key) {
      const row = byKey.get(key);
      return row === undefined ? null : item(row);
    },
    open() {
      giveUp.run(mostAttempts);
      return open.all().map(item);
    },
    claim: (id) => claim.get(id) ?? 0,
    settle: (id, answer) => {
      settle.run(JSON.stringify(answer), id);
    },
    finish: (id, outcome, at) => {
      finish.run(at, outcome, id);
    },
    dead: (limit) => dead.all(limit).map((row) => ({ ...item(row), outcome: row.outcome })),
    prune: (facts) => prune.run(facts).changes,
    depth: () => depth.get() ?? { open: 0, oldestAt: null },
  };
}

function item(row: Row): InboxItem {
  const { id, body, received_at: receivedAt, attempt, answer } = row;
  return { id, delivery: JSON.parse(body), receivedAt, attempt, answer: answer === null ? null : JSON.parse(answer) };
}
