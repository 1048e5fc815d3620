import type Database from "better-sqlite3";
import type { ReleaseStore } from "../app/store.ts";
import type { ReleaseFacts } from "../core/facts.ts";
import type { Release } from "../core/release.ts";
import { atomically } from "./atomic.ts";
import type { Chain } from "./chain.ts";
import { readJson } from "./json.ts";

type Row = { service: string; number: number; commit_sha: string; digest: string; spec: string };

export function releaseStore(db: Database.Database, chain: Chain): ReleaseStore {
  const find = db.prepare<[string, number], Row>("select * from release where service = ? and number = ?");
  const brief = db.prepare<[string, number], ReleaseFacts>(
    'select number, commit_sha as "commit", digest from release where service = ? and number = ?',
  );
  const same = db.prepare<[string, string, string], Row>(
    "select * from release where service = ? and digest = ? and spec_hash = ?",
  );
  const next = db.prepare<[string], number>("select coalesce(max(number), 0) + 1 from release where service = ?").pluck();
  const insert = db.prepare(
    `insert into release (service, number, commit_sha, digest, spec, spec_hash, created_at, created_by)
     values (@service, @number, @commit, @digest, @spec, @specHash, @at, @by)`,
  );
  return {
    find(service, number) {
      const row = find.get(service, number);
      return row === undefined ? null : release(row);
    },
    brief: (service, number) => brief.get(service, number) ?? null,
    same({ service, digest, specHash }) {
      const row = same.get(service, digest, specHash);
      return row === undefined ? null : release(row);
    },
    intern: (facts) =>
      atomically(db, () => {
        const known = same.get(facts.service, facts.digest, facts.specHash);
        if (known !== undefined) return release(known);
        const wanted = facts.number ?? null;
        const isFree = wanted !== null && find.get(facts.service, wanted) === undefined;
        const number = isFree ? wanted : (next.get(facts.service) ?? 1);
        insert.run({ ...facts, number, spec: JSON.stringify(facts.spec) });
        const { service, commit, digest, spec } = facts;
        chain.release(service, number);
        return { service, number, commit, digest, spec };
      }),
  };
}

function release(row: Row): Release {
  return {
    service: row.service,
    number: row.number,
    commit: row.commit_sha,
    digest: row.digest,
    spec: readJson(row.spec),
  };
}
