/**
 * Hosts outside of a rollout get what is live today: new ones at once, also beside a running rollout; those that were away
 * or taken out when they are back. What serves nothing costs nothing; what would be swapped counts against the budget. What a
 * service stands on comes first: its dependants get theirs when that serves there.
 * It looks at how things are, not at what happened, so asking once more does no harm and a question too few is made up for.
 */
import type { GantryConfig } from "../config/valid.ts";
import type { RolloutState } from "../core/rollout-state.ts";
import type { SlotKey } from "../core/slot.ts";
import { specIn } from "../core/spec-in.ts";
import { missingOn } from "./abilities.ts";
import { mostOut } from "./budget.ts";
import type { Conductor } from "./conductor.ts";
import { leftAsAdopted } from "./fence.ts";
import { standingOf } from "./fitness.ts";
import { type ConfiguredPlace, environmentOf, placesOf } from "./membership.ts";
import { isBad, isOldGoal, sentBackBy } from "./pending.ts";
import { hostsOf } from "./planner.ts";
import type { Fleet, Log } from "./ports.ts";
import { createRequirements } from "./requirements.ts";
import type { Store, StoredHost, StoredSlot } from "./store.ts";

export type Convergence = {
  /** The host came, came back, or takes part again. */
  host(name: string): void;
  /** A rollout of the environment ended. Never throws: what cannot be written now comes with the next report. */
  environment(key: SlotKey): void;
  /** A host reported: whoever waits for room in its environments may have it now. */
  followUp(host: string): void;
  /** What is wanted of the slot is neither live nor anybody's work any more, and the host has not heard of it: it never shall. */
  isOldGoal(slot: StoredSlot): boolean;
};

export type ConvergenceParts = {
  readonly store: Store;
  readonly config: GantryConfig;
  readonly log: Log;
  readonly fleet: Pick<Fleet, "isConnected" | "nudge" | "can">;
  readonly conductor: Conductor;
  /** False: the server is frozen, or the host is not to be told anything yet. */
  readonly mayTell: (host: string) => boolean;
  /** Hosts that have to come before anybody knows what is live there. */
  readonly awaited: (key: SlotKey) => readonly string[];
  /** It has reported since it connected. What it said before that may be of days ago. */
  readonly isHeard: (host: string) => boolean;
  readonly now: () => number;
};

