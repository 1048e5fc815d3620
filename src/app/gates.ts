/** What may stand in the way of a request, each as a refusal with its reason: who, since when, and the way on. */
import type { GantryConfig } from "../config/valid.ts";
import type { LockFacts } from "../core/facts.ts";
import { type Refusal, refuse } from "../core/reasons.ts";
import { type Release, shortCommit } from "../core/release.ts";
import type { Fitness, RolloutState } from "../core/rollout-state.ts";
import type { SlotKey } from "../core/slot.ts";
import { mostOut } from "./budget.ts";
import type { Conductor } from "./conductor.ts";
import { keyOf, nameOf, type Place, unlockersOf } from "./place.ts";
import { hostsOf, type Planned } from "./planner.ts";
import { type Uncovered, uncoveredOf } from "./requirements.ts";
import type { Store, StoredHost, StoredRollout } from "./store.ts";

/** `14:02`, of an epoch time. */
function clockTime(at: number): string {
  return new Date(at).toISOString().slice(11, 16);
}

/** `2026-01-05 14:02`. */
function dayAndTime(at: number): string {
  return new Date(at).toISOString().slice(0, 16).replace("T", " ");
}

/** The first thing that keeps a new rollout from beginning here now; null when the environment is free. Waiting in line is a way on. */
export function standsInTheWay(store: Store, place: Place, now: number): Refusal | null {
  const key = keyOf(place);
  const line = store.rollouts.inLine(key.service, key.environment);
  const active = store.rollouts.active(key.service, key.environment);
  if (active !== null) return busy(active.state, line.length);
  const lock = lockRefusal({ store, place, now });
  if (lock !== null) return lock;
  const first = line[0];
  if (first === undefined || first.state.pauses.length > 0) return null;
  return refuse("busy", `${titleOf(first.state)} is next in ${nameOf(place)}.`, waitHint(line.length));
}

/** `waits`: how many wait in line there; null when waiting is no way on for what was asked. */
export function busy(active: RolloutState, waits: number | null): Refusal {
  const { service, environment } = active;
  const text = `${service} ${environment} is busy with ${titleOf(active)} since ${clockTime(active.requestedAt)} UTC.`;
  return refuse("busy", text, waits === null ? wayOn(active) : `${wayOn(active)} ${waitHint(waits)}`);
}

function titleOf(state: RolloutState): string {
  return `#${state.number} (${state.kind} of r${state.release} by ${state.requester.name}, ${state.phase.replaceAll("_", " ")})`;
}

function waitHint(waits: number): string {
  const others = waits === 0 ? "nobody waits yet" : waits === 1 ? "1 waits already" : `${waits} wait already`;
  return `To wait in line: the same with \`--wait\` (${others}).`;
}

/** Only what will not be refused in its turn. */
function wayOn(active: RolloutState): string {
  const { service, environment } = active;
  const look = `\`/gantry status ${service} ${environment}\` tells how it goes.`;
  const isBack = active.phase === "restoring" || active.kind === "rollback";
  if (isBack && active.pauses.some((p) => p.reason === "paused")) {
    return `It is paused, and does not end before somebody lets it go on: \`/gantry resume ${active.number}\`. ${look}`;
  }
  if (active.phase === "restoring") return `Wait until its hosts are put back. ${look}`;
  const begun = active.phase === "rolling" || active.phase === "soaking";
  if (begun && active.kind === "rollback") return `Wait for it: a rollback that has begun is not stopped. ${look}`;
  return `Wait for it, or stop it: \`/gantry cancel ${active.number}\`.`;
}

/** The lock that holds now. One whose time has passed holds nothing, even before it was cleared away. */
export function lockOf(store: Store, key: SlotKey, now: number): LockFacts | null {
  const lock = store.locks.find(key);
  return lock === null || (lock.until !== null && lock.until <= now) ? null : lock;
}

/** Who, since when, why, until when, and who may take it away. */
export function lockRefusal(facts: { readonly store: Store; readonly place: Place; readonly now: number }): Refusal | null {
  const { store, place } = facts;
  const key = keyOf(place);
  const lock = lockOf(store, key, facts.now);
  if (lock === null) return null;
  const waits = store.rollouts.inLine(key.service, key.environment).length;
  const unlock = `\`/gantry unlock ${nameOf(place)}\` (${lock.by.name}, or ${unlockersOf(place).join(" or ")})`;
  return refuse("locked", lockSentence(place, lock), `Ask ${lock.by.name}, or ${unlock}. ${waitHint(waits)}`);
}

export function lockSentence(place: Place, lock: LockFacts): string {
  const until = lock.until === null ? "until it is unlocked" : `until ${dayAndTime(lock.until)} UTC`;
  return `${nameOf(place)} is locked by ${lock.by.name} since ${dayAndTime(lock.at)} UTC, ${until}: ${lock.why}.`;
}

/** Judged bad here: by what, when and why. */
export function badVerdict(store: Store, key: SlotKey, release: Release): Refusal | null {
  const verdict = store.verdicts.newest({ ...key, release: release.number });
  if (verdict?.verdict !== "bad") return null;
  const why = verdict.detail ?? verdict.reason ?? "";
  return refuse(
    "bad_release",
    `r${release.number} (${shortCommit(release.commit)}) was judged bad in ${key.environment} by #${verdict.rollout} at ${dayAndTime(verdict.at)} UTC: ${why}.`,
  );
}

/**
 * A verdict that the request did not know of: bad here without having been asked for as such (or for another reason than was
 * shown), or, for a promotion, bad meanwhile in an environment before. Null when nothing of that kind was judged.
 */
