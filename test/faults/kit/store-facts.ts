/** What the server's database says, read beside the running server. */
import { join } from "node:path";
import Database from "better-sqlite3";
import type { RolloutEvent, RolloutState } from "../../../src/core/rollout-state.ts";

type Place = { readonly data: string };

function reading<T>(stage: Place, work: (db: Database.Database) => T): T {
  const db = new Database(join(stage.data, "gantry.db"), { readonly: true, timeout: 2_000 });
  try {
    return db.transaction(() => work(db))();
  } finally {
    db.close();
  }
}

export type StoredLog = {
  readonly number: number;
  readonly state: RolloutState;
  /** As they stand there. */
  readonly events: readonly string[];
  readonly requestKey: string;
  readonly cardTs: string | null;
};

export function logs(stage: Place): StoredLog[] {
  return reading(stage, (db) => {
    const rows = db
      .prepare<[], { number: number; state: string; requestKey: string; cardTs: string | null }>(
        `select number, state, request_key as requestKey, card_ts as cardTs from rollout order by number`,
      )
      .all();
    const events = db.prepare<[number], string>("select body from rollout_event where rollout = ? order by seq").pluck();
    return rows.map((row) => ({ ...row, state: JSON.parse(row.state), events: events.all(row.number) }));
  });
}

export function eventsOf(log: StoredLog): RolloutEvent[] {
  return log.events.map((body) => JSON.parse(body));
}

export type InboxRow = {
  readonly key: string;
  readonly done: boolean;
  readonly outcome: string | null;
  /** What was settled to be told; null: nothing yet, or the rollout's card tells. */
  readonly answer: string | null;
};

export function inbox(stage: Place): Map<string, InboxRow> {
  const rows = reading(stage, (db) =>
    db
      .prepare<[], { key: string; done: number; outcome: string | null; answer: string | null }>(
        `select key, done_at is not null as done, outcome, answer ->> '$.message.text' as answer from inbox`,
      )
      .all(),
  );
  return new Map(rows.map((row) => [row.key, { ...row, done: row.done === 1 }]));
}

export type OutboxRow = {
  readonly id: number;
  readonly key: string;
  readonly kind: string;
  readonly rollout: number | null;
  readonly body: unknown;
  readonly attempt: number;
  readonly outcome: "done" | "dead" | null;
  readonly lastError: string | null;
};

export function outbox(stage: Place): OutboxRow[] {
  return reading(stage, (db) =>
    db
      .prepare<[], Omit<OutboxRow, "body"> & { body: string }>(
        "select id, key, kind, rollout, body, attempt, outcome, last_error as lastError from outbox order by id",
      )
      .all()
      .map((row) => ({ ...row, body: JSON.parse(row.body) })),
  );
}

export type SlotRow = {
  readonly host: string;
  readonly service: string;
  readonly environment: string;
  readonly generation: number;
  readonly release: number | null;
};

export function slots(stage: Place): SlotRow[] {
  return reading(stage, (db) =>
    db.prepare<[], SlotRow>("select host, service, environment, generation, release from slot where generation > 0").all(),
  );
}

export function waitingForApproval(stage: Place): number[] {
  return reading(stage, (db) =>
    db.prepare<[], number>("select number from rollout where phase = 'awaiting_approval'").pluck().all(),
  );
}
