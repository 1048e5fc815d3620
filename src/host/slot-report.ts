/** What the worker of one slot tells of its containers. */
import type { LiveHealth, ObservedContainer, ObservedSlot, ObservedSupporting, SlotKey } from "../core/slot.ts";
import { type Cast, castOf, castsOf, hasEndedWell } from "../core/slot-cast.ts";
import type { SeenContainer } from "../core/slot-step.ts";
import type { ContainerSample } from "../core/usage.ts";
import type { ContainerState } from "./engine.ts";
import { endingOf } from "./labels.ts";
import { goalOf, outcomeOf, type SlotMemory, seenContainers, stateById } from "./slot-memory.ts";
import type { Shown, Wards } from "./slot-wards.ts";

export type Sight = {
  readonly memory: SlotMemory;
  readonly wards: Pick<Wards, "shown">;
  /** Before its first look a new agent knows what runs, and not how well. */
  readonly hasFollowed: boolean;
};

/** What serves, the released container first: a candidate once it is settled, the old one until it is stopped. */
export function servingOf(memory: SlotMemory): readonly ContainerState[] {
  return castsNow(memory)
    .map(({ cast, serves }) => (cast.isOneShot || serves === null ? null : stateById(memory, serves.id)))
    .filter((state) => state !== null);
}

export function observedContainers(sight: Sight): Pick<ObservedSlot, "live" | "supporting" | "previous"> {
  const casts = castsNow(sight.memory);
  const supporting = casts.filter(({ cast }) => cast.name !== null);
  const told = supporting.map((one) => tell(sight, one)).filter((one) => one !== null);
  const live = observedLive(sight, casts[0]?.serves ?? null);
  const isSettled = outcomeOf(sight.memory) !== null;
  return {
    live: live !== null && isSettled ? worstOf({ live, told, missing: missingOf(sight, supporting) }) : live,
    ...(told.length === 0 ? {} : { supporting: told.map(({ logTail: _lines, ...one }) => one) }),
    previous: keptOf(sight.memory),
  };
}

/** A container that serves, for whoever asks what it uses. */
export type Serving = SlotKey &
  Pick<ContainerSample, "container" | "released" | "release" | "generation" | "restarts" | "health"> & {
    readonly state: ContainerState;
  };

/** One of each member that goes on; of the slot as it stands now, in mid-swap too. */
export function servingNow(sight: Sight): readonly Serving[] {
  const { memory } = sight;
  const casts = castsNow(memory);
  // One that did not change is of the newest release, too, whatever its label says.
  const release = casts.find(({ cast }) => cast.name === null)?.serves?.release;
  const standalone = memory.goal?.release?.spec.name ?? memory.key.service;
  return casts.flatMap(({ cast, serves }) => {
    const known = serves === null || cast.isOneShot ? null : stateById(memory, serves.id);
    if (serves === null || known === null) return [];
    const seen = seenOf(known, sight.wards);
    const state = seen?.state ?? known;
    return {
      ...memory.key,
      container: cast.name ?? standalone,
      released: cast.name === null,
      release: release ?? serves.release,
      generation: serves.generation,
      restarts: state.restarts,
      health: healthOf({ state, seen, hasFollowed: sight.hasFollowed }),
      state,
    };
  });
}

type Standing = { readonly cast: Cast; readonly serves: SeenContainer | null };

/** The released one first. While a swap is under way, and after one that failed, whatever member has containers here counts. */
function castsNow(memory: SlotMemory): readonly Standing[] {
  const goal = goalOf(memory);
  if (goal === null) return [];
  const scene = { goal, containers: seenContainers(memory) };
  const isDone = outcomeOf(memory)?.ok === true;
  const names = isDone
    ? castsOf(scene).map((c) => c.name)
    : scene.containers.filter((c) => c.role === "live").map((c) => c.member);
  return [...new Set([null, ...names])].map((name) => {
    const cast = castOf(scene, name);
    return { cast, serves: standing(memory, cast) };
  });
}

function standing(memory: SlotMemory, { name, candidate, old, isOneShot }: Cast): SeenContainer | null {
  const outcome = outcomeOf(memory);
  if (outcome?.ok === true) return candidate ?? (name === null ? null : old);
  if (candidate?.promoted || (isOneShot && candidate !== null && hasEndedWell(candidate))) return candidate;
  const serves = old !== null && (outcome !== null || old.status === "running" || candidate === null || isOneShot);
  return serves ? old : null;
}

