/**
 * `gantry adopt`: what is found on the hosts is taken for what should be, so that a server that was restored from an older
 * copy goes on from today and not from the past. Nothing on any host is changed by it.
 *
 * For each slot of each host that is connected and has reported, what its agent was last told counts, unless that failed there:
 * then what serves. The slot gets a generation above both sides' and the agent finds that it has what is wanted. Where that
 * cannot be said in the words of this server (a release that nobody can describe, a number that means another build here,
 * nothing serves where something should), nothing is said to the agent at all: a person decides (`told` false).
 *
 * The record of it, one per environment, is a rollout of kind `adopt` that has ended: it says what is live from now on.
 */
import type { Person } from "../core/rollout-state.ts";
import { type ObservedSlot, type SlotKey, slotName } from "../core/slot.ts";
import { createNumbers, intern, type Named, type NewRelease, type Numbers } from "./adopt-numbers.ts";
import { recordFor } from "./adopt-record.ts";
import type { FenceParts, Heard } from "./fence.ts";
import { placesOf } from "./membership.ts";
import type { Store, StoredSlot } from "./store.ts";

export type AdoptedSlot = SlotKey & {
  /** What should be there from now on, by this server's numbers; null: nothing. */
  readonly release: number | null;
  readonly generation: number;
  /** False: the agent hears nothing about this slot before a person has decided. */
  readonly told: boolean;
  /** How this came about, when it is not plain: sentences for the operator. */
  readonly note: string | null;
};

export type AdoptReport = {
  /** The epoch from then on. */
  readonly epoch: number;
  readonly hosts: readonly { readonly host: string; readonly slots: readonly AdoptedSlot[] }[];
  /** Taken in when they connect. */
  readonly away: readonly string[];
  readonly environments: readonly EnvironmentFound[];
  /** Rollouts that end. */
  readonly ended: readonly number[];
  /** What cannot be taken over: sentences. */
  readonly trouble: readonly string[];
};

export type EnvironmentFound = SlotKey & {
  /** Live from now on; null when nothing was found and nothing was known. */
  readonly live: number | null;
  readonly hosts: readonly string[];
  readonly others: readonly { readonly host: string; readonly release: number | null }[];
  /** None of its hosts was heard. What is live is not known before one of these has come, or a person has deployed. */
  readonly awaits: readonly string[];
};

export type Adoption = {
  readonly report: AdoptReport;
  readonly newReleases: readonly NewRelease[];
  /** That an agent has heard of. */
  readonly highestRollout: number;
};

/** An agent that says it was told more than any server could have told it is wrong or lies; it is not followed there. */
const maxEpochLeap = 1_000;
const maxGeneration = 1_000_000_000;

/** Looks and writes nothing. */
export function planAdoption(parts: FenceParts, heard: ReadonlyMap<string, Heard>): Adoption {
  const { store } = parts;
  const known = store.hosts.all().filter((h) => h.revokedAt === null);
  const numbers = createNumbers(
    store,
    [...heard.values()].flatMap((says) => says.orders),
  );
  const hosts: { host: string; slots: AdoptedSlot[] }[] = [];
  const away: string[] = [];
  const trouble: string[] = [];
  const epochs = [store.epoch];
  for (const { name: host } of known) {
    const says = heard.get(host);
    if (says === undefined || says.slots === null || !parts.isConnected(host)) {
      away.push(host);
      continue;
    }
    const lie = lieOf(store, says);
    if (lie !== null) {
      trouble.push(`${host} says ${lie}; revoke it and enrol it again`);
      away.push(host);
      continue;
    }
    epochs.push(says.epoch ?? 0);
    hosts.push({ host, slots: keysOf(store, host, says).map((key) => adoptedSlot({ store, host, says, key, numbers })) });
  }
  const ended = [
    ...store.rollouts.allActive(),
    ...store.rollouts.lines().flatMap((k) => store.rollouts.inLine(k.service, k.environment)),
  ];
  const report: AdoptReport = {
    epoch: Math.max(...epochs) + 1,
    hosts,
    away,
    environments: environmentsOf(parts, { hosts, away }),
    ended: ended.map((r) => r.number),
    trouble,
  };
  return { report, newReleases: numbers.made(), highestRollout: highestRollout([...heard.values()]) };
}

/** In the caller's transaction. */
export function carryOut(parts: FenceParts, facts: { readonly plan: Adoption; readonly by: Person }): void {
  const { store, clock } = parts;
  const { plan, by } = facts;
  const { report } = plan;
  const at = clock.now();
  intern(store, plan.newReleases, { at, by: by.name });
  for (const number of report.ended) {
    const detail = "the server was behind its agents: what was found on the hosts was adopted";
    parts.conductor().tell(number, { type: "adopted", at, by, detail });
  }
  for (const found of report.environments) {
    if (wasHeard(found)) recordFor(parts, { found, by, above: plan.highestRollout });
  }
  for (const { host, slots } of report.hosts) for (const slot of slots) write(store, host, slot);
  for (const host of report.away) for (const slot of store.slots.ofHost(host)) markUnheard(store, slot);
  while (store.epoch < report.epoch) store.raiseEpoch();
  store.freeze.clear();
  const { epoch, away, environments, ended } = report;
  const found = environments.map((e) => ({ ...e }));
  const next = store.rollouts.nextNumber();
  store.history.act({
    at,
    kind: "adopted",
    by,
    facts: { epoch, hosts: report.hosts.map((h) => h.host), away, found, ended, next },
  });
}

