import type Database from "better-sqlite3";
import type { InboxItem, InboxStore } from "../app/store.ts";

type Row = { id: number; body: string; received_at: number };

export function inboxStore(db: Database.Database): InboxStore {
  const insert = db.prepare(
    `insert into inbox (key, meaning, actor, body, received_at) values (@key, @meaning, @actor, @body, @at)
     on conflict do nothing`,
  );
  const byKey = db.prepare<[string], Row>("select id, body, received_at from inbox where key = ?");
  const open = db.prepare<[], Row>("select id, body, received_at from inbox where done_at is null order by id");
  const finish = db.prepare("update inbox set done_at = ?, outcome = ? where id = ? and done_at is null");
  const prune = db.prepare(
    "delete from inbox where id in (select id from inbox where done_at < @before order by id limit @limit)",
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
    open: () => open.all().map(item),
    finish: (id, outcome, at) => {
      finish.run(at, outcome, id);
    },
    prune: (facts) => prune.run(facts).changes,
    depth: () => depth.get() ?? { open: 0, oldestAt: null },
  };
}

function item(row: Row): InboxItem {
  return { id: row.id, delivery: JSON.parse(row.body), receivedAt: row.received_at };
}