function observedLive({ memory, wards, hasFollowed }: Sight, serves: SeenContainer | null): ObservedContainer | null {
  const state = serves === null ? null : stateById(memory, serves.id);
  if (serves === null || state === null) return null;
  const seen = seenOf(state, wards);
  const health = healthOf({ state, seen, hasFollowed });
  return {
    containerId: state.id,
    release: serves.release,
    digest: serves.digest,
    generation: serves.generation,
    startedAt: seen?.state.startedAt ?? state.startedAt ?? 0,
    restarts: seen?.state.restarts ?? state.restarts,
    health,
    detail: seen?.detail ?? (health === "exited" ? "the container does not run" : null),
    ...(health === "ok" ? {} : { logTail: seen?.logTail ?? [] }),
  };
}

/** What Docker says of its end counts before what it last answered. */
function seenOf(state: ContainerState, wards: Sight["wards"]): Shown | null {
  const shown = wards.shown(state.id);
  return shown !== null && (state.status === "running" || shown.health !== "ok") ? shown : null;
}

function healthOf(facts: { state: ContainerState; seen: Shown | null; hasFollowed: boolean }): LiveHealth {
  const { state, seen, hasFollowed } = facts;
  if (seen !== null) return seen.health;
  if (state.status === "running") return hasFollowed ? "ok" : "starting";
  return state.status === "restarting" ? "restarting" : "exited";
}

type Told = ObservedSupporting & { readonly logTail: readonly string[] };

function tell({ memory, wards, hasFollowed }: Sight, { cast, serves }: Standing): Told | null {
  const state = serves === null ? null : stateById(memory, serves.id);
  if (cast.name === null || serves === null || state === null) return null;
  const facts = { name: cast.name, containerId: state.id, digest: serves.digest, restarts: state.restarts, logTail: [] };
  if (cast.isOneShot) {
    const isWell = hasEndedWell(serves);
    return { ...facts, health: isWell ? "ok" : "exited", detail: isWell ? null : endingOf(state) };
  }
  const seen = seenOf(state, wards);
  const health = healthOf({ state, seen, hasFollowed });
  return {
    ...facts,
    restarts: seen?.state.restarts ?? state.restarts,
    health,
    detail: seen?.detail ?? (health === "exited" ? "the container does not run" : null),
    logTail: seen?.logTail ?? [],
  };
}

/** A supporting container that should serve and does not exist. */
function missingOf({ memory }: Sight, supporting: readonly Standing[]): string | null {
  if (outcomeOf(memory)?.ok !== true) return null;
  const missing = supporting.find(({ cast, serves }) => serves === null && !cast.isOneShot);
  return missing?.cast.name ?? null;
}

/** Worst last. */
const order: readonly LiveHealth[] = ["ok", "starting", "restarting", "failing", "exited"];

/** One that is unwell makes the whole unwell; while a swap is at work on them, only the released one counts. */
function worstOf(facts: {
  readonly live: ObservedContainer;
  readonly told: readonly Told[];
  readonly missing: string | null;
}): ObservedContainer {
  const { live, told, missing } = facts;
  if (missing !== null && live.health !== "exited") {
    return { ...live, health: "exited", detail: `${missing}: its container is gone`, logTail: [] };
  }
  const worst = told.reduce<Told | null>(
    (worst, one) => (rank(one.health) > rank(worst?.health ?? live.health) ? one : worst),
    null,
  );
  if (worst === null) return live;
  const { name, health, detail, logTail } = worst;
  return { ...live, health, detail: detail === null ? null : `${name}: ${detail}`, logTail };
}

function rank(health: LiveHealth): number {
  return order.indexOf(health);
}

/**
 * What is kept to go back to: the newest voucher tells of which release. When that is of a supporting container alone, the
 * released one did not change since, and is its own way back.
 */
function keptOf(memory: SlotMemory): ObservedSlot["previous"] {
  const seen = seenContainers(memory);
  const vouchers = seen.filter((c) => c.role === "previous").sort((a, b) => b.labelled - a.labelled);
  const released = vouchers.find((c) => c.member === null);
  const newest = released !== undefined && released.labelled === vouchers[0]?.labelled ? released : vouchers[0];
  if (newest === undefined) return null;
  const { id: containerId, release } = newest;
  if (newest === released) return { containerId, release, digest: newest.digest };
  const live = seen.filter((c) => c.role === "live" && c.member === null).sort((a, b) => b.labelled - a.labelled)[0];
  const wasThere = live !== undefined && live.labelled <= newest.labelled;
  const digest = (wasThere ? live.digest : released?.digest) ?? newest.digest;
  return { containerId, release, digest };
}