function wasHeard({ hosts, others }: EnvironmentFound): boolean {
  return hosts.length + others.length > 0;
}

/**
 * A host that was away when the others were adopted is heard now. What people have decided for it since counts; on slots of which
 * nobody has, what is found counts. In the caller's transaction. Returns where something is live by it from now on; null: it is
 * not to be believed.
 */
export function adoptLate(
  parts: FenceParts,
  facts: { readonly host: string; readonly says: Heard; readonly isAwaited: (key: SlotKey) => boolean },
): readonly SlotKey[] | null {
  const { store, clock, log } = parts;
  const { host, says, isAwaited } = facts;
  const lie = lieOf(store, says);
  if (lie !== null) {
    log.error({ host }, `it says ${lie}, and is told nothing: revoke it and enrol it again`);
    return null;
  }
  const numbers = createNumbers(store, says.orders);
  const slots = keysOf(store, host, says).flatMap((key) => lateSlot({ store, host, says, key, numbers }) ?? []);
  if (slots.length === 0) return [];
  const by: Person = { kind: "system", id: "adopt", name: "Gantry" };
  intern(store, numbers.made(), { at: clock.now(), by: by.name });
  const recorded: SlotKey[] = [];
  for (const found of environmentsOf(parts, { hosts: [{ host, slots }], away: [] })) {
    if (!wasHeard(found)) continue;
    // The first that is found to serve something says what is live, where nobody knew.
    const isFirst = store.rollouts.live(found.service, found.environment) === null || isAwaited(found);
    if (!isFirst || found.hosts.length === 0 || found.live === null) continue;
    recordFor(parts, { found, by, above: highestRollout([says]) });
    recorded.push(found);
  }
  for (const slot of slots) {
    const isOpen = isAwaited(slot) && !recorded.some((key) => slotName(key) === slotName(slot));
    write(store, host, isOpen ? { ...slot, told: false } : slot);
  }
  store.history.act({ at: clock.now(), kind: "host_adopted", by: null, facts: { host, epoch: store.epoch, slots } });
  log.warn({ host, slots }, "this host was away when the others were adopted: what is found there is taken in now");
  return recorded;
}

function lieOf(store: Store, says: Heard): string | null {
  if ((says.epoch ?? 0) > store.epoch + maxEpochLeap) return `that it has obeyed epoch ${says.epoch}`;
  const told = (says.slots ?? []).map((slot) => ({ ...slot, generation: newestOf(slot) }));
  const absurd = [...says.orders, ...told].find((slot) => slot.generation > maxGeneration);
  return absurd === undefined ? null : `that it was told generation ${absurd.generation} of ${slotName(absurd)}`;
}

function highestRollout(all: readonly Heard[]): number {
  return all.flatMap((says) => says.orders).reduce((max, { rollout }) => Math.max(max, rollout), 0);
}

function lateSlot(facts: SlotFacts): AdoptedSlot | null {
  const { store, host, says, key } = facts;
  const mine = store.slots.get(host, key);
  if (mine === null || mine.generation === 0 || mine.rollout === null) return adoptedSlot(facts);
  const theirs = generationHeard(says, key);
  if (theirs <= mine.generation) return null;
  return { ...key, release: mine.release, generation: theirs + 1, told: true, note: "decided while it was away" };
}

type SlotFacts = {
  readonly store: Store;
  readonly host: string;
  readonly says: Heard;
  readonly key: SlotKey;
  readonly numbers: Numbers;
};

/** Every slot that one of the two knows of. */
function keysOf(store: Store, host: string, says: Heard): SlotKey[] {
  const all: SlotKey[] = [...says.orders, ...(says.slots ?? []), ...store.slots.ofHost(host)];
  const keys = new Map(all.map(({ service, environment }) => [slotName({ service, environment }), { service, environment }]));
  return [...keys.values()];
}

function generationHeard(says: Heard, key: SlotKey): number {
  return Math.max(ofKey(says.orders, key)?.generation ?? 0, newestOf(ofKey(says.slots ?? [], key)));
}

/** What it was told counts, also where it could not begin with it because its engine does not answer. */
function newestOf(slot: ObservedSlot | null): number {
  return slot === null ? 0 : Math.max(slot.generation, slot.newest ?? 0, slot.live?.generation ?? 0);
}

