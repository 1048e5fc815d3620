import type Database from "better-sqlite3";
import type { HostStore, StoredHost } from "../app/store.ts";
import type { IntentFacts } from "../core/facts.ts";
import { readJson } from "./json.ts";

type Row = {
  name: string;
  labels: string;
  public_key: string;
  enrolled_at: number;
  revoked_at: number | null;
  agent_version: string | null;
  engine: string | null;
  last_seen_at: number | null;
  intent: "cordoned" | "drained" | null;
  intent_by: string | null;
  intent_at: number | null;
  intent_why: string | null;
};

export function hostStore(db: Database.Database): HostStore {
  const all = db.prepare<[], Row>("select * from host order by name");
  const find = db.prepare<[string], Row>("select * from host where name = ?");
  const put = db.prepare(
    `insert into host (name, labels, public_key, enrolled_at) values (@name, @labels, @publicKey, @at)
     on conflict (name) do update
     set labels = excluded.labels, public_key = excluded.public_key, enrolled_at = excluded.enrolled_at, revoked_at = null`,
  );
  const seen = db.prepare(
    `update host set last_seen_at = @at, labels = coalesce(@labels, labels),
       agent_version = coalesce(@agentVersion, agent_version) where name = @name`,
  );
  const setEngine = db.prepare("update host set engine = ? where name = ?");
  const revoke = db.prepare("update host set revoked_at = ? where name = ?");
  const setIntent = db.prepare(
    "update host set intent = @kind, intent_by = @by, intent_at = @at, intent_why = @why where name = @name",
  );
  const addToken = db.prepare(
    `insert into enrolment (token_hash, name, labels, made_at, expires_at) values (@tokenHash, @name, @labels, @at, @expiresAt)`,
  );
  const spend = db.prepare<object, { name: string; labels: string }>(
    `update enrolment set used_at = @at
     where token_hash = @tokenHash and name = @name and used_at is null and expires_at > @at returning name, labels`,
  );
  return {
    all: () => all.all().map(stored),
    find(name) {
      const row = find.get(name);
      return row === undefined ? null : stored(row);
    },
    put: (facts) => {
      put.run({ ...facts, labels: JSON.stringify(facts.labels) });
    },
    seen: ({ name, labels, agentVersion, at }) => {
      seen.run({
        name,
        at,
        labels: labels === undefined ? null : JSON.stringify(labels),
        agentVersion: agentVersion ?? null,
      });
    },
    setEngine: (name, engine) => {
      const row = find.get(name);
      const before: StoredHost["engine"] = row?.engine == null ? null : readJson(row.engine);
      const isAsBefore = before?.ok === engine.ok && before.reason === engine.reason;
      const since = (isAsBefore ? before.since : undefined) ?? row?.last_seen_at ?? undefined;
      const text = JSON.stringify({ ...engine, since });
      if (text !== row?.engine) setEngine.run(text, name);
    },
    revoke: (name, at) => {
      revoke.run(at, name);
    },
    setIntent: (name, intent) => {
      const { kind, at, why } = intent ?? { kind: null, at: null, why: null };
      setIntent.run({ name, kind, at, why, by: intent === null ? null : JSON.stringify(intent.by) });
    },
    addToken: (facts) => {
      addToken.run({ ...facts, labels: JSON.stringify(facts.labels) });
    },
    spendToken(facts) {
      const row = spend.get(facts);
      return row === undefined ? null : { name: row.name, labels: readJson(row.labels) };
    },
  };
}

function stored(row: Row): StoredHost {
  return {
    name: row.name,
    labels: readJson(row.labels),
    publicKey: row.public_key,
    enrolledAt: row.enrolled_at,
    revokedAt: row.revoked_at,
    agentVersion: row.agent_version,
    engine: row.engine === null ? null : readJson(row.engine),
    lastSeenAt: row.last_seen_at,
    intent: intent(row),
  };
}

function intent(row: Row): IntentFacts | null {
  const { intent: kind, intent_by: by, intent_at: at, intent_why: why } = row;
  return kind === null || by === null || at === null ? null : { kind, by: JSON.parse(by), at, why };
}
