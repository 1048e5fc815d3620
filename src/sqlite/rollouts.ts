import type Database from "better-sqlite3";
import type { NewRollout, RolloutStore, StoredRollout } from "../app/store.ts";
import type { RolloutEvent, RolloutState } from "../core/rollout-state.ts";

type Row = {
  number: number;
  version: number;
  state: string;
  plan: string;
  ref: string | null;
  why: string | null;
  allow_bad: string | null;
  channel: string | null;
  card_ts: string | null;
  change: string | null;
  deployment: string | null;
};

export function rolloutStore(db: Database.Database, failpoint: (name: string) => void = () => {}): RolloutStore {
  const byNumber = db.prepare<[number], Row>("select * from rollout where number = ?");
  const byRequest = db.prepare<{ key: string }, Row>(
    `select * from rollout where request_key = @key
       union all select rollout.* from acted join rollout on number = rollout where acted.request_key = @key`,
  );
  const noteRequest = db.prepare("insert into acted (request_key, rollout) values (?, ?)");
  const active = db.prepare<[string, string], Row>(
    "select * from rollout where service = ? and environment = ? and ended_at is null",
  );
  const allActive = db.prepare<[], Row>("select * from rollout where ended_at is null order by number");
  const last = db.prepare<[], number>("select coalesce(max(seq), 0) from sqlite_sequence where name = 'rollout'").pluck();
  const insert = db.prepare(
    `insert into rollout (number, service, environment, kind, release, phase, version, state, plan, plan_hash,
       request_key, ref, why, allow_bad, channel, requested_at, ended_at)
     values (@number, @service, @environment, @kind, @release, @phase, 1, @state, @plan, @planHash,
       @requestKey, @ref, @why, @allowBad, @channel, @requestedAt, @endedAt)`,
  );
  const insertEvent = db.prepare("insert into rollout_event (rollout, seq, at, type, body) values (?, ?, ?, ?, ?)");
  const update = db.prepare(
    `update rollout set state = @state, phase = @phase, ended_at = @endedAt, version = @version + 1
     where number = @number and version = @version`,
  );
  const events = db.prepare<[number], string>("select body from rollout_event where rollout = ? order by seq").pluck();
  const list = db.prepare<{ service: string | null; environment: string | null; limit: number }, Row>(
    `select * from rollout where (@service is null or service = @service)
       and (@environment is null or environment = @environment) order by number desc limit @limit`,
  );
  const ended = db.prepare<{ service: string; environment: string; phases: string }, Row>(
    `select * from rollout where service = @service and environment = @environment
       and phase in (select value from json_each(@phases)) order by number desc limit 1`,
  );
  const live = db.prepare<{ service: string; environment: string }, Row>(
    `select * from rollout where service = @service and environment = @environment
       and (phase = 'succeeded' or (phase = 'stuck' and kind = 'rollback')) order by number desc limit 1`,
  );
  const setCard = db.prepare("update rollout set channel = coalesce(?, channel), card_ts = ? where number = ?");
  const setChange = db.prepare("update rollout set change = ? where number = ?");
  const setDeployment = db.prepare("update rollout set deployment = ? where number = ?");
  const count = db.prepare<[], { phase: string; n: number }>(
    "select phase, count(*) as n from rollout where ended_at is null group by phase",
  );

  const countEnded = db.prepare<[], { phase: string; n: number }>(
    "select phase, count(*) as n from rollout where ended_at is not null group by phase",
  );

  function recordEvent(number: number, seq: number, event: RolloutEvent): void {
    insertEvent.run(number, seq, event.at, event.type, JSON.stringify(event));
  }

  return {
    nextNumber: () => (last.get() ?? 0) + 1,
    create(row: NewRollout, event: RolloutEvent, state: RolloutState) {
      insert.run({
        ...row,
        number: state.number,
        phase: state.phase,
        state: JSON.stringify(state),
        plan: JSON.stringify(row.plan),
        allowBad: row.allowBad === null ? null : JSON.stringify(row.allowBad),
        endedAt: state.endedAt,
      });
      recordEvent(state.number, 1, event);
    },
    find: (number) => rollout(byNumber.get(number)),
    byRequest: (key) => rollout(byRequest.get({ key })),
    noteRequest: (key, number) => {
      noteRequest.run(key, number);
    },
    active: (service, environment) => rollout(active.get(service, environment)),
    allActive: () => allActive.all().map(stored),
    append({ number, version, event, state }) {
      const done = update.run({
        number,
        version,
        state: JSON.stringify(state),
        phase: state.phase,
        endedAt: state.endedAt,
      });
      if (done.changes !== 1) throw new Error(`lost update: rollout ${number} is not at version ${version} any more`);
      failpoint("snapshot.mid");
      recordEvent(number, version + 1, event);
    },
    events: (number) => events.all(number).map((body) => JSON.parse(body)),
    list: (facts) => list.all({ ...facts }).map(stored),
    lastEnded(service, environment, phases) {
      return rollout(ended.get({ service, environment, phases: JSON.stringify(phases) }));
    },
    live: (service, environment) => rollout(live.get({ service, environment })),
    setCard: (number, place) => {
      setCard.run(place?.channel ?? null, place?.ts ?? null, number);
    },
    setChange: (number, change) => {
      setChange.run(JSON.stringify(change), number);
    },
    setDeployment: (number, deployment) => {
      setDeployment.run(deployment, number);
    },
    countByPhase: () => Object.fromEntries(count.all().map((row) => [row.phase, row.n])),
    countEnded: () => Object.fromEntries(countEnded.all().map((row) => [row.phase, row.n])),
  };
}

function rollout(row: Row | undefined): StoredRollout | null {
  return row === undefined ? null : stored(row);
}

function stored(row: Row): StoredRollout {
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
