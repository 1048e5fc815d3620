import type Database from "better-sqlite3";
import type { SlotStore, StoredSlot } from "../app/store.ts";
import type { ObservedSlot, SlotKey } from "../core/slot.ts";
import type { WatchSample } from "../core/watch.ts";
import { readJson } from "./json.ts";

type Row = {
  host: string;
  service: string;
  environment: string;
  generation: number;
  rollout: number | null;
  release: number | null;
  fresh: number;
  observed: string | null;
  observed_at: number | null;
  has_served: number;
};

export function slotStore(db: Database.Database): SlotStore {
  const get = db.prepare<[string, string, string], Row>("select * from slot where host = ? and service = ? and environment = ?");
  const ofHost = db.prepare<[string], Row>("select * from slot where host = +? order by service, environment");
  const ofEnvironment = db.prepare<[string, string], Row>(
    "select * from slot where service = +? and environment = +? order by host",
  );
  const all = db.prepare<[], Row>("select * from slot indexed by slot_by_environment order by service, environment, host");
  const desire = db
    .prepare<object, number>(
      `insert into slot (host, service, environment, generation, rollout, release, fresh)
       values (@host, @service, @environment, 1, @rollout, @release, @fresh)
       on conflict (host, service, environment) do update set generation = generation + 1,
         rollout = excluded.rollout, release = excluded.release, fresh = excluded.fresh
       returning generation`,
    )
    .pluck();
  // One above its own in any case: what is wanted under a generation never changes.
  const adopt = db.prepare(
    `insert into slot (host, service, environment, generation, release, rollout)
     values (@host, @service, @environment, max(1, @generation), @release, @rollout)
     on conflict (host, service, environment) do update set generation = max(generation + 1, excluded.generation),
       release = excluded.release, rollout = excluded.rollout, fresh = 0`,
  );
  const observe = db.prepare(
    `insert into slot (host, service, environment, generation, observed, observed_at, has_served)
     values (@host, @service, @environment, 0, @observed, @at, @isWell)
     on conflict (host, service, environment) do update set observed = excluded.observed,
       observed_at = excluded.observed_at, has_served = max(has_served, excluded.has_served)`,
  );
  const record = db.prepare(
    `insert into slot_observation (host, service, environment, at, release, digest, health, detail, restarts)
     values (@host, @service, @environment, @at, @release, @digest, @health, @detail, @restarts)`,
  );
  const ranAt = db.prepare<object, { at: number; release: number | null; digest: string | null; health: string }>(
    `select at, release, digest, health from slot_observation
     where host = +@host and service = +@service and environment = +@environment and at <= +@at order by at desc, id desc limit 1`,
  );
  const since = db.prepare<SlotKey & { since: number }, WatchSample>(
    `select host, at, health, restarts from (
     select id, host, at, health, restarts from slot_observation
     where service = +@service and environment = +@environment and at >= +@since
     union all
     select o.id, o.host, o.at, o.health, o.restarts from slot join slot_observation as o on o.id = (
       select id from slot_observation as before where before.host = slot.host and before.service = slot.service
         and before.environment = slot.environment and before.at < +@since order by before.at desc, before.id desc limit 1)
     where slot.service = +@service and slot.environment = +@environment)
     order by at, id`,
  );

  return {
    get: (host, key) => slot(get.get(host, key.service, key.environment)),
    ofHost: (host) => ofHost.all(host).map(stored),
    ofEnvironment: (key) => ofEnvironment.all(key.service, key.environment).map(stored),
    all: () => all.all().map(stored),
    desire(facts) {
      const generation = desire.get({ ...facts, fresh: facts.fresh === true ? 1 : 0 });
      if (generation === undefined) throw new Error("the slot was not written");
      return generation;
    },
    adopt: ({ host, service, environment, generation, release, rollout }) => {
      adopt.run({ host, service, environment, generation, release, rollout });
    },
    series: ({ service, environment, since: from }) => since.all({ service, environment, since: from }),
    observe({ host, slot: seen, at }) {
      const { service, environment } = seen;
      const before = slot(get.get(host, service, environment))?.observed ?? null;
      const isWell = seen.live?.health === "ok" ? 1 : 0;
      observe.run({ host, service, environment, observed: JSON.stringify(seen), at, isWell });
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
        restarts: seen.live?.restarts ?? 0,
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
    fresh: row.fresh === 1,
    observed: row.observed === null ? null : readJson(row.observed),
    observedAt: row.observed_at,
    hasServed: row.has_served === 1,
  };
}
