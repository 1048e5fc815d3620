import type Database from "better-sqlite3";
import type { LockStore } from "../app/store.ts";
import type { LockFacts } from "../core/facts.ts";
import type { SlotKey } from "../core/slot.ts";

type Row = { by: string; at: number; why: string; until: number | null };

export function lockStore(db: Database.Database): LockStore {
  const find = db.prepare<[string, string], Row>("select by, at, why, until from lock where service = ? and environment = ?");
  const all = db.prepare<[], Row & SlotKey>("select * from lock order by service, environment");
  const put = db.prepare(
    `insert into lock (service, environment, by, at, why, until) values (@service, @environment, @by, @at, @why, @until)
     on conflict (service, environment)
     do update set by = excluded.by, at = excluded.at, why = excluded.why, until = excluded.until`,
  );
  const remove = db.prepare("delete from lock where service = ? and environment = ?");
  const expired = db.prepare<[number], SlotKey>(
    "select service, environment from lock where until is not null and until <= ? order by until, service, environment",
  );
  const next = db.prepare<[], number | null>("select min(until) from lock where until is not null").pluck();
  return {
    find({ service, environment }) {
      const row = find.get(service, environment);
      return row === undefined ? null : lock(row);
    },
    all: () => all.all().map(({ service, environment, ...row }) => ({ service, environment, lock: lock(row) })),
    put: ({ service, environment }, { by, at, why, until }) => {
      put.run({ service, environment, by: JSON.stringify(by), at, why, until });
    },
    remove: ({ service, environment }) => {
      remove.run(service, environment);
    },
    expired: (now) => expired.all(now),
    nextExpiry: () => next.get() ?? null,
  };
}

function lock({ by, at, why, until }: Row): LockFacts {
  return { by: JSON.parse(by), at, why, until };
}
