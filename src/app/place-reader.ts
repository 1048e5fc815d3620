/** What a board asks about its places: of one by index, of all at once in one statement for each kind of row. */
import type { LockFacts } from "../core/facts.ts";
import type { SlotKey } from "../core/slot.ts";
import type { Store, StoredHost, StoredRollout, StoredSlot } from "./store.ts";

export type PlaceReader = {
  slots(key: SlotKey): readonly StoredSlot[];
  active(key: SlotKey): StoredRollout | null;
  /** Those in line, first first. */
  line(key: SlotKey): readonly StoredRollout[];
  /** All that are known, revoked ones too. */
  hosts(): readonly StoredHost[];
  /** Whether its time has passed or not. */
  lock(key: SlotKey): LockFacts | null;
};

export function readOnePlace(store: Store): PlaceReader {
  const hosts = store.hosts.all();
  return {
    slots: (key) => store.slots.ofEnvironment(key),
    active: ({ service, environment }) => store.rollouts.active(service, environment),
    line: ({ service, environment }) => store.rollouts.inLine(service, environment),
    hosts: () => hosts,
    lock: (key) => store.locks.find(key),
  };
}

/** Reads once, now: for one answer, made without waiting for anything. */
export function readAllPlaces(store: Store): PlaceReader {
  const hosts = store.hosts.all();
  const slots = Map.groupBy(store.slots.all(), nameOf);
  const active = new Map(store.rollouts.allActive().map((rollout) => [nameOf(rollout.state), rollout]));
  const lines = new Set(store.rollouts.lines().map(nameOf));
  const locks = new Map(store.locks.all().map((found) => [nameOf(found), found.lock]));
  return {
    slots: (key) => slots.get(nameOf(key)) ?? [],
    active: (key) => active.get(nameOf(key)) ?? null,
    line: (key) => (lines.has(nameOf(key)) ? store.rollouts.inLine(key.service, key.environment) : []),
    hosts: () => hosts,
    lock: (key) => locks.get(nameOf(key)) ?? null,
  };
}

function nameOf({ service, environment }: SlotKey): string {
  return `${service} ${environment}`;
}
