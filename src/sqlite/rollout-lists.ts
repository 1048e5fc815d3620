/**
 * The questions asked about many rollouts. Each has an index; the conditions of the partial ones are repeated word for word.
 * `= +@name` and `limit +@limit`, here and in other statements with an order: the plus changes nothing but that SQLite does
 * not look at the value when it plans, so that it does not plan anew for every value; that took ten times as long as the answer.
 */
import type Database from "better-sqlite3";
import type { RolloutStore, StoredRollout } from "../app/store.ts";
import { newestSwaps, type SwapTime } from "../core/rollback-estimate.ts";
import type { SlotKey } from "../core/slot.ts";
import { type RolloutRow as Row, rollout, storedRollout } from "./rollout-row.ts";

type Lists = Pick<
  RolloutStore,
  | "active"
  | "allActive"
  | "inLine"
  | "lines"
  | "watched"
  | "list"
  | "lastEnded"
  | "live"
  | "countByPhase"
  | "countEnded"
  | "swapTimes"
>;

export function rolloutLists(db: Database.Database): Lists {
  const holds = "ended_at is null and phase <> 'in_line'";
  const active = db.prepare<[string, string], Row>(`select * from rollout where service = ? and environment = ? and ${holds}`);
  const allActive = db.prepare<[], Row>(`select * from rollout indexed by rollout_one_active where ${holds} order by number`);
  const inLine = db.prepare<[string, string], Row>(
    "select * from rollout indexed by rollout_in_line where service = +? and environment = +? and phase = 'in_line' order by number",
  );
  const lines = db.prepare<[], SlotKey>(
    "select distinct service, environment from rollout where phase = 'in_line' order by service, environment",
  );
  const watched = db.prepare<[], Row>("select * from rollout where watch_until is not null order by number");
  const ended = db.prepare<{ service: string; environment: string; phases: string }, Row>(
    `select * from rollout where ended_seq = (
       select max((select ended_seq from rollout where service = +@service and environment = +@environment and phase = value
                   order by ended_seq desc limit 1)) from json_each(@phases))`,
  );
  const live = db.prepare<{ service: string; environment: string }, Row>(
    `select * from rollout where service = +@service and environment = +@environment
       and (phase in ('succeeded', 'incomplete') or (phase = 'stuck' and kind = 'rollback')) order by ended_seq desc limit 1`,
  );
  const underWay = db.prepare<[], { phase: string; n: number }>(
    "select phase, count(*) as n from rollout where ended_at is null group by phase",
  );
  const countEnded = db.prepare<[], { phase: string; n: number }>("select phase, n from rollout_ended");
  return {
    active: (service, environment) => rollout(active.get(service, environment)),
    allActive: () => allActive.all().map(storedRollout),
    inLine: (service, environment) => inLine.all(service, environment).map(storedRollout),
    lines: () => lines.all(),
    watched: () => watched.all().map(storedRollout),
    list: listOn(db),
    lastEnded: (service, environment, phases) => rollout(ended.get({ service, environment, phases: JSON.stringify(phases) })),
    live: (service, environment) => rollout(live.get({ service, environment })),
    swapTimes: swapTimesOn(db),
    countByPhase: () => Object.fromEntries(underWay.all().map((row) => [row.phase, row.n])),
    countEnded: () => Object.fromEntries(countEnded.all().map((row) => [row.phase, row.n])),
  };
}

/** Each half is a walk along the index that ends at its limit. */
function swapTimesOn(db: Database.Database): RolloutStore["swapTimes"] {
  const half = (back: 0 | 1) =>
    `select * from (select id, back, took_ms from swap_time where service = +@service and environment = +@environment
       and back = ${back} order by id desc limit ${newestSwaps})`;
  const newest = db.prepare<SlotKey, { back: number; took_ms: number }>(`${half(0)} union all ${half(1)} order by id desc`);
  return (service, environment) =>
    newest.all({ service, environment }).map((row): SwapTime => ({ tookMs: row.took_ms, isRollback: row.back === 1 }));
}

/** One statement for each way to ask, so that each finds its index. */
function listOn(db: Database.Database): RolloutStore["list"] {
  const newest = (condition: string) =>
    db.prepare<{ service: string | null; environment: string | null; limit: number }, Row>(
      `select * from rollout ${condition} order by number desc limit +@limit`,
    );
  const all = newest("");
  const ofService = newest("where service = +@service");
  const ofEnvironment = newest("where environment = +@environment");
  const ofBoth = newest("where service = +@service and environment = +@environment");
  return (facts): StoredRollout[] => {
    const one = facts.environment === null ? ofService : ofBoth;
    const any = facts.environment === null ? all : ofEnvironment;
    return (facts.service === null ? any : one).all({ ...facts }).map(storedRollout);
  };
}
