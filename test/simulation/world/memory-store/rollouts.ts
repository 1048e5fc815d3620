import type { NewRollout, RolloutStore, StoredRollout } from "../../../../src/app/store.ts";
import { newestSwaps, type SwapTime } from "../../../../src/core/rollback-estimate.ts";
import type { Phase, RolloutEvent, RolloutState } from "../../../../src/core/rollout-state.ts";
import type { SlotKey } from "../../../../src/core/slot.ts";
import type { Chain } from "./history.ts";
import { createTable, type Ledger } from "./ledger.ts";

export function rolloutStore(ledger: Ledger, chain: Chain): RolloutStore {
  const rows = createTable<number, StoredRollout>(ledger);
  const events = createTable<number, readonly RolloutEvent[]>(ledger);
  /** Successful swaps by place, the newest last. */
  const swaps = createTable<string, readonly SwapTime[]>(ledger);
  const requests = createTable<string, number>(ledger);
  /** In which order they ended: one in line may be overtaken by a later one. */
  const ends = createTable<number, number>(ledger);

  /** Numbers only rise, so they stand in order. */
  function all(): StoredRollout[] {
    return [...rows.values()];
  }

  function isIn(row: StoredRollout, service: string, environment: string): boolean {
    return row.state.service === service && row.state.environment === environment;
  }

  /** Those that have ended, the last first. */
  function endedIn(service: string, environment: string): StoredRollout[] {
    const ended = all().filter((row) => isIn(row, service, environment) && row.state.endedAt !== null);
    return ended.sort((a, b) => endOf(b) - endOf(a));
  }

  function endOf({ number }: StoredRollout): number {
    return ends.get(number) ?? 0;
  }

  function noteEnd(number: number, state: RolloutState): void {
    if (state.endedAt !== null && ends.get(number) === undefined) ends.set(number, ends.size + 1);
  }

  function change(number: number, facts: Partial<StoredRollout>): void {
    const row = rows.get(number);
    if (row !== undefined) rows.set(number, Object.freeze({ ...row, ...facts }), { table: "rollout", number });
  }

  function record(number: number, event: RolloutEvent): void {
    const before = events.get(number) ?? [];
    const seq = before.length + 1;
    events.set(number, [...before, event], { table: "event", number, seq });
    noteSwap(number, event);
    chain.add(`event ${number} ${seq} ${event.type} ${event.at} ${"host" in event ? event.host : ""}`);
  }

  function noteSwap(number: number, event: RolloutEvent): void {
    const state = rows.get(number)?.state;
    if (event.type !== "host_swapped" || state === undefined) return;
    const place = `${state.service} ${state.environment}`;
    const one = { tookMs: Math.round(event.tookMs), isRollback: state.kind === "rollback" };
    swaps.set(place, [...(swaps.get(place) ?? []), one]);
  }

  function newestSwapsIn(service: string, environment: string): SwapTime[] {
    const all = (swaps.get(`${service} ${environment}`) ?? []).toReversed();
    const isNewest = (swap: SwapTime) => all.filter((one) => one.isRollback === swap.isRollback).indexOf(swap) < newestSwaps;
    return all.filter(isNewest);
  }

  function active(service: string, environment: string): StoredRollout | null {
    for (const row of rows.values()) if (holdsPlace(row.state) && isIn(row, service, environment)) return row;
    return null;
  }

  return {
    // An adoption may have left some out.
    nextNumber: () => (all().at(-1)?.number ?? 0) + 1,
    create(row: NewRollout, event, state) {
      ledger.transact(() => {
        const { number } = state;
        if (rows.get(number) !== undefined || requests.get(row.requestKey) !== undefined)
          throw new Error("UNIQUE constraint failed");
        if (holdsPlace(state) && active(row.service, row.environment) !== null)
          throw new Error("UNIQUE constraint failed: one active");
        const { plan, ref, why, allowBad, channel } = row;
        const facts = { plan, ref, why, allowBad, channel, cardTs: null, change: null, deployment: null };
        rows.set(number, Object.freeze({ number, version: 1, state, ...facts }), { table: "rollout", number });
        requests.set(row.requestKey, number);
        noteEnd(number, state);
        record(number, event);
      });
    },
    find: (number) => rows.get(number) ?? null,
    hasFinding: (number) => (rows.get(number)?.state.watch?.finding ?? null) !== null,
    setPlan: (number, plan) => change(number, { plan }),
    inLine: (service, environment) => all().filter((row) => isIn(row, service, environment) && row.state.phase === "in_line"),
    lines() {
      const keys = new Map<string, SlotKey>();
      for (const { state } of all()) {
        const { service, environment, phase } = state;
        if (phase === "in_line") keys.set(`${service} ${environment}`, { service, environment });
      }
      return [...keys.values()];
    },
    watched: () => all().filter(({ state }) => state.endedAt !== null && state.watch !== null && state.watch.endedAt === null),
    byRequest(key) {
      const number = requests.get(key);
      return (number === undefined ? undefined : rows.get(number)) ?? null;
    },
    noteRequest(key, number) {
      if (requests.get(key) !== undefined) throw new Error("UNIQUE constraint failed: acted.request_key");
      requests.set(key, number);
    },
    active,
    allActive() {
      const found: StoredRollout[] = [];
      for (const row of rows.values()) if (holdsPlace(row.state)) found.push(row);
      return found;
    },
    append({ number, version, event, state }) {
      ledger.transact(() => {
        const row = rows.get(number);
        if (row?.version !== version) throw new Error(`lost update: rollout ${number} is not at version ${version} any more`);
        const takes = holdsPlace(state) && !holdsPlace(row.state);
        if (takes && active(state.service, state.environment) !== null) throw new Error("UNIQUE constraint failed: one active");
        change(number, { state, version: version + 1 });
        noteEnd(number, state);
        record(number, event);
      });
    },
    events: (number) => events.get(number) ?? [],
    list: ({ service, environment, limit }) =>
      all()
        .filter(
          ({ state }) =>
            (service === null || state.service === service) && (environment === null || state.environment === environment),
        )
        .reverse()
        .slice(0, limit),
    lastEnded: (service, environment, phases: readonly Phase[]) =>
      endedIn(service, environment).find((row) => phases.includes(row.state.phase)) ?? null,
    live: (service, environment) => endedIn(service, environment).find(({ state }) => isMeantToBeLive(state)) ?? null,
    swapTimes: newestSwapsIn,
    setCard: (number, place) =>
      change(number, { cardTs: place?.ts ?? null, ...(place === null ? {} : { channel: place.channel }) }),
    setChange: (number, facts) => change(number, { change: facts }),
    setDeployment: (number, deployment) => change(number, { deployment }),
    countByPhase: () => counted(all().filter(({ state }) => state.endedAt === null)),
    countEnded: () => counted(all().filter(({ state }) => state.endedAt !== null)),
  };
}

function holdsPlace(state: RolloutState): boolean {
  return state.endedAt === null && state.phase !== "in_line";
}

function isMeantToBeLive({ phase, kind }: RolloutState): boolean {
  return phase === "succeeded" || phase === "incomplete" || (phase === "stuck" && kind === "rollback");
}

function counted(rows: readonly StoredRollout[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { state } of rows) counts[state.phase] = (counts[state.phase] ?? 0) + 1;
  return counts;
}
