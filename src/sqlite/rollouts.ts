import type Database from "better-sqlite3";
import type { NewRollout, RolloutStore } from "../app/store.ts";
import { hasEnded, type RolloutEvent, type RolloutState } from "../core/rollout-state.ts";
import { atomically } from "./atomic.ts";
import type { Chain } from "./chain.ts";
import { rolloutLists } from "./rollout-lists.ts";
import { type RolloutRow, rollout } from "./rollout-row.ts";

type Row = RolloutRow;

export function rolloutStore(parts: {
  readonly db: Database.Database;
  readonly chain: Chain;
  readonly failpoint: (name: string) => void;
}): RolloutStore {
  const { db, chain, failpoint } = parts;
  const byNumber = db.prepare<[number], Row>("select * from rollout where number = ?");
  const hasFinding = db
    .prepare<[number], number>("select json_extract(state, '$.watch.finding') is not null from rollout where number = ?")
    .pluck();
  const byRequest = db.prepare<{ key: string }, Row>(
    `select * from rollout where request_key = @key
       union all select rollout.* from acted join rollout on number = rollout where acted.request_key = @key`,
  );
  const noteRequest = db.prepare("insert into acted (request_key, rollout) values (?, ?)");
  const last = db.prepare<[], number>("select coalesce(max(seq), 0) from sqlite_sequence where name = 'rollout'").pluck();
  const insert = db.prepare(
    `insert into rollout (number, service, environment, kind, release, phase, version, state, plan, plan_hash,
       request_key, ref, why, allow_bad, channel, requested_at, ended_at, watch_until)
     values (@number, @service, @environment, @kind, @release, @phase, 1, @state, @plan, @planHash,
       @requestKey, @ref, @why, @allowBad, @channel, @requestedAt, @endedAt, @watchUntil)`,
  );
  const insertEvent = db.prepare("insert into rollout_event (rollout, seq, at, type, body) values (?, ?, ?, ?, ?)");
  const update = db.prepare("update rollout set state = ?, version = version + 1 where number = ? and version = ?");
  // Apart, because most events change none of it, and all indexes that hold one of these would be written anew.
  const advance = db.prepare(
    `update rollout set phase = @phase, ended_at = @endedAt, watch_until = @watchUntil where number = @number
       and (phase <> @phase or ended_at is not @endedAt or watch_until is not @watchUntil)`,
  );
  const events = db.prepare<[number], string>("select body from rollout_event where rollout = +? order by seq").pluck();
  const setPlan = db.prepare("update rollout set plan = ?, plan_hash = ? where number = ?");
  const setCard = db.prepare("update rollout set channel = coalesce(?, channel), card_ts = ? where number = ?");
  const setChange = db.prepare("update rollout set change = ? where number = ?");
  const setDeployment = db.prepare("update rollout set deployment = ? where number = ?");

  function recordEvent(number: number, seq: number, event: RolloutEvent): void {
    insertEvent.run(number, seq, event.at, event.type, JSON.stringify(event));
    chain.event(number, seq);
  }

  return {
    ...rolloutLists(db),
    nextNumber: () => (last.get() ?? 0) + 1,
    create(row: NewRollout, event: RolloutEvent, state: RolloutState) {
      atomically(db, () => {
        insert.run({
          ...row,
          ...progress(state),
          state: JSON.stringify(state),
          plan: JSON.stringify(row.plan),
          allowBad: row.allowBad === null ? null : JSON.stringify(row.allowBad),
        });
        recordEvent(state.number, 1, event);
      });
    },
    find: (number) => rollout(byNumber.get(number)),
    hasFinding: (number) => hasFinding.get(number) === 1,
    byRequest: (key) => rollout(byRequest.get({ key })),
    noteRequest: (key, number) => {
      noteRequest.run(key, number);
    },
    append({ number, version, event, state }) {
      atomically(db, () => {
        const done = update.run(JSON.stringify(state), number, version);
        if (done.changes !== 1) throw new Error(`lost update: rollout ${number} is not at version ${version} any more`);
        advance.run(progress(state));
        failpoint("snapshot.mid");
        recordEvent(number, version + 1, event);
      });
    },
    events: (number) => events.all(number).map((body) => JSON.parse(body)),
    setPlan: (number, plan, planHash) => {
      setPlan.run(JSON.stringify(plan), planHash, number);
    },
    setCard: (number, place) => {
      setCard.run(place?.channel ?? null, place?.ts ?? null, number);
    },
    setChange: (number, change) => {
      setChange.run(JSON.stringify(change), number);
    },
    setDeployment: (number, deployment) => {
      setDeployment.run(deployment, number);
    },
  };
}

/** What of the state has a column of its own, to be found by. */
function progress(state: RolloutState) {
  const watch = hasEnded(state) ? state.watch : null;
  return {
    number: state.number,
    phase: state.phase,
    endedAt: state.endedAt,
    watchUntil: watch === null || watch === undefined || watch.endedAt !== null ? null : watch.until,
  };
}
