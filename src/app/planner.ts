/** Makes plans from what the store and the configuration say now. */
import { createHash } from "node:crypto";
import type { EnvironmentConfig, ServiceConfig } from "../config/valid.ts";
import { batchesOf, canonicalJson, type Plan, type RolloutKind } from "../core/plan.ts";
import type { Release, ReleaseSpec } from "../core/release.ts";
import type { Phase } from "../core/rollout-state.ts";
import type { Store, StoredHost, StoredSlot } from "./store.ts";

export type Planned = {
  readonly plan: Plan;
  readonly hash: string;
  readonly unchanged: readonly string[];
  /** The newest good release here besides the planned one; null when there is none. */
  readonly back: number | null;
};

export function specHashOf(spec: ReleaseSpec): string {
  return sha256(canonicalJson(spec));
}

/** 16 hex digits of the plan's canonical text: what an approver's click names. */
function planHashOf(plan: Plan): string {
  return sha256(canonicalJson(plan)).slice(0, 16);
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/** Enrolled hosts that have all the environment's labels, by name. */
export function hostsOf(store: Store, environment: EnvironmentConfig): StoredHost[] {
  return store.hosts.all().filter((h) => h.revokedAt === null && hasLabels(h.labels, environment.hosts));
}

export function hasLabels(labels: Readonly<Record<string, string>>, wanted: Readonly<Record<string, string>>): boolean {
  return Object.entries(wanted).every(([name, value]) => labels[name] === value);
}

/** True when the slot is meant to have the release, has it, and is well. */
function serves(slot: StoredSlot | undefined, release: number): boolean {
  const live = slot?.observed?.live;
  return slot?.release === release && live?.release === release && live.health === "ok";
}

export function planFor(
  store: Store,
  facts: { service: ServiceConfig; environment: EnvironmentConfig; kind: RolloutKind; release: Release },
): Planned {
  const { service, environment, kind, release } = facts;
  const slots = store.slots.ofEnvironment({ service: service.name, environment: environment.name });
  const hosts = hostsOf(store, environment).map((h) => h.name);
  const slotOf = (host: string) => slots.find((s) => s.host === host);
  const unchanged = hosts.filter((host) => serves(slotOf(host), release.number));
  const touched = hosts.filter((host) => !unchanged.includes(host));
  const plan: Plan = {
    service: service.name,
    environment: environment.name,
    kind,
    release: release.number,
    digest: release.digest,
    commit: release.commit,
    specHash: specHashOf(release.spec),
    from: store.rollouts.live(service.name, environment.name)?.state.release ?? null,
    hosts: hosts.map((host) => ({ host, from: slotOf(host)?.release ?? null })),
    batches: batchesOf({ hosts: touched, policy: environment.rollout, kind }),
    policy: environment.rollout,
  };
  const good = store.verdicts.good({ service: service.name, environment: environment.name }, 2);
  const back = good.find((v) => v.release !== release.number)?.release ?? null;
  return { plan, hash: planHashOf(plan), unchanged, back };
}

/**
 * The release to get away from. Usually the current one; after a rollout that got stuck, the one that got stuck here:
 * a deploy's own release, or what a rollback could not leave.
 */
export function releaseToLeave(store: Store, service: string, environment: string): number | null {
  const phases: Phase[] = ["succeeded", "incomplete", "stuck"];
  const last = store.rollouts.lastEnded(service, environment, phases);
  if (last === null) return null;
  if (last.state.phase !== "stuck") return last.state.release;
  return last.state.kind === "rollback" ? last.state.from : last.state.release;
}

/** The newest good release here that is not the one to get away from; null when there is none. */
export function rollbackTarget(store: Store, service: string, environment: string): Release | null {
  const leave = releaseToLeave(store, service, environment);
  const target = store.verdicts.good({ service, environment }).find((v) => v.release !== leave);
  return target === undefined ? null : store.releases.find(service, target.release);
}
