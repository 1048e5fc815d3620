import type Database from "better-sqlite3";
import type { SlotStore, StoredSlot } from "../app/store.ts";
import type { ObservedSlot } from "../core/slot.ts";

type Row = {
  host: string;
  service: string;
  environment: string;
  generation: number;
  rollout: number | null;
  release: number | null;
  observed: string | null;
  observed_at: number | null;
};

export function slotStore(db: Database.Database): SlotStore {
  const get = db.prepare<[string, string, string], Row>("select * from slot where host = ? and service = ? and environment = ?");
  const ofHost = db.prepare<[string], Row>("select * from slot where host = ? order by service, environment");
  const ofEnvironment = db.prepare<[string, string], Row>(
    "select * from slot where service = ? and environment = ? order by host",
  );
  const desire = db
    .prepare<object, number>(
      `insert into slot (host, service, environment, generation, rollout, release)
       values (@host, @service, @environment, 1, @rollout, @release)
       on conflict (host, service, environment)
       do update set generation = generation + 1, rollout = excluded.rollout, release = excluded.release
       returning generation`,
    )
    .pluck();
  const observe = db.prepare(
    `insert into slot (host, service, environment, generation, observed, observed_at)
     values (@host, @service, @environment, 0, @observed, @at)
     on conflict (host, service, environment)
     do update set observed = excluded.observed, observed_at = excluded.observed_at`,
  );
  const record = db.prepare(
    `insert into slot_observation (host, service, environment, at, release, digest, health, detail)
     values (@host, @service, @environment, @at, @release, @digest, @health, @detail)`,
  );
  const ranAt = db.prepare<object, { at: number; release: number | null; digest: string | null; health: string }>(
    `select at, release, digest, health from slot_observation
     where host = @host and service = @service and environment = @environment and at <= @at order by id desc limit 1`,
  );

  return {
    get: (host, key) => slot(get.get(host, key.service, key.environment)),
    ofHost: (host) => ofHost.all(host).map(stored),
    ofEnvironment: (key) => ofEnvironment.all(key.service, key.environment).map(stored),
    desire(facts) {
      const generation = desire.get(facts);
      if (generation === undefined) throw new Error("the slot was not written");
      return generation;
    },
    observe({ host, slot: seen, at }) {
      const { service, environment } = seen;
      const before = slot(get.get(host, service, environment))?.observed ?? null;
      observe.run({ host, service, environment, observed: JSON.stringify(seen), at });
      if (before !== null && whatRuns(before) === whatRuns(seen)) return;
      record.run({
        host,
        service,
        environment,
        at,
        release: seen.live?.release ?? null,
        digest: seen.live?.digest ?? null,
        health: seen.live?.health ?? "empty",
        detail: seen.live?.detail ?? null,
      });
    },
    ranAt: ({ host, service, environment, at }) => ranAt.get({ host, service, environment, at }) ?? null,
  };
}

function whatRuns(slot: ObservedSlot): string {
  const { live } = slot;
  return live === null ? "empty" : `${live.containerId} ${live.digest} ${live.health} ${live.restarts}`;
}

function slot(row: Row | undefined): StoredSlot | null {
  return row === undefined ? null : stored(row);
}

function stored(row: Row): StoredSlot {
  return {
    host: row.host,
    service: row.service,
    environment: row.environment,
    generation: row.generation,
    rollout: row.rollout,
    release: row.release,
    observed: row.observed === null ? null : JSON.parse(row.observed),
    observedAt: row.observed_at,
  };
}
