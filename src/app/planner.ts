/** Makes plans from what the store and the configuration say now. */
import { createHash } from "node:crypto";
import type { EnvironmentConfig, ServiceConfig } from "../config/valid.ts";
import { batchesOf, canonicalJson, type Plan, type RolloutKind } from "../core/plan.ts";
import type { Release, ReleaseSpec } from "../core/release.ts";
import type { Phase, RolloutState } from "../core/rollout-state.ts";
import { liveNow, type SlotKey } from "../core/slot.ts";
import { mostOut } from "./budget.ts";
import type { Store, StoredHost, StoredSlot, Verdict } from "./store.ts";

export type Planned = {
  readonly plan: Plan;
  readonly hash: string;
  readonly unchanged: readonly string[];
  /** How often the containers of those had been restarted by now. */
  readonly restarts: Readonly<Record<string, number>>;
  /** The newest good release here besides the planned one; null when there is none, and for a rollback, which is never undone. */
  readonly back: number | null;
};

const specHashes = new WeakMap<ReleaseSpec, string>();

/** The same spec is asked for again and again, and never changes. */
export function specHashOf(spec: ReleaseSpec): string {
  const known = specHashes.get(spec);
  if (known !== undefined) return known;
  const hash = sha256(canonicalJson(spec));
  specHashes.set(spec, hash);
  return hash;
}

/**
 * 16 hex digits of the plan's canonical text: what an approver's click names. Which host of a rollback goes first depends on how
 * they are doing, and a button of a preview must not go stale because one of them blinked: there the order is no part of it.
 */
function planHashOf(plan: Plan): string {
  const hashed = plan.kind === "rollback" ? { ...plan, batches: [plan.batches.flat().sort()] } : plan;
  return sha256(canonicalJson(hashed)).slice(0, 16);
}

export function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/** Enrolled hosts that have all the environment's labels, by name. */
export function hostsOf(store: Store, environment: EnvironmentConfig): StoredHost[] {
  return store.hosts.all().filter((h) => h.revokedAt === null && hasLabels(h.labels, environment.hosts));
}

export function hasLabels(labels: Readonly<Record<string, string>>, wanted: Readonly<Record<string, string>>): boolean {
  return Object.keys(wanted).every((name) => labels[name] === wanted[name]);
}

/** True when the slot is meant to have the release, has it, and is well. */
function serves(slot: StoredSlot | undefined, release: number): boolean {
  const live = liveNow(slot?.observed);
  return slot?.release === release && live?.release === release && live.health === "ok";
}

/**
 * `gone`: hosts that nobody hears of. What they served last proves nothing, so they are swapped as well; a rollback, which waits
 * for nobody, takes their last word.
 */
export function planFor(
  store: Store,
  facts: {
    readonly service: ServiceConfig;
    readonly environment: EnvironmentConfig;
    readonly kind: RolloutKind;
    readonly release: Release;
    readonly gone?: readonly string[];
  },
): Planned {
  const { service, environment, kind, release } = facts;
  const key = { service: service.name, environment: environment.name };
  const slots = new Map(store.slots.ofEnvironment(key).map((slot) => [slot.host, slot]));
  const all = hostsOf(store, environment);
  const hosts = all.filter((h) => h.intent === null);
  const gone = kind === "rollback" ? [] : (facts.gone ?? []);
  const serving = hosts.map((h) => h.name).filter((host) => serves(slots.get(host), release.number) && !gone.includes(host));
  // A restart makes new containers of what serves already.
  const unchanged = kind === "restart" ? [] : serving;
  const touched = hosts.map((h) => h.name).filter((host) => !unchanged.includes(host));
  const policy = environment.rollout;
  const labels = Object.fromEntries(hosts.map((h) => [h.name, h.labels]));
  const budget = mostOut(policy, all);
  const asked = { hosts: kind === "rollback" ? unwellFirst(touched, slots) : touched, policy, kind, labels, budget };
  const plan: Plan = {
    ...key,
    kind,
    release: release.number,
    digest: release.digest,
    commit: release.commit,
    specHash: specHashOf(release.spec),
    from: store.rollouts.live(key.service, key.environment)?.state.release ?? null,
    hosts: hosts.map(({ name, labels }) => ({ host: name, from: comesFrom(slots.get(name)), labels })),
    leftOut: all.filter((h) => h.intent !== null).map((h) => h.name),
    batches: batchesOf(asked),
    policy,
    budget,
  };
  const restarts = Object.fromEntries(unchanged.map((host) => [host, slots.get(host)?.observed?.live?.restarts ?? 0]));
  const back = kind === "rollback" ? null : goodBesides(store, key, release.number);
  return { plan, hash: planHashOf(plan), unchanged, restarts, back };
}

/** What it would be put back to. One that failed to get what was wanted has its agent to thank for what serves there. */
function comesFrom(slot: StoredSlot | undefined): number | null {
  if (slot === undefined) return null;
  const { release, generation, observed } = slot;
  const hasFailed = observed?.outcome?.ok === false && observed.generation === generation;
  return (hasFailed ? observed.live?.release : null) ?? release;
}

/** Those that do not serve well cost nothing, so they go back first. A hint: how they are doing at their turn decides. */
function unwellFirst(hosts: readonly string[], slots: ReadonlyMap<string, StoredSlot>): string[] {
  const isWell = (host: string) => liveNow(slots.get(host)?.observed)?.health === "ok";
  return [...hosts.filter((host) => !isWell(host)), ...hosts.filter(isWell)];
}

/**
 * The newest good release here besides this one; null when there is none. One whose rollout did not stay well afterwards is
 * passed over, unless there is no other: everybody was told to go back from it.
 */
export function goodBesides(store: Store, key: SlotKey, release: number | null): number | null {
  const first = store.verdicts.good(key, 2).find((v) => v.release !== release);
  if (first === undefined || staysWell(store, first)) return first?.release ?? null;
  const others = store.verdicts.good(key, mostLookedAt).filter((v) => v.release !== release);
  return (others.find((other) => staysWell(store, other)) ?? first).release;
}

/** Good releases to look at before the newest is taken in spite of all. */
const mostLookedAt = 20;

/** The rollout that it was judged good by; a later success is a verdict, and a rollout, of its own. */
function staysWell(store: Store, { rollout }: Verdict): boolean {
  return !store.rollouts.hasFinding(rollout);
}

/**
 * The release to get away from. Usually the current one; after a rollout that got stuck, the one that got stuck here:
 * a deploy's own release, or what a rollback could not leave.
 */
export function releaseToLeave(store: Store, service: string, environment: string): number | null {
  const last = store.rollouts.lastEnded(service, environment, leavingPhases);
  return last === null ? null : leftBy(last.state);
}

/** Ends after which there is something to get away from. */
export const leavingPhases: readonly Phase[] = ["succeeded", "incomplete", "stuck"];

/** The same, of the newest rollout that ended in one of those phases. */
export function leftBy({ phase, kind, from, release }: RolloutState): number | null {
  return phase === "stuck" && kind === "rollback" ? from : release;
}

/** The newest good release here that is not the one to get away from; null when there is none. */
export function rollbackTarget(store: Store, service: string, environment: string): Release | null {
  const target = goodBesides(store, { service, environment }, releaseToLeave(store, service, environment));
  return target === null ? null : store.releases.find(service, target);
}
