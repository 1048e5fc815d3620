import type Database from "better-sqlite3";
import type { FreezeStore } from "../app/store.ts";
import type { FreezeFacts } from "../core/facts.ts";

export function freezeStore(db: Database.Database): FreezeStore {
  const current = db.prepare<[], FreezeFacts>("select reason, at, host, detail from freeze");
  const set = db.prepare(
    `insert into freeze (id, reason, at, host, detail) values (1, @reason, @at, @host, @detail)
     on conflict (id) do update set reason = excluded.reason, at = excluded.at, host = excluded.host, detail = excluded.detail`,
  );
  const clear = db.prepare("delete from freeze");
  return {
    current: () => current.get() ?? null,
    set: ({ reason, at, host, detail }) => {
      set.run({ reason, at, host, detail });
    },
    clear: () => {
      clear.run();
    },
  };
}
