/**
 * Facts that no link names. Rollouts, verdicts and acts are numbered as they are made, so a piece of the chain covers the
 * numbers from the last one before it to the last one in it; the final piece covers whatever has a higher number.
 */
import type Database from "better-sqlite3";
import type { LinkKey, LinkKind } from "./chain.ts";

type Range = { readonly over: number; readonly upTo: number };

export function strangersOn(db: Database.Database): (piece: { from: number; to: number; done: boolean }) => LinkKey | null {
  // Walks back from the place: the newest rollout, verdict or act before it is never far.
  const newest = (kind: LinkKind, part: number) =>
    db
      .prepare<[number], number>(
        `select number from chain not indexed where seq <= ? and kind = '${kind}' and part = ${part} order by seq desc limit 1`,
      )
      .pluck();
  const newestRollout = newest("event", 1);
  const newestVerdict = newest("verdict", 0);
  const newestAct = newest("act", 0);
  const event = db.prepare<Range, LinkKey>(
    `select 'event' as kind, '' as service, rollout as number, seq as part from rollout_event as e
     where rollout > @over and rollout <= @upTo and not exists
       (select 1 from chain where kind = 'event' and number = e.rollout and part = e.seq and service = '')
     order by rollout, seq limit 1`,
  );
  const verdict = db.prepare<Range, LinkKey>(
    `select 'verdict' as kind, '' as service, id as number, 0 as part from verdict
     where id > @over and id <= @upTo and not exists
       (select 1 from chain where kind = 'verdict' and number = id and part = 0 and service = '') order by id limit 1`,
  );
  const act = db.prepare<Range, LinkKey>(
    `select 'act' as kind, '' as service, act.seq as number, 0 as part from act
     where act.seq > @over and act.seq <= @upTo and not exists
       (select 1 from chain where kind = 'act' and number = act.seq and part = 0 and service = '') order by act.seq limit 1`,
  );
  const release = db.prepare<[], LinkKey>(
    `select 'release' as kind, service, number, 0 as part from release as r where not exists
       (select 1 from chain where kind = 'release' and number = r.number and part = 0 and service = r.service)
     order by service, number limit 1`,
  );
  return ({ from, to, done }) => {
    const range = (newestOf: Database.Statement<[number], number>): Range => {
      const upTo = done ? Number.MAX_SAFE_INTEGER : (newestOf.get(to) ?? 0);
      return { over: newestOf.get(from - 1) ?? 0, upTo };
    };
    return (
      event.get(range(newestRollout)) ??
      verdict.get(range(newestVerdict)) ??
      act.get(range(newestAct)) ??
      (done ? release.get() : undefined) ??
      null
    );
  };
}
