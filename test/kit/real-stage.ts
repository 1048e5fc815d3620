import { join } from "node:path";
import { after, before } from "node:test";
import Database from "better-sqlite3";
import { type Stage, type StageOptions, startStage } from "../../src/rehearsal/stage/stage.ts";
import { eventually } from "./eventually.ts";
import { fold } from "./fold.ts";
import { inherited } from "./inherited.ts";

/** A stage for the tests of one file: call once at its top. A file that imports this runs alone. */
export function realStage(options: StageOptions): () => Stage {
  let stage: Stage | null = null;
  before(async () => {
    stage = await startStage({ slackRateLimits: false, env: inherited(), ...options });
  });
  after(() => stage?.stop());
  return () => {
    if (stage === null) throw new Error("The stage is only there inside tests and hooks.");
    return stage;
  };
}

export type Row = {
  readonly number: number;
  readonly phase: string;
  readonly kind: string;
  readonly commit: string;
  readonly environment: string;
};

/** The rollouts as the database has them, read beside the running server. */
export function rolloutRows(stage: Stage): Row[] {
  return reading(stage, (db) =>
    db
      .prepare<[], Row>(`select number, phase, kind, environment, plan ->> 'commit' as "commit" from rollout order by number`)
      .all(),
  );
}

/** Resolves when the newest rollout of the commit is in one of the phases. */
export async function reaches(stage: Stage, commit: string, phases: readonly string[], deadlineMs = 30_000): Promise<Row> {
  return eventually(() => {
    const row = rolloutRows(stage)
      .filter((r) => r.commit === commit)
      .at(-1);
    if (row === undefined || !phases.includes(row.phase)) {
      throw new Error(`the rollout of ${commit.slice(0, 7)} is ${row?.phase ?? "not there"}, not ${phases.join(" or ")}`);
    }
    return row;
  }, deadlineMs);
}

/** Nothing is left to do outside, and every stored log folds to its snapshot. */
export async function storeIsSound(stage: Stage, deadlineMs = 20_000): Promise<void> {
  await eventually(() => {
    const open = reading(stage, (db) =>
      db
        .prepare<[], { kind: string; last_error: string | null }>("select kind, last_error from outbox where ended_at is null")
        .all(),
    );
    if (open.length > 0) throw new Error(`the outbox holds ${open.map((o) => `${o.kind} (${o.last_error})`).join(", ")}`);
  }, deadlineMs);
  logsFold(stage);
}

/** Every stored log folds to its snapshot, byte for byte. Both are read in one transaction, since the server goes on writing. */
export function logsFold(stage: Stage): void {
  const all = reading(stage, (db) => {
    const states = db.prepare<[], { number: number; state: string }>("select number, state from rollout");
    const events = db.prepare<[number], string>("select body from rollout_event where rollout = ? order by seq").pluck();
    return db.transaction(() => states.all().map((row) => ({ ...row, bodies: events.all(row.number) })))();
  });
  for (const { number, state, bodies } of all) {
    const folded = fold(bodies.map((body) => JSON.parse(body)));
    if (JSON.stringify(folded) !== JSON.stringify(JSON.parse(state)))
      throw new Error(`the events of #${number} do not fold to its snapshot`);
  }
}

function reading<T>(stage: Stage, work: (db: Database.Database) => T): T {
  const db = new Database(join(stage.dir, "data", "gantry.db"), { readonly: true });
  try {
    return work(db);
  } finally {
    db.close();
  }
}