export function createConvergence(parts: ConvergenceParts): Convergence {
  const { store, config, log, fleet, conductor } = parts;
  const requirements = createRequirements(parts);
  /** Environments in which somebody waits for room, or for the store. Only saves looking: after a start every host connects. */
  const crowded = new Map<string, SlotKey>();
  /** What is live, until a rollout of the environment ends. */
  const lives = new Map<string, number | null>();

  /** A thousand hosts that come back at once and have what is live are a thousand looks at one slot each. */
  function host(name: string): void {
    const known = store.hosts.find(name);
    if (known === null) return;
    for (const place of placesOf(config, known.labels)) {
      const wanted = store.slots.get(name, place)?.release ?? null;
      if (wanted === null || wanted !== liveRelease(place)) bring(place);
    }
  }

  function liveRelease(place: SlotKey): number | null {
    const known = lives.get(nameOf(place));
    if (known !== undefined) return known;
    const release = store.rollouts.live(place.service, place.environment)?.state.release ?? null;
    lives.set(nameOf(place), release);
    return release;
  }

  function environment(key: SlotKey): void {
    lives.delete(nameOf(key));
    const settings = environmentOf(config, key);
    if (settings === null) return;
    try {
      bring({ ...key, settings });
    } catch (error) {
      crowded.set(nameOf(key), key);
      log.error({ err: error, ...key }, "hosts could not be given the live release yet");
    }
  }

  function followUp(name: string): void {
    if (crowded.size === 0) return;
    const labels = store.hosts.find(name)?.labels ?? {};
    for (const place of placesOf(config, labels)) if (crowded.has(nameOf(place))) environment(place);
  }

  /** Everyone in the environment who is behind, as far as there is room. */
  function bring(place: ConfiguredPlace): void {
    conductor.atomically(() => {
      crowded.delete(nameOf(place));
      const live = store.rollouts.live(place.service, place.environment)?.state;
      if (live === undefined || isBad(store, place, live.release) || parts.awaited(place).length > 0) return;
      const active = store.rollouts.active(place.service, place.environment)?.state ?? null;
      const slots = new Map(store.slots.ofEnvironment(place).map((slot) => [slot.host, slot]));
      const behind = hostsOf(store, place.settings).filter((each) => isBehind(each, slots.get(each.name), live, active));
      if (behind.length === 0) return;
      const lacking = thoseThatLack(behind, { place, live, slots });
      const able = behind.filter((each) => !lacking.has(each.name));
      // Its next report may say that what it waited for has come.
      if (able.length < behind.length) crowded.set(nameOf(place), keyOf(place));
      const standing = (each: StoredHost) => standingOf(store, slots.get(each.name));
      const free = able.filter((each) => standing(each) === "out");
      const others = able.filter((each) => !free.includes(each));
      const { room, out } = others.length === 0 ? { room: 0, out: [] } : roomIn(place, active);
      // Those that may serve are counted as out already.
      const mayServe = room < 0 ? [] : others.filter((each) => standing(each) === "unsure");
      const unsure = spreadOut(place, mayServe, without(out, mayServe));
      const next = spreadOut(
        place,
        others.filter((each) => standing(each) === "well"),
        [...without(out, mayServe), ...unsure],
      );
      const well = next.slice(0, Math.max(0, room));
      for (const { name } of [...free, ...unsure, ...well]) give(name, place, live);
      if (others.length > unsure.length + well.length) crowded.set(nameOf(place), keyOf(place));
    });
  }

  function isBehind(known: StoredHost, slot: StoredSlot | undefined, live: RolloutState, active: RolloutState | null): boolean {
    const { name, intent } = known;
    if (intent !== null || slot?.release === live.release || active?.hosts.some((h) => h.host === name)) return false;
    if (!fleet.isConnected(name) || !parts.mayTell(name) || !isAble(name, live)) return false;
    if (slot === undefined || slot.generation === 0) return true;
    if (leftAsAdopted(slot, live)) return false;
    return slot.release === null || (parts.isHeard(name) && sentBackBy(store, slot, live) === null);
  }

  /** An agent that is too old for what is live gets nothing: it is looked at again when it comes back as another. */
  function isAble(name: string, { service, environment, release }: RolloutState): boolean {
    const found = store.releases.find(service, release);
    return found === null || missingOn(fleet, name, specIn(found.spec, environment)).length === 0;
  }

  /**
   * Hosts on which something that the service stands on does not serve yet. Where the service is already, the way back does not
   * wait for that, as in a rollback itself.
   */
  function thoseThatLack(
    hosts: readonly StoredHost[],
    facts: { place: ConfiguredPlace; live: RolloutState; slots: ReadonlyMap<string, StoredSlot> },
  ): ReadonlySet<string> {
    const { place, live, slots } = facts;
    const goesBack = (name: string) => live.kind === "rollback" && (slots.get(name)?.observed?.live ?? null) !== null;
    const asked = hosts.map((each) => each.name).filter((name) => !goesBack(name));
    return new Set(requirements.lacking(place.service, asked).map((one) => one.host));
  }

  /** How many that serve may be swapped now; below 0: more are out than may be. While a rollout has begun the whole budget is its own. */
  function roomIn(
    place: ConfiguredPlace,
    active: RolloutState | null,
  ): { readonly room: number; readonly out: readonly StoredHost[] } {
    if (active !== null && active.startedAt !== null) return { room: -1, out: [] };
    const { unwell, away } = conductor.fitnessOf(place, { planned: [], patient: false });
    const hosts = hostsOf(store, place.settings);
    const most = mostOut(place.settings.rollout, hosts);
    // What people took out does not bind its zone, as it does not in a rollout.
    const out = hosts.filter((each) => each.intent === null && (unwell.includes(each.name) || away.includes(each.name)));
    return { room: most - unwell.length - away.length, out };
  }

  function give(name: string, place: ConfiguredPlace, live: RolloutState): void {
    const { service, environment } = place;
    const { number: rollout, release } = live;
    store.slots.desire({ service, environment, host: name, rollout, release });
    log.info({ host: name, service, environment, release }, "a host gets the live release");
    conductor.afterwards(() => fleet.nudge(name));
  }

  return { host, environment, followUp, isOldGoal: (slot) => isOldGoal(store, slot) };
}

/**
 * As the spread of the environment wants it, beside those that are out: one host of a label value at a time; or, one value after
 * the other, hosts of one value only. A host without the label shares its value with nobody.
 */
function spreadOut(place: ConfiguredPlace, hosts: readonly StoredHost[], out: readonly StoredHost[]): readonly StoredHost[] {
  const { spread } = place.settings.rollout;
  if (spread === null) return hosts;
  const zoneOf = (host: StoredHost) => host.labels[spread.label] ?? `host ${host.name}`;
  const taken = new Set(out.map(zoneOf));
  if (spread.order === "in_turn") {
    const turn = taken.size > 0 ? taken : new Set(hosts.slice(0, 1).map(zoneOf));
    return hosts.filter((host) => turn.size === 1 && turn.has(zoneOf(host)));
  }
  return hosts.filter((host) => {
    const isFree = !taken.has(zoneOf(host));
    taken.add(zoneOf(host));
    return isFree;
  });
}

function without(hosts: readonly StoredHost[], others: readonly StoredHost[]): readonly StoredHost[] {
  return hosts.filter((host) => !others.some((other) => other.name === host.name));
}

function nameOf({ service, environment }: SlotKey): string {
  return `${service}/${environment}`;
}

function keyOf({ service, environment }: SlotKey): SlotKey {
  return { service, environment };
}
