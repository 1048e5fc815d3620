/**
 * Going back. It asks nobody else's servers: the store and the agents are enough. What stands in the way is moved aside:
 * a request that has not begun is cancelled, a deploy under way is stopped and its hosts are put back.
 */

import type { ReleaseFacts, RollbackPreview } from "../core/facts.ts";
import { type Refusal, refuse } from "../core/reasons.ts";
import type { Release } from "../core/release.ts";
import type { Facts } from "./facts.ts";
import type { Gantry, Opened, Refused } from "./gantry.ts";
import { type Planned, planFor, releaseToLeave, rollbackTarget } from "./planner.ts";
import type { Actor } from "./ports.ts";
import { busy, isRefusal, type Place, placeOf, type RequestParts, refused, requestedEvent } from "./requests.ts";
import type { StoredRollout } from "./store.ts";

type Way = {
  readonly place: Place;
  readonly target: Release;
  readonly leave: number | null;
  readonly active: StoredRollout | null;
  /** The active rollout is stopped and puts its hosts back; no new rollout is needed. */
  readonly stopsActive: boolean;
  readonly planned: Planned;
  /** Names what would be done: the new plan, or the plan of the rollout that is stopped. */
  readonly planHash: string;
};

export function createRollbacks(parts: RequestParts & { readonly facts: Facts }): Pick<Gantry, "previewRollback" | "rollback"> {
  const { store, config, people, conductor, clock } = parts;

  async function allowed(place: Place, actor: Actor): Promise<Refusal | null> {
    const { service, environment } = place;
    return people.refusal({ actor, roles: environment.oncall, what: `roll back ${service.name} ${environment.name}` });
  }

  function wayBack(place: Place, to: number | null): Way | Refusal {
    const service = place.service.name;
    const environment = place.environment.name;
    const active = store.rollouts.active(service, environment);
    const kind = active?.state.kind;
    const phase = active?.state.phase;
    if (active !== null && (kind === "rollback" || phase === "restoring")) return busy(active.state);
    const stopsActive = phase === "rolling" || phase === "soaking";
    if (stopsActive && active !== null && to !== null && to !== active.state.from) return busy(active.state);
    const leave = stopsActive ? (active?.state.release ?? null) : releaseToLeave(store, service, environment);
    const number =
      stopsActive && active !== null ? active.state.from : (to ?? rollbackTarget(store, service, environment)?.number ?? null);
    const target = number === null ? null : store.releases.find(service, number);
    if (target === null) return noTarget(place, leave, to);
    if (!stopsActive) {
      const gate = targetGate(place, target, leave);
      if (gate !== null) return gate;
    }
    const planned = planFor(store, { ...place, kind: "rollback", release: target });
    if (!stopsActive && planned.plan.hosts.length === 0) {
      return refuse("no_hosts", `${service} ${environment} has no hosts.`);
    }
    const planHash = stopsActive && active !== null ? active.state.planHash : planned.hash;
    return { place, target, leave, active, stopsActive, planned, planHash };
  }

  /** Only what was good here, and is not what must be left. */
  function targetGate(place: Place, target: Release, leave: number | null): Refusal | null {
    const service = place.service.name;
    const environment = place.environment.name;
    if (target.number === leave) {
      return refuse("already_live", `r${target.number} is what runs in ${environment} now.`);
    }
    const verdict = store.verdicts.newest({ service, environment, release: target.number });
    if (verdict?.verdict === "good") return null;
    const why = verdict === null ? "never soaked there" : `was judged bad there: ${verdict.detail ?? verdict.reason ?? ""}`;
    const best = rollbackTarget(store, service, environment);
    const instead =
      best === null ? "Deploy a good commit instead." : `Go back to r${best.number}: \`/rollback ${service} ${environment}\`.`;
    return refuse("bad_release", `r${target.number} ${why}.`, instead);
  }

  function noTarget(place: Place, leave: number | null, to: number | null): Refusal {
    const { service, environment } = place;
    const where = `${service.name} ${environment.name}`;
    if (to !== null)
      return refuse("no_earlier_good", `${service.name} has no release r${to}.`, `Look at \`/gantry history ${where}\`.`);
    const now = leave === null ? "nothing has been deployed there yet" : `r${leave} is the only one that was ever good there`;
    return refuse(
      "no_earlier_good",
      `${where} has no earlier good release: ${now}.`,
      `Deploy a good commit: \`/deploy ${where} <commit>\`.`,
    );
  }

  async function prepare(facts: {
    service: string;
    environment: string;
    to: number | null;
    actor: Actor;
  }): Promise<Way | Refusal> {
    const place = placeOf(config, facts.service, facts.environment);
    if (isRefusal(place)) return place;
    return (await allowed(place, facts.actor)) ?? wayBack(place, facts.to);
  }

  function releaseFacts(service: string, number: number | null): ReleaseFacts | null {
    const found = number === null ? null : store.releases.find(service, number);
    return found === null ? null : { number: found.number, commit: found.commit, digest: found.digest };
  }

  async function previewRollback(facts: Parameters<Gantry["previewRollback"]>[0]): Promise<RollbackPreview | Refused> {
    const way = await prepare(facts);
    if (isRefusal(way)) return refused(way);
    const { service, environment } = facts;
    const { number, commit, digest } = way.target;
    return {
      service,
      environment,
      from: releaseFacts(service, way.leave),
      to: { number, commit, digest },
      planHash: way.planHash,
      hosts: way.planned.plan.hosts.map((h) => h.host),
      readiness: parts.facts.readiness(service, environment, number),
      stops: way.active === null ? null : { rollout: way.active.number, phase: way.active.state.phase },
    };
  }

  async function rollback(facts: Parameters<Gantry["rollback"]>[0]): Promise<Opened | Refused> {
    const again = store.rollouts.byRequest(facts.origin.key);
    if (again !== null) return { kind: "opened", rollout: again.number };
    const way = await prepare(facts);
    if (isRefusal(way)) return refused(way);
    if (facts.planHash !== null && facts.planHash !== way.planHash) {
      const { service, environment } = facts;
      const next = `Look again: \`/rollback ${service} ${environment}\`.`;
      return refused(refuse("plan_changed", `${service} ${environment} changed since that button was shown.`, next));
    }
    return conductor.atomically(() => go(way, facts));
  }

  function go(way: Way, facts: Parameters<Gantry["rollback"]>[0]): Opened | Refused {
    const at = clock.now();
    const { actor, origin } = facts;
    if (way.active !== null) {
      const why = facts.why ?? "rolled back";
      const told = conductor.tell(way.active.number, { type: "cancelled", at, by: actor, why, blame: way.stopsActive });
      if (told.kind !== "moved") return refused(busy(way.active.state));
      if (way.stopsActive) return { kind: "opened", rollout: way.active.number };
    }
    const number = store.rollouts.nextNumber();
    const { place, planned, target } = way;
    const leave = way.leave ?? planned.plan.from;
    const event = requestedEvent({ planned, number, at, actor, place, kind: "rollback", approvalsRequired: 0 });
    const row = {
      service: place.service.name,
      environment: place.environment.name,
      kind: "rollback" as const,
      release: target.number,
      plan: planned.plan,
      planHash: planned.hash,
      requestKey: origin.key,
      ref: null,
      why: facts.why,
      allowBad: null,
      channel: origin.channel,
      requestedAt: at,
    };
    conductor.open(row, { ...event, from: leave });
    return { kind: "opened", rollout: number };
  }

  return { previewRollback, rollback };
}
