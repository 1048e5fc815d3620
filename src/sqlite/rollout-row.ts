import type { StoredRollout } from "../app/store.ts";

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
  return {
    number: row.number,
    version: row.version,
    state: JSON.parse(row.state),
    plan: JSON.parse(row.plan),
    ref: row.ref,
    why: row.why,
    allowBad: row.allow_bad === null ? null : JSON.parse(row.allow_bad),
    channel: row.channel,
    cardTs: row.card_ts,
    change: row.change === null ? null : JSON.parse(row.change),
    deployment: row.deployment,
  };
}
