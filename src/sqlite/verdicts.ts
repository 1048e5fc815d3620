import type Database from "better-sqlite3";
import type { Verdict, VerdictStore } from "../app/store.ts";
import { atomically } from "./atomic.ts";
import type { Chain } from "./chain.ts";

type Row = Omit<Verdict, "by"> & { judged_by: string | null };

const columns = "release, verdict, reason, detail, rollout, at, judged_by";

export function verdictStore(db: Database.Database, chain: Chain): VerdictStore {
  const insert = db.prepare(
    `insert into verdict (service, environment, release, verdict, reason, detail, rollout, at, judged_by)
     values (@service, @environment, @release, @verdict, @reason, @detail, @rollout, @at, @judgedBy)`,
  );
  const newest = db.prepare<{ service: string; environment: string; release: number }, Row>(
    `select ${columns} from verdict where service = +@service and environment = +@environment and release = +@release
     order by id desc limit 1`,
  );
  // Walks back from the newest and skips what was judged again later; -1 is no limit.
  const good = db.prepare<{ service: string; environment: string; limit: number }, Row>(
    `select ${columns} from verdict as v indexed by verdict_good where service = +@service and environment = +@environment and verdict = 'good'
       and not exists (select 1 from verdict as later where later.service = v.service and later.environment = v.environment
         and later.release = v.release and later.id > v.id)
     order by id desc limit +@limit`,
  );
  return {
    add: ({ service, environment, release, verdict, reason, detail, rollout, at, by }) => {
      atomically(db, () => {
        const judgedBy = by === null ? null : JSON.stringify(by);
        const row = { service, environment, release, verdict, reason, detail, rollout, at, judgedBy };
        const { lastInsertRowid } = insert.run(row);
        chain.verdict(Number(lastInsertRowid));
      });
    },
    newest(facts) {
      const row = newest.get({ service: facts.service, environment: facts.environment, release: facts.release });
      return row === undefined ? null : verdict(row);
    },
    good: ({ service, environment }, limit) => good.all({ service, environment, limit: limit ?? -1 }).map(verdict),
  };
}

function verdict({ judged_by, ...row }: Row): Verdict {
  return { ...row, by: judged_by === null ? null : JSON.parse(judged_by) };
}
