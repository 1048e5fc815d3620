/**
 * Going back. It asks nobody else's servers: the store and the agents are enough. What stands in the way is moved aside:
 * a request that has not begun is cancelled; a rollout under way is stopped, and the hosts that it has touched get the target
 * first (one decision, one generation). Locks and the line stop nothing here; the line is held.
 */

import type { ReleaseFacts, RollbackPreview } from "../core/facts.ts";
import { type Refusal, refuse } from "../core/reasons.ts";
import type { Release } from "../core/release.ts";
import type { LaterEvent, RolloutState } from "../core/rollout-state.ts";
import { besidesOf } from "../core/spec-change.ts";
import { plainLine } from "../messages/thread-acts.ts";
import { incapableText } from "./abilities.ts";
import { isRefusal, type RequestParts, refused } from "./asked.ts";
import { badLiveAfter } from "./bad-live.ts";
import type { Facts } from "./facts.ts";
import type { Gantry, Opened, Refused } from "./gantry.ts";
import { busy, noHosts } from "./gates.ts";
import { holdLine } from "./line-rules.ts";
import { keyOf, nameOf, type Place, placeOf } from "./place.ts";
import { goodBesides, type Planned, planFor, releaseToLeave, rollbackTarget, sha256 } from "./planner.ts";
import type { Actor } from "./ports.ts";
import { openRollback } from "./rollback-open.ts";
import { liveIn, stepsOf } from "./rollback-steps.ts";
import type { StoredRollout } from "./store.ts";

type Common = {
  readonly place: Place;
  readonly hosts: readonly string[];
  readonly planHash: string;
};

/** Its touched hosts go to the target; what else must follow is opened when it has ended. */
type Stop = Common & {
  readonly does: "stop";
  readonly active: StoredRollout;
  /** null: nothing was live before, so its hosts are emptied again. */
  readonly target: Release | null;
  readonly leave: number;
};

type Open = Common & {
  readonly does: "open";
  /** A request that has not begun, to be moved aside. */
  readonly active: StoredRollout | null;
  readonly target: Release;
  readonly leave: number | null;
  readonly planned: Planned;
};

/** It has touched no host: it ends, what serves goes on, and nothing is judged. */
type CallOff = Common & {
  readonly does: "call_off";
  readonly active: StoredRollout;
  /** What serves on. */
  readonly target: Release | null;
  readonly leave: number;
};

type Way = Stop | Open | CallOff;
type Asked = Pick<Parameters<Gantry["rollback"]>[0], "service" | "environment" | "shown" | "why" | "actor" | "origin">;

export type Rollbacks = Pick<Gantry, "previewRollback" | "rollback"> & {
  /**
   * The watch and the policy say so: the same way as a person's, tried once for each rollout that is left, and its thread says
   * what came of it. After a rollout that found bad what is live, too. Refused when something is under way that has touched hosts, and when what is live came by a rollback:
   * going back is never itself undone by Gantry.
   */
  rollBackBySystem(facts: { readonly service: string; readonly environment: string; readonly why: string }): Opened | Refused;
};

const watch: Actor = { kind: "system", id: "watch", name: "Gantry's watch" };