function adoptedSlot(facts: SlotFacts): AdoptedSlot {
  const { store, host, says, key, numbers } = facts;
  const mine = store.slots.get(host, key);
  const generation = Math.max(generationHeard(says, key), mine?.generation ?? 0) + 1;
  return { ...key, generation, ...verdictOn({ says, key, mine, numbers }) };
}

function verdictOn(facts: { says: Heard; key: SlotKey; mine: StoredSlot | null; numbers: Numbers }): Named {
  const { says, key, mine, numbers } = facts;
  const said = ofKey(says.orders, key);
  const seen = ofKey(says.slots ?? [], key);
  // Below what it has begun with since, an order is what was wanted once: its agent would refuse it.
  const order = said !== null && said.generation < newestOf(seen) ? null : said;
  const failed = seen?.outcome?.ok === false && seen.generation === order?.generation;
  if (order !== null && !failed) {
    if (order.release === null) return { release: null, told: true, note: null };
    return numbers.of(key, order.release);
  }
  // It shows no orders because it knows no more than this server does: it is on its way to what this server told it.
  const isOnItsWay = order === null && seen?.outcome === null && seen.generation === mine?.generation && mine.generation > 0;
  if (isOnItsWay) return { release: mine.release, told: true, note: null };
  const live = seen?.live ?? null;
  if (live !== null) return numbers.of(key, { number: live.release, digest: live.digest });
  const wanted = said?.release ?? null;
  if (wanted !== null) {
    return {
      ...numbers.of(key, wanted),
      told: false,
      note: "nothing serves there, and a person must decide what should",
    };
  }
  const isUnseen = !says.engineOk || seen?.unseen === true || (seen === null && !says.isWhole);
  if (isUnseen) {
    const note = "its Docker engine does not answer, so what runs is not known";
    return { release: mine?.release ?? null, told: false, note };
  }
  // Never told, and nothing there: what this server wanted had not arrived.
  const wasNeverTold = seen === null && order === null && (mine?.generation ?? 0) > 0;
  return { release: null, told: true, note: wasNeverTold ? "its agent was never told of it" : null };
}

function write(store: Store, host: string, slot: AdoptedSlot): void {
  const { service, environment, generation, release, told } = slot;
  // What is live by then says why it is wanted: the record of the adoption, or what people have rolled out since.
  const rollout = told ? (store.rollouts.live(service, environment)?.number ?? null) : null;
  store.slots.adopt({ host, service, environment, generation, release, rollout });
}

/** Nobody knows what runs on a host that is away: what was wanted there before counts no more. */
function markUnheard(store: Store, slot: StoredSlot): void {
  const { host, service, environment, generation, release } = slot;
  if (generation > 0) store.slots.adopt({ host, service, environment, generation, release, rollout: null });
}

/** What the hosts agree on; what most of them have where they do not; what was known before where nothing was found. */
function environmentsOf(parts: FenceParts, { hosts, away }: Pick<AdoptReport, "hosts" | "away">): EnvironmentFound[] {
  const slots = hosts.flatMap(({ host, slots: own }) => own.map((slot) => ({ ...slot, host })));
  const configured = parts.config.services.flatMap((s) => s.environments.map((e) => ({ service: s.name, environment: e.name })));
  const keys = new Map(
    [...slots, ...configured].map(({ service, environment }) => [`${service}/${environment}`, { service, environment }]),
  );
  return [...keys.values()].map((key) => {
    const mine = slots.filter((slot) => slot.service === key.service && slot.environment === key.environment);
    const live = mostOf(mine) ?? parts.store.rollouts.live(key.service, key.environment)?.state.release ?? null;
    const agree = mine.filter((slot) => slot.release === live && slot.told);
    const others = mine.filter((slot) => !agree.includes(slot)).map(({ host, release }) => ({ host, release }));
    const awaits = mine.length > 0 ? [] : away.filter((host) => belongs(parts, host, key));
    return { ...key, live, hosts: agree.map((slot) => slot.host), others, awaits };
  });
}

/** It has, or had, something to do there. */
function belongs({ store, config }: FenceParts, host: string, key: SlotKey): boolean {
  if ((store.slots.get(host, key)?.generation ?? 0) > 0) return true;
  const labels = store.hosts.find(host)?.labels ?? {};
  return placesOf(config, labels).some((place) => slotName(place) === slotName(key));
}

function mostOf(slots: readonly AdoptedSlot[]): number | null {
  const counts = new Map<number, number>();
  for (const { release, told } of slots) if (release !== null && told) counts.set(release, (counts.get(release) ?? 0) + 1);
  const [most] = [...counts].sort(([a, m], [b, n]) => n - m || b - a);
  return most?.[0] ?? null;
}

function ofKey<T extends SlotKey>(list: readonly T[], key: SlotKey): T | null {
  return list.find((one) => one.service === key.service && one.environment === key.environment) ?? null;
}
