import type { StoredRollout } from "../app/store.ts";
import type { ChangeFacts } from "../core/facts.ts";
import type { Plan } from "../core/plan.ts";
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

/** Plan and change are read from their JSON when somebody asks: most of what is told of a rollout needs neither. */
export function storedRollout(row: RolloutRow): StoredRollout {
  return {
    number: row.number,
    version: row.version,
    state: readJson(row.state),
    get plan() {
      return readJson<Plan>(row.plan);
    },
    ref: row.ref,
    why: row.why,
    allowBad: row.allow_bad === null ? null : JSON.parse(row.allow_bad),
    channel: row.channel,
    cardTs: row.card_ts,
    get change() {
      return row.change === null ? null : readJson<ChangeFacts>(row.change);
    },
    deployment: row.deployment,
  };
}
