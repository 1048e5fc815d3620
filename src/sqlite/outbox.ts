import type Database from "better-sqlite3";
import type { OutboxItem, OutboxStore } from "../app/store.ts";

type Row = {
  id: number;
  key: string;
  kind: string;
  rollout: number | null;
  body: string;
  attempt: number;
  created_at: number;
  last_error: string | null;
};

export function outboxStore(db: Database.Database): OutboxStore {
  const insert = db.prepare(
    `insert into outbox (key, kind, rollout, body, not_before, created_at)
     select @key, @kind, @rollout, @body, @at, @at
     where @replace = 0 or not exists (select 1 from outbox where key = @key and ended_at is null and attempt = 0)`,
  );
  const ready = db.prepare<[number], Row>(
    `select * from outbox where id in (select min(id) from outbox where ended_at is null group by key)
       and not_before <= ? order by id`,
  );
  const nextAt = db
    .prepare<[number], number | null>(
      `select min(not_before) from outbox where id in (select min(id) from outbox where ended_at is null group by key)
         and not_before > ?`,
    )
    .pluck();
  const hasten = db.prepare(
    `update outbox set not_before = @at where ended_at is null and not_before > @at
       and kind in (select value from json_each(@kinds))`,
  );
  const finish = db.prepare("update outbox set ended_at = @at, outcome = @outcome, last_error = @error where id = @id");
  const isOpen = db.prepare<[string], number>("select 1 from outbox where key = ? and ended_at is null").pluck();
  const claim = db.prepare("update outbox set attempt = attempt + 1 where id = ?");
  const retry = db.prepare("update outbox set not_before = @notBefore, last_error = @error where id = @id");
  const revive = db.prepare(
    `update outbox set ended_at = null, outcome = null, attempt = 0, not_before = @at
     where id = @id and outcome = 'dead'`,
  );
  const prune = db.prepare(
    "delete from outbox where id in (select id from outbox where ended_at < @before order by ended_at, id limit +@limit)",
  );
  const depth = db.prepare<[], { open: number; oldestAt: number | null; dead: number }>(
    `select count(*) as open, min(created_at) as oldestAt, (select count(*) from outbox where outcome = 'dead') as dead
       from outbox where ended_at is null`,
  );
  const dead = db.prepare<[number], Row>("select * from outbox where outcome = 'dead' order by id desc limit +?");
  return {
    add: (facts) => {
      insert.run({ ...facts, body: JSON.stringify(facts.body), replace: facts.replace ? 1 : 0 });
    },
    ready: (now) => ready.all(now).map(item),
    nextAt: (after) => nextAt.get(after) ?? null,
    hasten: (kinds, at) => {
      hasten.run({ kinds: JSON.stringify(kinds), at });
    },
    isOpen: (key) => isOpen.get(key) !== undefined,
    claim: (id) => {
      claim.run(id);
    },
    finish: (id, outcome, at, error) => {
      finish.run({ id, outcome, at, error });
    },
    retry: (facts) => {
      retry.run(facts);
    },
    prune: (facts) => prune.run(facts).changes,
    depth: () => depth.get() ?? { open: 0, oldestAt: null, dead: 0 },
    dead: (limit) => dead.all(limit).map((row) => ({ ...item(row), lastError: row.last_error })),
    revive: (id, at) => revive.run({ id, at }).changes === 1,
  };
}

function item(row: Row): OutboxItem {
  return {
    id: row.id,
    key: row.key,
    kind: row.kind,
    rollout: row.rollout,
    body: JSON.parse(row.body),
    attempt: row.attempt,
    createdAt: row.created_at,
  };
}
