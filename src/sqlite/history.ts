import type Database from "better-sqlite3";
import type { HistoryAct, HistoryStore } from "../app/store.ts";
import { atomically } from "./atomic.ts";
import type { Chain } from "./chain.ts";
import { verifierOn } from "./chain-verify.ts";

type Row = { seq: number; at: number; kind: string; by: string | null; facts: string };

export function historyStore(db: Database.Database, chain: Chain): HistoryStore {
  const hashAt = db.prepare<[number], Buffer>("select hash from chain where seq = ?").pluck();
  const insert = db.prepare("insert into act (seq, at, kind, by, facts) values (@seq, @at, @kind, @by, @facts)");
  const acts = db.prepare<[number], Row>("select seq, at, kind, by, facts from act order by seq desc limit +?");
  return {
    head: chain.head,
    hashAt: (seq) => hashAt.get(seq)?.toString("hex") ?? null,
    act: ({ at, kind, by, facts }: HistoryAct) => {
      atomically(db, () => {
        const seq = chain.head().seq + 1;
        insert.run({ seq, at, kind, by: by === null ? null : JSON.stringify(by), facts: JSON.stringify(facts) });
        chain.act(seq);
      });
    },
    acts: (limit) =>
      acts.all(limit).map((row) => ({
        ...row,
        by: row.by === null ? null : JSON.parse(row.by),
        facts: JSON.parse(row.facts),
      })),
    verify: verifierOn(db),
  };
}
