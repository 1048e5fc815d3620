import type { StoredRollout } from "../app/store.ts";
import type { ChangeFacts } from "../core/facts.ts";
import type { Plan } from "../core/plan.ts";
import type { RolloutState } from "../core/rollout-state.ts";
import { readJson } from "./json.ts";

export type RolloutRow = {
  readonly number: number;
  readonly version: number;
  readonly state: string;
  readonly plan: string;
  readonly ref: string | null;
  readonly why: string | null;
  readonly allow_bad: string | null;
  readonly channel: string | null;
  readonly card_ts: string | null;
  readonly change: string | null;
  readonly deployment: string | null;
};

export function rollout(row: RolloutRow | undefined): StoredRollout | null {
  return row === undefined ? null : storedRollout(row);
}

export function storedRollout(row: RolloutRow): StoredRollout {
  return new RolloutOfRow(row);
}

/**
 * Plan and change are read from their JSON when somebody asks: most of what is told of a rollout needs neither.
 * A class, because V8 makes a shape of its own for every object literal with getters, and the shape keeps the row's texts until
 * the next full collection: a board of 60 places left so much behind that collecting it took longer than the answer.
 */
class RolloutOfRow implements StoredRollout {
  readonly number: number;
  readonly version: number;
  readonly state: RolloutState;
  readonly ref: string | null;
  readonly why: string | null;
  readonly allowBad: StoredRollout["allowBad"];
  readonly channel: string | null;
  readonly cardTs: string | null;
  readonly deployment: string | null;
  readonly #plan: string;
  readonly #change: string | null;

  constructor(row: RolloutRow) {
    this.number = row.number;
    this.version = row.version;
    this.state = readJson(row.state);
    this.ref = row.ref;
    this.why = row.why;
    this.allowBad = row.allow_bad === null ? null : JSON.parse(row.allow_bad);
    this.channel = row.channel;
    this.cardTs = row.card_ts;
    this.deployment = row.deployment;
    this.#plan = row.plan;
    this.#change = row.change;
  }

  get plan(): Plan {
    return readJson<Plan>(this.#plan);
  }

  get change(): ChangeFacts | null {
    return this.#change === null ? null : readJson<ChangeFacts>(this.#change);
  }
}
