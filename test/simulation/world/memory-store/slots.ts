import type { SlotStore, StoredSlot } from "../../../../src/app/store.ts";
import type { LiveHealth, ObservedSlot, SlotKey } from "../../../../src/core/slot.ts";
import type { WatchSample } from "../../../../src/core/watch.ts";
import { slotName } from "../slot-name.ts";
import { createTable, type Ledger } from "./ledger.ts";

type Observation = SlotKey & {
  readonly host: string;
  readonly at: number;
  readonly release: number | null;
  readonly digest: string | null;
  readonly health: LiveHealth | "empty";
  readonly restarts: number;
};

const unseen = { observed: null, observedAt: null, hasServed: false };
const fresh = { generation: 0, rollout: null, release: null, fresh: false, ...unseen };

export function slotStore(ledger: Ledger): SlotStore {
  const rows = createTable<string, StoredSlot>(ledger);
  const seen = createTable<number, Observation>(ledger);

  function where(test: (slot: StoredSlot) => boolean): StoredSlot[] {
    const found: StoredSlot[] = [];
    for (const slot of rows.values()) if (test(slot)) found.push(slot);
    return found.length < 2 ? found : found.sort(byPlace);
  }

  function put(host: string, key: SlotKey, change: Partial<StoredSlot>): StoredSlot {
    const { service, environment } = key;
    const before = rows.get(slotName(host, key)) ?? { ...fresh, host, service, environment };
    const after: StoredSlot = Object.freeze({ ...before, ...change });
    if (after.generation < before.generation) throw new Error("a generation only rises");
    rows.set(slotName(host, key), after, { table: "slot", host, service, environment });
    return after;
  }

  function observationsOf(facts: SlotKey & { host?: string }): Observation[] {
    const { service, environment, host } = facts;
    const mine = (o: Observation) => o.service === service && o.environment === environment;
    return [...seen.values()].filter((o) => mine(o) && (host === undefined || o.host === host));
  }

  return {
    get: (host, key) => rows.get(slotName(host, key)) ?? null,
    ofHost: (host) => where((slot) => slot.host === host),
    ofEnvironment: ({ service, environment }) => where((slot) => slot.service === service && slot.environment === environment),
    all: () => where(() => true),
    desire({ host, rollout, release, fresh: isFresh = false, ...key }) {
      const generation = (rows.get(slotName(host, key))?.generation ?? 0) + 1;
      return put(host, key, { generation, rollout, release, fresh: isFresh }).generation;
    },
    adopt({ host, generation, release, rollout, ...key }) {
      const before = rows.get(slotName(host, key))?.generation ?? 0;
      put(host, key, { generation: Math.max(before + 1, generation), rollout, release, fresh: false });
    },
    series({ since, ...key }) {
      const all = observationsOf(key);
      const last = new Map<string, Observation>();
      for (const o of all) if (o.at < since) last.set(o.host, o);
      const samples = [...last.values(), ...all.filter((o) => o.at >= since)];
      return samples.map(({ host, at, health, restarts }): WatchSample => ({ host, at, health, restarts }));
    },
    observe({ host, slot, at }) {
      ledger.transact(() => {
        const known = rows.get(slotName(host, slot));
        const before = known?.observed ?? null;
        const hasServed = known?.hasServed === true || slot.live?.health === "ok";
        put(host, slot, { observed: slot, observedAt: at, hasServed });
        if (before !== null && runsTheSame(before, slot)) return;
        const { service, environment, live } = slot;
        const what = { release: live?.release ?? null, digest: live?.digest ?? null, health: live?.health ?? ("empty" as const) };
        seen.set(seen.size + 1, { host, service, environment, at, ...what, restarts: live?.restarts ?? 0 });
      });
    },
    ranAt({ host, at, ...key }) {
      const found = observationsOf({ host, ...key }).findLast((o) => o.at <= at);
      return found === undefined ? null : { at: found.at, release: found.release, digest: found.digest, health: found.health };
    },
  };
}

function runsTheSame({ live: a }: ObservedSlot, { live: b }: ObservedSlot): boolean {
  if (a === null || b === null) return a === b;
  return a.containerId === b.containerId && a.digest === b.digest && a.health === b.health && a.restarts === b.restarts;
}

function byPlace(a: StoredSlot, b: StoredSlot): number {
  return compare(a.host, b.host) || compare(a.service, b.service) || compare(a.environment, b.environment);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
