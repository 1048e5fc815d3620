/**
 * The history as one chain. Every fact (a release, an event of a rollout, a verdict, an act) is one link:
 * sha256 over the hash of the link before it and the canonical JSON of the row as it is stored.
 * That makes it tamper-evident, given a head that is kept elsewhere (by agents, in the log, on cards), and not tamper-proof:
 * whoever can write the file can make a whole new chain, and only a head from outside tells the two apart.
 */
import { hash } from "node:crypto";
import type Database from "better-sqlite3";
import { canonicalJson } from "../core/plan.ts";
import type { Head } from "../core/slot.ts";

export type LinkKind = "release" | "event" | "verdict" | "act";

/** Names the fact of a link: (service, number) of a release, (rollout, seq) of an event, the id of a verdict, the link's own number of an act. */
export type LinkKey = {
  readonly kind: LinkKind;
  readonly service: string;
  readonly number: number;
  readonly part: number;
};

/** Writes links, in the transaction that writes their facts. */
export type Chain = {
  head(): Head;
  release(service: string, number: number): void;
  event(rollout: number, seq: number): void;
  verdict(id: number): void;
  act(seq: number): void;
};

export type ReadFact = (key: LinkKey) => object | undefined;

export function chainOn(db: Database.Database): Chain {
  const last = db.prepare<[], { seq: number; hash: Buffer }>("select seq, hash from chain order by seq desc limit 1");
  const insert = db.prepare<[number, LinkKind, string, number, number, Buffer]>(
    "insert into chain (seq, kind, service, number, part, hash) values (?, ?, ?, ?, ?, ?)",
  );
  const read = factsOf(db);

  function head(): Head {
    const row = last.get();
    return row === undefined ? { seq: 0, hash: "" } : { seq: row.seq, hash: row.hash.toString("hex") };
  }

  function link(key: LinkKey): void {
    const fact = read(key);
    if (fact === undefined) throw new Error(`${factName(key)} is not stored, so it cannot be chained`);
    const before = head();
    insert.run(before.seq + 1, key.kind, key.service, key.number, key.part, linkHash(before.hash, key.kind, fact));
  }

  return {
    head,
    release: (service, number) => link({ kind: "release", service, number, part: 0 }),
    event: (rollout, seq) => link({ kind: "event", service: "", number: rollout, part: seq }),
    verdict: (id) => link({ kind: "verdict", service: "", number: id, part: 0 }),
    act: (seq) => link({ kind: "act", service: "", number: seq, part: 0 }),
  };
}

/** The raw hash of a link. `before`: the hex hash of the link before it, "" for the first. */
export function linkHash(before: string, kind: LinkKind, fact: object): Buffer {
  return hash("sha256", `${before}${canonicalJson({ fact: kind, ...fact })}`, "buffer");
}

/** Reads facts as they are stored. The columns are named: one that is added later is no part of what was hashed. */
export function factsOf(db: Database.Database): ReadFact {
  const release = db.prepare<[string, number], object>(
    `select service, number, commit_sha, digest, spec, spec_hash, created_at, created_by from release
     where service = ? and number = ?`,
  );
  const event = db.prepare<[number, number], object>(
    "select rollout, seq, at, type, body from rollout_event where rollout = ? and seq = ?",
  );
  const verdict = db.prepare<[number], object>(
    `select id, service, environment, release, verdict, reason, detail, rollout, at, judged_by from verdict where id = ?`,
  );
  const act = db.prepare<[number], object>("select seq, at, kind, by, facts from act where seq = ?");
  return ({ kind, service, number, part }) => {
    switch (kind) {
      case "release":
        return release.get(service, number);
      case "event":
        return event.get(number, part);
      case "verdict":
        return verdict.get(number);
      case "act":
        return act.get(number);
    }
  };
}

/** For people: `event 3 of #142`. */
export function factName({ kind, service, number, part }: LinkKey): string {
  switch (kind) {
    case "release":
      return `release r${number} of ${service}`;
    case "event":
      return `event ${part} of #${number}`;
    case "verdict":
      return `verdict ${number}`;
    case "act":
      return `act ${number}`;
  }
}
