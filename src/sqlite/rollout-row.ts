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

/** Plan and change are read from their JSON when somebody asks: most of what is told of a rollout needs neither. */
export function storedRollout(row: RolloutRow): StoredRollout {
  const plan = once(() => JSON.parse(row.plan));
  const change = once(() => (row.change === null ? null : JSON.parse(row.change)));
  return {
    number: row.number,
    version: row.version,
    state: JSON.parse(row.state),
    get plan() {
      return plan();
    },
    ref: row.ref,
    why: row.why,
    allowBad: row.allow_bad === null ? null : JSON.parse(row.allow_bad),
    channel: row.channel,
    cardTs: row.card_ts,
    get change() {
      return change();
    },
    deployment: row.deployment,
  };
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | null = null;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
