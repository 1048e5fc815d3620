import type Database from "better-sqlite3";
import type { Verdict, VerdictStore } from "../app/store.ts";

const columns = "release, verdict, reason, detail, rollout, at";

export function verdictStore(db: Database.Database): VerdictStore {
  const insert = db.prepare(
    `insert into verdict (service, environment, release, verdict, reason, detail, rollout, at)
     values (@service, @environment, @release, @verdict, @reason, @detail, @rollout, @at)`,
  );
  const newest = db.prepare<{ service: string; environment: string; release: number }, Verdict>(
    `select ${columns} from verdict where service = @service and environment = @environment and release = @release
     order by id desc limit 1`,
  );
  const good = db.prepare<{ service: string; environment: string }, Verdict>(
    `select ${columns} from verdict where service = @service and environment = @environment and verdict = 'good'
       and id in (select max(id) from verdict where service = @service and environment = @environment group by release)
     order by id desc`,
  );
  return {
    add: (facts) => {
      insert.run(facts);
    },
    newest: (facts) => newest.get(facts) ?? null,
    good: ({ service, environment }) => good.all({ service, environment }),
  };
}
