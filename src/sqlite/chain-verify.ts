/** Walks the chain against the facts and names the first fault. */
import type Database from "better-sqlite3";
import type { ChainFault, HistoryStore } from "../app/store.ts";
import { factName, factsOf, type LinkKey, linkHash, type ReadFact } from "./chain.ts";
import { strangersOn } from "./chain-strangers.ts";

type Link = LinkKey & { readonly seq: number; readonly hash: Buffer };

/** How far ahead a fact is looked for that is not where it belongs. */
const reach = 64;

export function verifierOn(db: Database.Database): HistoryStore["verify"] {
  const read = factsOf(db);
  const strangers = strangersOn(db);
  const links = db.prepare<[number, number], Link>(
    "select seq, kind, service, number, part, hash from chain where seq >= +? order by seq limit +?",
  );
  const last = db.prepare<[], number>("select coalesce(max(seq), 0) from chain").pluck();

  function faultOf(link: Link, before: string): ChainFault | null {
    const fact = read(link);
    if (fact !== undefined && linkHash(before, link.kind, fact).equals(link.hash)) return null;
    const moved = displaced({ read, link, before, later: links.all(link.seq + 1, reach) });
    if (moved !== null) return fault(link.seq, `out of order: ${factName(moved)} belongs here, not ${factName(link)}`);
    if (fact === undefined) return fault(link.seq, `missing: ${factName(link)} is gone`);
    return fault(link.seq, `changed: ${factName(link)} is not what was recorded`);
  }

  return ({ from, limit }) => {
    const end = last.get() ?? 0;
    const first = Math.max(1, from);
    const tip = first === 1 ? undefined : links.get(first - 1, 1);
    if (first > 1 && tip?.seq !== first - 1) {
      const what = `cut off: entry ${first - 1} is gone, and the chain ends at ${end}`;
      return { fault: fault(first - 1, what), to: end, done: true };
    }
    let before = tip?.hash.toString("hex") ?? "";
    let to = first - 1;
    for (const link of links.all(first, limit)) {
      const found = link.seq === to + 1 ? faultOf(link, before) : fault(to + 1, `missing: entry ${to + 1} of the chain is gone`);
      if (found !== null) return { fault: found, to: found.seq, done: false };
      before = link.hash.toString("hex");
      to = link.seq;
    }
    const done = to >= end;
    const stranger = strangers({ from: first, to, done });
    return { fault: stranger === null ? null : fault(to, `not in the chain: ${factName(stranger)} was added`), to, done };
  };
}

/** Walks all of it. What it costs grows with the history: a running server does it in pieces. */
export function verifyAll(history: Pick<HistoryStore, "verify">): ChainFault | null {
  for (let from = 1; ; ) {
    const { fault: found, to, done } = history.verify({ from, limit: 10_000 });
    if (found !== null || done) return found;
    from = to + 1;
  }
}

/** The fact of a later link that would make this one hold: with this link's hash, or with its own. */
function displaced(facts: { read: ReadFact; link: Link; before: string; later: readonly Link[] }): Link | null {
  const fits = (other: Link) => {
    const fact = facts.read(other);
    if (fact === undefined) return false;
    const hash = linkHash(facts.before, other.kind, fact);
    return hash.equals(facts.link.hash) || hash.equals(other.hash);
  };
  return facts.later.find(fits) ?? null;
}

function fault(seq: number, what: string): ChainFault {
  return { seq, what };
}
