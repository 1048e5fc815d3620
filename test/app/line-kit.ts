/** Two or three hosts of `api prod`, people who ask, wait, lock and go back, and what each of them is told. */
import { after } from "node:test";
import type { Opened, Refused } from "../../src/app/gantry.ts";
import type { Actor } from "../../src/app/ports.ts";
import type { EnvironmentConfig, GantryConfig } from "../../src/config/valid.ts";
import type { RolloutPolicy } from "../../src/core/plan.ts";
import type { Refusal } from "../../src/core/reasons.ts";
import type { LaterEvent } from "../../src/core/rollout-state.ts";
import { aCommit, anApp, ana, eva, type TestApp } from "../kit/app.ts";
import { type OpenStore, settled } from "./kit.ts";

export const place = { service: "api", environment: "prod" };
/** A second deployer, and somebody of no role at all. */
export const bo: Actor = { kind: "slack", id: "U0BO", name: "bo" };
export const zed: Actor = { kind: "slack", id: "U0ZED", name: "zed" };

export function aFleet(hosts: readonly string[] = ["a", "b"], policy: Partial<RolloutPolicy> = {}): TestApp {
  const fleet = anApp({ hosts, policy });
  people(fleet, { deployers: [ana.id, bo.id], oncall: [eva.id], captains: ["U0CAP", "U0CAP2"] });
  after(() => fleet.stop());
  return fleet;
}

/** Writes who holds which role, as an edited gantry.yml would after a restart. */
export function people(fleet: TestApp, roles: Readonly<Record<string, readonly string[]>>): void {
  const known = fleet.app.gantry.config.people as Record<string, GantryConfig["people"][string]>;
  for (const [name, users] of Object.entries(roles)) known[name] = { users, groups: [], local: [], everyone: false };
}

/** Writes the environment otherwise, as an edited service file would after a restart. */
export function edits(fleet: TestApp, change: Partial<EnvironmentConfig>): void {
  const environments = fleet.app.gantry.config.services[0]?.environments as EnvironmentConfig[];
  const known = environments[0];
  if (known === undefined) throw new Error("there is no environment");
  environments[0] = { ...known, ...change };
}

export function editsPolicy(fleet: TestApp, change: Partial<RolloutPolicy>): void {
  const known = fleet.app.gantry.config.services[0]?.environments[0];
  if (known === undefined) throw new Error("there is no environment");
  edits(fleet, { rollout: { ...known.rollout, ...change } });
}

export function inWords(refusal: Refusal): string {
  return `${refusal.reason}: ${refusal.text} ${refusal.next}`;
}

function told(answer: Opened | Refused): string {
  return answer.kind === "opened" ? `#${answer.rollout}` : inWords(answer.refusal);
}

type Ask = {
  readonly by?: Actor;
  readonly wait?: boolean;
  readonly key?: string;
  readonly allowBad?: boolean;
  readonly why?: string;
};
let keys = 0;

/** `#4`, or the refusal in words. `n`: the nth commit, which is the nth release when they are asked for in order. */
export async function deploys(fleet: TestApp, n: number, ask: Ask = {}): Promise<string> {
  const { by = ana, wait = false, key = `key-${++keys}`, allowBad = false, why = null } = ask;
  const origin = { key, channel: null };
  return told(await fleet.app.gantry.deploy({ ...place, ref: aCommit(n), allowBad, wait, why, actor: by, origin }));
}

export async function restarts(fleet: TestApp, by: Actor = ana): Promise<string> {
  const origin = { key: `key-${++keys}`, channel: null };
  return told(await fleet.app.gantry.restart({ ...place, why: null, actor: by, origin }));
}

export async function rollsBack(fleet: TestApp, ask: { to?: number; by?: Actor; key?: string } = {}): Promise<string> {
  const { to = null, by = eva, key = `key-${++keys}` } = ask;
  const origin = { key, channel: null };
  const answer = told(await fleet.app.gantry.rollback({ ...place, to, shown: null, why: null, actor: by, origin }));
  await settled();
  return answer;
}

export async function locks(fleet: TestApp, why: string, ask: { by?: Actor; forMs?: number } = {}): Promise<string> {
  const { by = ana, forMs = null } = ask;
  const answer = await fleet.app.gantry.lock({ ...place, why, forMs, actor: by });
  await settled();
  return answer.kind === "done" ? answer.text : inWords(answer.refusal);
}

export async function unlocks(fleet: TestApp, by: Actor = ana): Promise<string> {
  const answer = await fleet.app.gantry.unlock({ ...place, actor: by });
  await settled();
  return answer.kind === "done" ? answer.text : inWords(answer.refusal);
}

export async function cancels(fleet: TestApp, rollout: number, by: Actor = ana): Promise<string> {
  const answer = await fleet.app.gantry.cancel({ rollout, why: null, actor: by });
  await settled();
  return answer.kind === "decided" ? answer.facts.state.phase : inWords(answer.refusal);
}

export async function approves(fleet: TestApp, rollout: number, by: Actor): Promise<string> {
  const answer = await fleet.app.gantry.approve({ rollout, planHash: null, actor: by });
  await settled();
  return answer.kind === "decided" ? answer.facts.state.phase : inWords(answer.refusal);
}

export async function resumes(fleet: TestApp, rollout: number, by: Actor = ana): Promise<string> {
  const answer = await fleet.app.gantry.resume({ rollout, planHash: null, why: null, actor: by });
  await settled();
  return answer.kind === "decided" ? answer.facts.state.phase : inWords(answer.refusal);
}

/** What the reducer is told, where no agent's report would bring it about. */
export function happens(fleet: TestApp, rollout: number, event: LaterEvent): void {
  const { kind } = fleet.app.conductor.tell(rollout, event);
  if (kind !== "moved") throw new Error(`${event.type} moved nothing`);
}

/** Those in line and how they stand: `#4`, or `#4 held`. */
export function line(fleet: TestApp): string[] {
  return fleet.store.rollouts
    .inLine(place.service, place.environment)
    .map(({ number, state }) => (state.pauses.length === 0 ? `#${number}` : `#${number} held`));
}

/** `#4 rolling`, of every rollout named. */
export function phases(fleet: TestApp, ...numbers: readonly number[]): string[] {
  return numbers.map((number) => `#${number} ${fleet.state(number).phase}`);
}

/** Brings what is under way to its end: hosts have images, report that what they were told serves, and time passes. */
export async function goesWell(fleet: TestApp, number: number): Promise<string> {
  for (let turn = 0; turn < 60 && fleet.state(number).endedAt === null; turn++) {
    for (const host of fleet.connected) fleet.hasImage(host);
    for (const host of fleet.connected) fleet.reports(host);
    await fleet.clock.advance(1000);
  }
  await settled();
  return fleet.state(number).phase;
}

/** Direct messages about the line, sent or on their way: `#4 next`. */
export function notices(fleet: TestApp): string[] {
  return (fleet.store as OpenStore).db
    .prepare<[], string>("select '#' || rollout || ' ' || (body ->> 'what') from outbox where kind = 'turn' order by id")
    .pluck()
    .all();
}

/** The newest acts of the history, oldest first: `locked by ana`. */
export function acts(fleet: TestApp): string[] {
  return fleet.store.history
    .acts(20)
    .map(({ kind, by }) => `${kind} by ${by?.name ?? "Gantry"}`)
    .reverse();
}

/** Another process on the same data. */
export async function reboots(fleet: TestApp): Promise<void> {
  fleet.restart();
  fleet.app.recover();
  await settled();
}
