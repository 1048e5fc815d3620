/**
 * Facts that no link names. Rollouts, verdicts, acts and releases are chained in the order in which they were made, so a piece
 * of the chain covers those from the last one before it to the last one in it; the final piece covers all after that.
 */
import type Database from "better-sqlite3";
import type { LinkKey, LinkKind } from "./chain.ts";

type Range = { readonly over: number; readonly upTo: number };
type Piece = { readonly from: number; readonly to: number; readonly done: boolean };

export function strangersOn(db: Database.Database): (piece: Piece) => LinkKey | null {
  const kinds = [
    kindOn(db, {
      kind: "event",
      place: "number",
      strangers: `select 'event' as kind, '' as service, rollout as number, seq as part from rollout_event as e
        where rollout > +@over and rollout <= +@upTo and not exists
          (select 1 from chain where kind = 'event' and number = e.rollout and part = e.seq and service = '')
        order by rollout, seq limit 1`,
    }),
    kindOn(db, {
      kind: "verdict",
      place: "number",
      strangers: `select 'verdict' as kind, '' as service, id as number, 0 as part from verdict
        where id > +@over and id <= +@upTo and not exists
          (select 1 from chain where kind = 'verdict' and number = id and part = 0 and service = '') order by id limit 1`,
    }),
    kindOn(db, {
      kind: "act",
      place: "number",
      strangers: `select 'act' as kind, '' as service, act.seq as number, 0 as part from act
        where act.seq > +@over and act.seq <= +@upTo and not exists
          (select 1 from chain where kind = 'act' and number = act.seq and part = 0 and service = '') order by act.seq limit 1`,
    }),
    kindOn(db, {
      kind: "release",
      // Numbered per service; the row's own number rises as they are made, and a copy of the base keeps that order.
      place: "(select r.rowid from release as r where r.service = chain.service and r.number = chain.number)",
      strangers: `select 'release' as kind, service, number, 0 as part from release as r
        where r.rowid > +@over and r.rowid <= +@upTo and not exists
          (select 1 from chain where kind = 'release' and number = r.number and part = 0 and service = r.service)
        order by r.rowid limit 1`,
    }),
  ];
  return (piece) => {
    for (const find of kinds) {
      const found = find(piece);
      if (found !== null) return found;
    }
    return null;
  };
}

/** `place`: how a link tells where its fact stands among those of its kind. `strangers`: the first in a range that no link names. */
function kindOn(
  db: Database.Database,
  facts: { readonly kind: LinkKind; readonly place: string; readonly strangers: string },
): (piece: Piece) => LinkKey | null {
  const newest = db
    .prepare<[number], number | null>(
      `select ${facts.place} from chain indexed by chain_firsts where kind = '${facts.kind}' and part < 2 and seq <= +?
       order by seq desc limit 1`,
    )
    .pluck();
  const strangers = db.prepare<Range, LinkKey>(facts.strangers);
  return ({ from, to, done }) => {
    const upTo = done ? Number.MAX_SAFE_INTEGER : (newest.get(to) ?? 0);
    return strangers.get({ over: newest.get(from - 1) ?? 0, upTo }) ?? null;
  };
}
