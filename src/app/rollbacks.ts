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

type Stop = {
  readonly does: "stop";
  /** It puts its hosts back by itself; no new rollout is needed. */
  readonly active: StoredRollout;
  /** null: nothing was live before, so its hosts are emptied again. */
  readonly target: Release | null;
  readonly leave: number;
  readonly hosts: readonly string[];
  readonly planHash: string;
};

type Open = {
  readonly does: "open";
  readonly place: Place;
  /** A request that has not begun, to be moved aside. */
  readonly active: StoredRollout | null;
  readonly target: Release;
  readonly leave: number | null;
  readonly planned: Planned;
  readonly hosts: readonly string[];
  readonly planHash: string;
};

type Way = Stop | Open;
type Asked = Parameters<Gantry["rollback"]>[0];

export function createRollbacks(parts: RequestParts & { readonly facts: Facts }): Pick<Gantry, "previewRollback" | "rollback"> {
  const { store, config, people, conductor, clock } = parts;

  async function allowed(place: Place, actor: Actor): Promise<Refusal | null> {
    const { service, environment } = place;
    return people.refusal({ actor, roles: environment.oncall, what: `roll back ${service.name} ${environment.name}` });
  }

  function wayBack(place: Place, to: number | null): Way | Refusal {
    const active = store.rollouts.active(place.service.name, place.environment.name);
    if (active === null) return newRollback(place, to, null);
    switch (active.state.phase) {
      case "rolling":
      case "soaking":
        return active.state.kind === "rollback" ? busy(active.state) : stopOf(active, to);
      case "awaiting_approval":
      case "queued":
        return active.state.kind === "rollback" ? busy(active.state) : newRollback(place, to, active);
      case "restoring":
      case "in_line":
      case "succeeded":
      case "incomplete":
      case "restored":
      case "stuck":
      case "rejected":
      case "expired":
      case "cancelled":
        return busy(active.state);
    }
  }

  function stopOf(active: StoredRollout, to: number | null): Stop | Refusal {
    const { service, from, release, planHash } = active.state;
    if (to !== null && to !== from) return busy(active.state);
    const target = from === null ? null : store.releases.find(service, from);
    return { does: "stop", active, target, leave: release, hosts: active.plan.hosts.map((h) => h.host), planHash };
  }

  function newRollback(place: Place, to: number | null, active: StoredRollout | null): Open | Refusal {
    const service = place.service.name;
    const environment = place.environment.name;
    const leave = releaseToLeave(store, service, environment);
    const target = to === null ? rollbackTarget(store, service, environment) : store.releases.find(service, to);
    if (target === null) return noTarget({ place, leave, to, active });
    const gate = targetGate(place, target, leave);
    if (gate !== null) return gate;
    const planned = planFor(store, { ...place, kind: "rollback", release: target });
    const hosts = planned.plan.hosts.map((h) => h.host);
    if (hosts.length === 0) return refuse("no_hosts", `${service} ${environment} has no hosts.`);
    return { does: "open", place, active, target, leave, planned, hosts, planHash: planned.hash };
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

  function noTarget(facts: {
    readonly place: Place;
    readonly leave: number | null;
    readonly to: number | null;
    readonly active: StoredRollout | null;
  }): Refusal {
    const { leave, to, active } = facts;
    const { service, environment } = facts.place;
    const where = `${service.name} ${environment.name}`;
    if (to !== null)
      return refuse("no_earlier_good", `${service.name} has no release r${to}.`, `Look at \`/gantry history ${where}\`.`);
    const now = leave === null ? "nothing has been deployed there yet" : `r${leave} is the only one that was ever good there`;
    const deploy = `Deploy a good commit: \`/deploy ${where} <commit>\`.`;
    const next = active === null ? deploy : `To stop #${active.number}, which waits: \`/gantry cancel ${active.number}\`.`;
    return refuse("no_earlier_good", `${where} has no earlier good release: ${now}.`, next);
  }

  async function permitted(facts: { service: string; environment: string; actor: Actor }): Promise<Place | Refusal> {
    const place = placeOf(config, facts.service, facts.environment);
    if (isRefusal(place)) return place;
    return (await allowed(place, facts.actor)) ?? place;
  }

  function releaseFacts(service: string, number: number | null): ReleaseFacts | null {
    const found = number === null ? null : store.releases.find(service, number);
    return found === null ? null : { number: found.number, commit: found.commit, digest: found.digest };
  }

  async function previewRollback(facts: Parameters<Gantry["previewRollback"]>[0]): Promise<RollbackPreview | Refused> {
    const place = await permitted(facts);
    const way = isRefusal(place) ? place : wayBack(place, facts.to);
    if (isRefusal(way)) return refused(way);
    const { service, environment } = facts;
    const to = way.target?.number ?? null;
    return {
      service,
      environment,
      from: releaseFacts(service, way.leave),
      to: releaseFacts(service, to),
      planHash: way.planHash,
      hosts: way.hosts,
      readiness: parts.facts.readiness(service, environment, to),
      stops: way.active === null ? null : { rollout: way.active.number, phase: way.active.state.phase },
    };
  }

  /** The way is looked for in the transaction that takes it: what changed since a look outside of it would be overlooked. */
  async function rollback(facts: Asked): Promise<Opened | Refused> {
    const place = await permitted(facts);
    return conductor.atomically(() => {
      const again = store.rollouts.byRequest(facts.origin.key);
      if (again !== null) return { kind: "opened", rollout: again.number };
      const way = isRefusal(place) ? place : wayBack(place, facts.to);
      if (isRefusal(way)) return refused(way);
      const changed = changedSince(way, facts);
      if (changed !== null) return refused(changed);
      return way.does === "stop" ? stop(way, facts) : open(way, facts);
    });
  }

  /** What a button showed must be what it does: the same plan, and the same rollout in its way. */
  function changedSince(way: Way, { shown, service, environment }: Asked): Refusal | null {
    const stops = way.active?.number ?? null;
    if (shown === null || (shown.planHash === way.planHash && shown.rollout === stops)) return null;
    const since = stops === null || shown.rollout === stops ? "" : ` #${stops} was asked for since.`;
    return refuse(
      "plan_changed",
      `${service} ${environment} changed since that button was shown.${since}`,
      `Look again: \`/rollback ${service} ${environment}\`.`,
    );
  }

  /** The request is noted with what it did: typed once and served twice (after a crash), it must not go back two releases. */
  function stop(way: Stop, facts: Asked): Opened | Refused {
    const { active } = way;
    const why = facts.why ?? "rolled back";
    const told = conductor.tell(active.number, { type: "cancelled", at: clock.now(), by: facts.actor, why, blame: true });
    if (told.kind !== "moved") return refused(busy(active.state));
    store.rollouts.noteRequest(facts.origin.key, active.number);
    return { kind: "opened", rollout: active.number };
  }

  function open(way: Open, facts: Asked): Opened | Refused {
    const at = clock.now();
    const { actor, origin } = facts;
    const { active, place, planned, target } = way;
    if (active !== null) {
      const why = facts.why ?? "rolled back";
      const told = conductor.tell(active.number, { type: "cancelled", at, by: actor, why, blame: false });
      if (told.kind !== "moved") return refused(busy(active.state));
    }
    const number = store.rollouts.nextNumber();
    const leave = way.leave ?? planned.plan.from;
    const event = requestedEvent({ planned, number, at, actor, place, kind: "rollback", approvalsRequired: 0, inLine: false });
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