export function judgedSince(store: Store, place: Place, stored: StoredRollout): Refusal | null {
  const release = store.releases.find(stored.state.service, stored.state.release);
  if (release === null || stored.state.kind === "rollback") return null;
  const bad = badVerdict(store, keyOf(place), release);
  if (bad !== null && bad.text !== stored.allowBad?.verdict) return bad;
  if (stored.state.kind !== "promote") return null;
  for (const environment of earlierOf(place)) {
    const before = badVerdict(store, { service: place.service.name, environment }, release);
    if (before !== null) return before;
  }
  return null;
}

/** The environments that it comes after, nearest first. The configuration has no circles. */
function earlierOf(place: Place): string[] {
  const earlier: string[] = [];
  let { after } = place.environment;
  while (after !== null && !earlier.includes(after)) {
    earlier.push(after);
    const name = after;
    after = place.service.environments.find((e) => e.name === name)?.after ?? null;
  }
  return earlier;
}

/** A plan that would swap nothing, or nobody who can be reached. */
export function planGates(
  parts: { readonly store: Store; readonly config: GantryConfig; readonly conductor: Pick<Conductor, "fitnessOf"> },
  facts: { readonly place: Place; readonly planned: Planned; readonly release: Release },
): Refusal | null {
  const { plan } = facts.planned;
  const where = nameOf(facts.place);
  if (plan.hosts.length === 0) return noHosts(parts.store, facts.place);
  const touched = plan.batches.flat();
  if (touched.length === 0) {
    const besides = plan.leftOut.length === 0 ? "" : ` that takes part (not ${plan.leftOut.join(", ")})`;
    const release = `r${facts.release.number} (${shortCommit(facts.release.commit)})`;
    return refuse("already_live", `${release} runs on every host of ${where}${besides} already.`);
  }
  if (plan.kind === "rollback") return null;
  const without = uncoveredOf(parts, plan.service, touched)[0];
  if (without !== undefined) return requirementMissing(facts.place, without);
  const fitness = parts.conductor.fitnessOf(keyOf(facts.place), { planned: touched, patient: false });
  const spent = budgetSpent(parts.store, facts.place, { touched, fitness });
  if (spent !== null || plan.policy.unreachable !== "fail") return spent;
  // After a start nobody has had the time to be heard.
  const { away, unheard = [] } = fitness;
  if (touched.some((host) => !away.includes(host) || unheard.includes(host))) return null;
  return refuse("host_lost", `No host of ${where} that would be swapped can be reached: ${touched.join(", ")}.`);
}

/** The wait would have no end. */
function requirementMissing(place: Place, { required, environments, hosts }: Uncovered): Refusal {
  const named = hosts.length > 6 ? `${hosts.slice(0, 6).join(", ")} and ${hosts.length - 6} more` : hosts.join(", ");
  const which = required.environment === undefined ? required.service : `${required.service} ${required.environment}`;
  const belong = hosts.length === 1 ? "belongs" : "belong";
  const text = `${nameOf(place)} requires ${which} on its hosts, and ${named} ${belong} to no environment of ${required.service} that will do.`;
  const labels = environments.map((e) => `${e.name}: ${labelsOf(e.hosts).join(" ")}`).join("; ");
  const them = hosts.length === 1 ? "the host" : "these hosts";
  const next = `Enrol ${them} again with the labels that ${required.service} asks for (${labels}), or take it off \`requires\` in ${place.service.name}'s service file.`;
  return refuse("requirement_missing", text, next);
}

function labelsOf(hosts: Readonly<Record<string, string>>): string[] {
  return Object.entries(hosts).map(([key, value]) => `${key}=${value}`);
}

/** Hosts that people have taken out leave no room to swap one that serves, and that would not change by waiting. */
function budgetSpent(
  store: Store,
  place: Place,
  { touched, fitness }: { readonly touched: readonly string[]; readonly fitness: Fitness },
): Refusal | null {
  const { unwell, away, unsure = [] } = fitness;
  const out = [...unwell, ...away];
  const hosts = hostsOf(store, place.environment);
  const taken = hosts.filter((h) => h.intent !== null && out.includes(h.name));
  const most = mostOut(place.environment.rollout, hosts);
  const serving = store.slots
    .ofEnvironment(keyOf(place))
    .filter((s) => s.release !== null && (!out.includes(s.host) || unsure.includes(s.host)));
  if (taken.length < most || !serving.some((slot) => touched.includes(slot.host))) return null;
  const may = most === 1 ? "1 host" : `${most} hosts`;
  const first = taken[0]?.name ?? "";
  return refuse(
    "over_budget",
    `${nameOf(place)} may miss ${may} at once, and people have taken out as many: ${taken.map(takenOut).join(", ")}.`,
    `\`/gantry uncordon ${first}\`, or take it away for good (\`gantry revoke ${first}\` on the server), or raise maxUnavailable in the service file.`,
  );
}

function takenOut({ name, intent }: StoredHost): string {
  return intent === null ? name : `${name} (${intent.kind} by ${intent.by.name}${intent.why === null ? "" : `: ${intent.why}`})`;
}

/** None has the labels, or all that have them were taken out. */
export function noHosts(store: Store, place: Place): Refusal {
  const out = hostsOf(store, place.environment).flatMap((host) => (host.intent === null ? [] : [takenOut(host)]));
  if (out.length > 0) return refuse("cordoned", `Every host of ${nameOf(place)} was taken out: ${out.join(", ")}.`);
  const labels = labelsOf(place.environment.hosts);
  return refuse(
    "no_hosts",
    `No enrolled host has the labels of ${nameOf(place)}: ${labels.join(", ")}.`,
    `Enrol one: \`gantry enroll --name NAME ${labels.map((l) => `--label ${l}`).join(" ")}\`.`,
  );
}
