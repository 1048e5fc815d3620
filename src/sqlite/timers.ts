import type Database from "better-sqlite3";
import type { TimerStore } from "../app/store.ts";
import type { TimerName } from "../core/rollout-state.ts";

export function timerStore(db: Database.Database): TimerStore {
  const set = db.prepare(
    `insert into rollout_timer (rollout, name, wake_at) values (@rollout, @name, @wakeAt)
     on conflict (rollout, name) do update set wake_at = excluded.wake_at`,
  );
  const clear = db.prepare("delete from rollout_timer where rollout = ? and name = ?");
  const clearAll = db.prepare("delete from rollout_timer where rollout = ?");
  const due = db.prepare<[number], { rollout: number; name: TimerName }>(
    "select rollout, name from rollout_timer where wake_at <= ? order by wake_at, rollout, name",
  );
  const grant = db.prepare(
    "update rollout_timer set wake_at = @until where wake_at < @until and (name like 'host:%' or name = 'progress')",
  );
  const next = db.prepare<[], number | null>("select min(wake_at) from rollout_timer").pluck();
  return {
    set: (facts) => {
      set.run(facts);
    },
    clear: (rollout, name) => {
      clear.run(rollout, name);
    },
    clearAll: (rollout) => {
      clearAll.run(rollout);
    },
    due: (now) => due.all(now),
    grant: (until) => {
      grant.run({ until });
    },
    next: () => next.get() ?? null,
  };
}