export function createRollbacks(parts: RequestParts & { readonly facts: Facts }): Rollbacks {
  const { store, config, people, conductor, clock } = parts;

  async function allowed(place: Place, actor: Actor): Promise<Refusal | null> {
    return people.refusal({ actor, roles: place.environment.oncall, what: `roll back ${nameOf(place)}` });
  }

  function wayBack(place: Place, to: number | null): Way | Refusal {
    const active = store.rollouts.active(place.service.name, place.environment.name);
    if (active === null) return newRollback(place, to, null);
    if (active.state.kind === "rollback") return busy(active.state, null);
    switch (active.state.phase) {
      case "rolling":
      case "soaking":
        return stopOf(place, active, to);
      case "queued":
        return to === null ? calledOff(place, active) : newRollback(place, to, active);
      case "awaiting_approval":
        return newRollback(place, to, active);
      case "restoring":
        return alreadyGoingBack(active.state);
      case "in_line":
      case "succeeded":
      case "incomplete":
      case "restored":
      case "stuck":
      case "rejected":
      case "expired":
      case "cancelled":
        return busy(active.state, null);
    }
  }

  function alreadyGoingBack(state: RolloutState): Refusal {
    const where = `${state.service} ${state.environment}`;
    const left = state.hosts.filter((h) => h.status === "returning" || h.status === "restoring").map((h) => h.host);
    const to = [
      ...new Set(state.hosts.filter((h) => left.includes(h.host)).map((h) => (h.back === null ? "nothing" : `r${h.back}`))),
    ];
    const isPaused = state.pauses.some((p) => p.reason === "paused");
    const first = isPaused ? `It is paused: \`/gantry resume ${state.number}\` lets it go on. ` : "";
    return refuse(
      "busy",
      `#${state.number} is going back already: ${left.join(", ")} to ${to.join(" and ")}.`,
      `${first}Wait until they are back; \`/gantry status ${where}\` tells how it goes. To go further back then: \`/rollback ${where}\`.`,
    );
  }

  function stopOf(place: Place, active: StoredRollout, to: number | null): Stop | Refusal {
    const { service, from, release } = active.state;
    const number = to ?? goodBesides(store, keyOf(place), release);
    const target = number === null ? null : store.releases.find(service, number);
    // The first of all: there is nothing to go back to, and nothing is what its hosts served.
    const isFirst = to === null && from === null;
    if (target === null && !isFirst) return noTarget({ place, leave: release, to, active });
    const gate = target === null ? null : targetGate({ place, target, leave: release, active });
    if (gate !== null) return gate;
    const planHash = sha256(`${active.state.planHash} ${target?.number ?? ""}`).slice(0, 16);
    return { does: "stop", place, active, target, leave: release, hosts: active.plan.hosts.map((h) => h.host), planHash };
  }

  /** Whoever types it in these seconds means the release that is about to come, not the one that serves. */
  function calledOff(place: Place, active: StoredRollout): CallOff {
    const { service, from, release, planHash: plan } = active.state;
    const target = from === null ? null : store.releases.find(service, from);
    const planHash = sha256(`${plan} call off`).slice(0, 16);
    return { does: "call_off", place, active, target, leave: release, hosts: [], planHash };
  }

  function newRollback(place: Place, to: number | null, active: StoredRollout | null): Open | Refusal {
    const { service, environment } = keyOf(place);
    const leave = releaseToLeave(store, service, environment);
    const target = to === null ? rollbackTarget(store, service, environment) : store.releases.find(service, to);
    if (target === null) return noTarget({ place, leave, to, active });
    const gate = targetGate({ place, target, leave, active });
    if (gate !== null) return gate;
    const planned = planFor(store, { ...place, kind: "rollback", release: target });
    const hosts = planned.plan.hosts.map((h) => h.host);
    if (hosts.length === 0) return noHosts(store, place);
    return { does: "open", place, active, target, leave, planned, hosts, planHash: planned.hash };
  }

  /** Only what was good here, and is not what must be left. */
  function targetGate(facts: {
    readonly place: Place;
    readonly target: Release;
    readonly leave: number | null;
    readonly active: StoredRollout | null;
  }): Refusal | null {
    const { place, target, leave, active } = facts;
    const key = keyOf(place);
    if (target.number === leave) {
      return refuse(
        "already_live",
        `r${target.number} is what runs in ${key.environment} now, or what #${active?.number ?? ""} brings.`,
      );
    }
    const verdict = store.verdicts.newest({ ...key, release: target.number });
    if (verdict?.verdict === "good") return null;
    const why = verdict === null ? "never soaked there" : `was judged bad there: ${verdict.detail ?? verdict.reason ?? ""}`;
    const best = goodBesides(store, key, leave);
    const instead = best === null ? otherwise(place, active) : `Go back to r${best}: \`/rollback ${nameOf(place)}\`.`;
    return refuse("bad_release", `r${target.number} ${why}.`, instead);
  }

  function noTarget(facts: {
    readonly place: Place;
    readonly leave: number | null;
    readonly to: number | null;
    readonly active: StoredRollout | null;
  }): Refusal {
    const { place, leave, to, active } = facts;
    const where = nameOf(place);
    if (to !== null) {
      const look = `Look at \`/gantry history ${where}\`.`;
      return refuse("no_earlier_good", `${place.service.name} has no release r${to}.`, look);
    }
    const now = leave === null ? "nothing has been deployed there yet" : nothingBesides(place, leave);
    return refuse("no_earlier_good", `${where} has no earlier good release: ${now}.`, otherwise(place, active));
  }

  function nothingBesides(place: Place, leave: number): string {
    const verdict = store.verdicts.newest({ ...keyOf(place), release: leave });
    return verdict?.verdict === "good" ? `r${leave} is the only one that was ever good there` : "none was ever judged good there";
  }

  /** What can be done where there is nothing to go back to. */
  function otherwise(place: Place, active: StoredRollout | null): string {
    if (active === null) return `Deploy a good commit: \`/deploy ${nameOf(place)} <commit>\`.`;
    const { number, phase, from } = active.state;
    if (phase === "awaiting_approval" || phase === "queued")
      return `To stop #${number}, which waits: \`/gantry cancel ${number}\`.`;
    const back = from === null ? "nothing" : `r${from}`;
    return `To stop #${number} and put its hosts back to what they served before (${back}): \`/gantry cancel ${number}\`.`;
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
    const left = way.leave === null ? null : store.releases.find(service, way.leave);
    const warning = way.target === null ? null : incapableText(parts, { place: way.place, release: way.target });
    return {
      service,
      environment,
      from: releaseFacts(service, way.leave),
      live: releaseFacts(service, liveIn(store, way.place)),
      to: releaseFacts(service, to),
      ...(way.target === null ? {} : besidesOf({ before: left, now: way.target, environment })),
      ...(warning === null ? {} : { warning }),
      planHash: way.planHash,
      hosts: way.hosts,
      readiness: parts.facts.readiness(service, environment, to),
      stops: way.active === null ? null : { rollout: way.active.number, phase: way.active.state.phase },
      ...stepsOf(store, way),
    };
  }

  /** The way is looked for in the transaction that takes it: what changed since a look outside of it would be overlooked. */
  async function rollback(facts: Parameters<Gantry["rollback"]>[0]): Promise<Opened | Refused> {
    const place = await permitted(facts);
    return conductor.atomically(() => {
      const again = store.rollouts.byRequest(facts.origin.key);
      if (again !== null) return { kind: "opened", rollout: again.number };
      const way = isRefusal(place) ? place : wayBack(place, facts.to);
      if (isRefusal(way)) return refused(way);
      const changed = changedSince(way, facts);
      if (changed !== null) return refused(changed);
      return way.does === "open" ? open(way, facts) : stop(way, facts);
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
  function stop(way: Stop | CallOff, facts: Asked): Opened | Refused {
    const { active } = way;
    if (conductor.tell(active.number, stopEvent(way, facts)).kind !== "moved") return refused(busy(active.state, null));
    store.rollouts.noteRequest(facts.origin.key, active.number);
    holdLine(parts, keyOf(way.place), { cause: active.number, why: `#${active.number} was rolled back by ${facts.actor.name}` });
    return opened(active.number);
  }

  function stopEvent(way: Stop | CallOff, { actor: by, why }: Asked): LaterEvent {
    const event = { type: "cancelled" as const, at: clock.now(), by, why: why ?? "rolled back" };
    if (way.does === "stop") return { ...event, blame: true, ...(way.target === null ? {} : { to: way.target.number }) };
    const { number, state } = way.active;
    const serves = way.target === null ? "nothing served before" : `r${way.target.number} serves on`;
    const next = `to leave what serves roll back again: \`/rollback ${state.service} ${state.environment}\``;
    const said = `#${number} has touched no host; ${serves}${way.target === null ? "" : `; ${next}`}`;
    return { ...event, why: why === null ? said : `${why}; ${said}`, blame: false };
  }

  function open(way: Open, facts: Asked): Opened | Refused {
    const { actor, origin, why } = facts;
    const { active, planned } = way;
    if (active !== null) {
      const event = { type: "cancelled" as const, at: clock.now(), by: actor, why: why ?? "rolled back", blame: false };
      if (conductor.tell(active.number, event).kind !== "moved") return refused(busy(active.state, null));
    }
    const leave = way.leave ?? planned.plan.from;
    const rollout = openRollback(parts, { ...way, leave, actor, why, key: origin.key, channel: origin.channel });
    return { kind: "opened", rollout };
  }

  function rollBackBySystem(facts: Parameters<Rollbacks["rollBackBySystem"]>[0]): Opened | Refused {
    const { service, environment } = facts;
    return conductor.atomically(() => {
      const last = store.rollouts.lastEnded(service, environment, ["succeeded", "incomplete", "restored", "stuck"]);
      if (last === null || !(isWatchedFor(last.state) || badLiveAfter(store, last.state)?.byItself)) {
        const text = `What is live in ${service} ${environment} is not the work of the rollout that was watched.`;
        return refused(refuse("nothing_live", text));
      }
      const again = store.rollouts.byRequest(watchKey(last.number));
      if (again !== null) return again.number === last.number ? refused(triedBefore(last)) : opened(again.number);
      if (last.state.kind === "rollback") {
        const text = `#${last.number} is a rollback itself; Gantry does not undo one.`;
        return refused(refuse("already_decided", text, `A person may: \`/rollback ${service} ${environment}\`.`));
      }
      const answer = leaveBySystem(last, facts.why);
      sayHowItWent(last, answer);
      return answer;
    });
  }

  /** A request that has touched nothing gives way, as it does to a person's rollback; what is under way does not. */
  function leaveBySystem(last: StoredRollout, why: string): Opened | Refused {
    const { service, environment } = last.state;
    const place = placeOf(config, service, environment);
    if (isRefusal(place)) return refused(place);
    const active = store.rollouts.active(service, environment);
    if (active !== null && (active.state.kind === "rollback" || !isUntouched(active.state)))
      return refused(busy(active.state, null));
    const way = newRollback(place, null, active);
    if (isRefusal(way)) return refused(way);
    const origin = { key: watchKey(last.number), channel: last.channel };
    return open(way, { service, environment, shown: null, why, actor: watch, origin });
  }

  /**
   * In the thread of what is left, and in the channel. A refusal is noted like a request that was served: a start days later
   * must not do by itself what people have decided about since.
   */
  function sayHowItWent({ number, state }: StoredRollout, answer: Opened | Refused): void {
    if (answer.kind === "refused") store.rollouts.noteRequest(watchKey(number), number);
    const { service, environment } = state;
    const text =
      answer.kind === "opened"
        ? `Gantry goes back from r${state.release} by itself, as the policy says: #${answer.rollout}.`
        : `Gantry could not go back by itself: ${answer.refusal.text} ${answer.refusal.next} A person decides: \`/rollback ${service} ${environment}\`.`;
    const body = plainLine(text, true);
    store.outbox.add({ key: `thread:${number}`, kind: "thread", rollout: number, body, at: clock.now(), replace: false });
  }

  return { previewRollback, rollback, rollBackBySystem };
}

/** Its containers are what is live, if anything went well. */
function isWatchedFor({ phase }: RolloutState): boolean {
  return phase === "succeeded" || phase === "incomplete";
}

/** What the watch has asked for, once for each rollout that it judged. */
export function watchKey(rollout: number): string {
  return `watch:${rollout}`;
}

function triedBefore({ number }: StoredRollout): Refusal {
  return refuse("already_decided", `Gantry could not go back from #${number} by itself; a person decides.`);
}

function opened(rollout: number): Opened {
  return { kind: "opened", rollout };
}

/** Asked for, and no host has been told anything. */
function isUntouched({ phase }: RolloutState): boolean {
  return phase === "awaiting_approval" || phase === "queued";
}
