/** Requests for a rollout: deploy and promote. Gates in order; the first that refuses says why and what to do. */
import type { EnvironmentConfig, GantryConfig, ServiceConfig } from "../config/valid.ts";
import { type Refusal, refuse } from "../core/reasons.ts";
import { type Release, shortCommit } from "../core/release.ts";
import type { Requested, RolloutState } from "../core/rollout-state.ts";
import { findBuild } from "./builds.ts";
import type { Conductor } from "./conductor.ts";
import type { Gantry, Opened, Origin, Refused } from "./gantry.ts";
import type { People } from "./people.ts";
import { type Planned, planFor, specHashOf } from "./planner.ts";
import type { Actor, Clock, Forge, Log, Registry } from "./ports.ts";
import type { Store } from "./store.ts";

export type RequestParts = {
  readonly store: Store;
  readonly config: GantryConfig;
  readonly clock: Clock;
  readonly log: Log;
  readonly people: People;
  readonly registry: Registry;
  readonly forge: Forge | null;
  readonly conductor: Conductor;
};

export type Place = { readonly service: ServiceConfig; readonly environment: EnvironmentConfig };

/** What is asked, once the release is known. */
type Ask = {
  readonly place: Place;
  readonly kind: "deploy" | "promote";
  readonly release: Release;
  readonly ref: string | null;
  readonly allowBad: boolean;
  readonly why: string | null;
  readonly actor: Actor;
  readonly origin: Origin;
};

export function refused(refusal: Refusal): Refused {
  return { kind: "refused", refusal };
}

export function isRefusal(value: object): value is Refusal {
  return "reason" in value && "next" in value;
}

export function placeOf(config: GantryConfig, serviceName: string, environmentName: string): Place | Refusal {
  const service = config.services.find((s) => s.name === serviceName);
  if (service === undefined) return refuse("unknown_service", `There is no service \`${serviceName}\`.`);
  const environment = service.environments.find((e) => e.name === environmentName);
  if (environment === undefined) {
    const known = service.environments.map((e) => e.name).join(", ");
    return refuse("unknown_environment", `${serviceName} has no environment \`${environmentName}\`. It has: ${known}.`);
  }
  return { service, environment };
}

export function busy(active: RolloutState): Refusal {
  const since = new Date(active.requestedAt).toISOString().slice(11, 16);
  const what = `#${active.number} (${active.kind} of r${active.release} by ${active.requester.name}, ${active.phase.replace("_", " ")})`;
  return refuse("busy", `${active.service} ${active.environment} is busy with ${what} since ${since} UTC.`, wayOn(active));
}

/** Only what will not be refused in its turn. */
function wayOn(active: RolloutState): string {
  const { service, environment } = active;
  const look = `\`/gantry status ${service} ${environment}\` tells how it goes.`;
  if (active.phase === "restoring") return `Wait until its hosts are put back. ${look}`;
  const begun = active.phase === "rolling" || active.phase === "soaking";
  if (begun && active.kind === "rollback") return `Wait for it: a rollback that has begun is not stopped. ${look}`;
  return `Wait for it, or stop it: \`/gantry cancel ${active.number}\`.`;
}

export function createRequests(parts: RequestParts): Pick<Gantry, "deploy" | "promote"> {
  const { store, config, people } = parts;

  async function deploy(facts: Parameters<Gantry["deploy"]>[0]): Promise<Opened | Refused> {
    const again = store.rollouts.byRequest(facts.origin.key);
    if (again !== null) return { kind: "opened", rollout: again.number };
    const place = placeOf(config, facts.service, facts.environment);
    if (isRefusal(place)) return refused(place);
    const gate = await earlyGates(place, facts.actor);
    if (gate !== null) return refused(gate);
    const build = await findBuild(parts, { service: place.service, ref: facts.ref });
    if (isRefusal(build)) return refused(build);
    const { spec } = place.service;
    const release = store.releases.intern({
      service: place.service.name,
      ...build,
      spec,
      specHash: specHashOf(spec),
      at: parts.clock.now(),
      by: facts.actor.id,
    });
    return ask({ ...facts, place, kind: "deploy", release });
  }

  async function promote(facts: Parameters<Gantry["promote"]>[0]): Promise<Opened | Refused> {
    const again = store.rollouts.byRequest(facts.origin.key);
    if (again !== null) return { kind: "opened", rollout: again.number };
    const place = placeOf(config, facts.service, facts.to);
    if (isRefusal(place)) return refused(place);
    const gate = await earlyGates(place, facts.actor);
    if (gate !== null) return refused(gate);
    const source = sourceOf(place, facts.from);
    if (isRefusal(source)) return refused(source);
    return ask({ ...facts, place, kind: "promote", release: source, ref: null, allowBad: false });
  }

  /** The release that was judged good last in the environment before. */
  function sourceOf(place: Place, from: string | null): Release | Refusal {
    const { service, environment } = place;
    const earlier = from ?? environment.after;
    if (earlier === null) {
      const usage = `\`/promote ${service.name} <from> ${environment.name}\``;
      return refuse(
        "missing_word",
        `${service.name} ${environment.name} comes after no other environment.`,
        `Name one: ${usage}.`,
      );
    }
    const known = placeOf(config, service.name, earlier);
    if (isRefusal(known)) return known;
    if (store.rollouts.active(service.name, earlier) !== null) {
      const active = store.rollouts.active(service.name, earlier);
      if (active !== null) return busy(active.state);
    }
    const last = store.rollouts.lastEnded(service.name, earlier, ["succeeded"]);
    const key = { service: service.name, environment: earlier };
    const verdict = last === null ? null : store.verdicts.newest({ ...key, release: last.state.release });
    const release = last === null ? null : store.releases.find(service.name, last.state.release);
    if (release === null || verdict?.verdict !== "good") {
      return refuse("nothing_to_promote", `No release of ${service.name} has soaked in ${earlier}.`);
    }
    return release;
  }

  /** What can be said before anything outside is asked. */
  async function earlyGates(place: Place, actor: Actor): Promise<Refusal | null> {
    const { service, environment } = place;
    const where = `${service.name} ${environment.name}`;
    const refusal = await people.refusal({ actor, roles: environment.deployers, what: `deploy to ${where}` });
    if (refusal !== null) return refusal;
    const active = store.rollouts.active(service.name, environment.name);
    return active === null ? null : busy(active.state);
  }

  async function ask(request: Ask): Promise<Opened | Refused> {
    const { place, release, actor } = request;
    const few = await tooFewApprovers(place, approvalsFor(place.environment, badVerdict(place, release) !== null), actor);
    if (few !== null) return refused(few);
    return parts.conductor.atomically(() => {
      const again = store.rollouts.byRequest(request.origin.key);
      if (again !== null) return { kind: "opened", rollout: again.number };
      const active = store.rollouts.active(place.service.name, place.environment.name);
      if (active !== null) return refused(busy(active.state));
      const bad = badVerdict(place, release);
      const planned = planFor(store, { ...place, kind: request.kind, release });
      const gate = badGate(request, bad) ?? planGates(place, planned, release);
      return gate === null ? openRollout(request, planned, bad?.text ?? null) : refused(gate);
    });
  }

  /** The request could never be decided. Whoever is known to be unable to decide is not counted. */
  async function tooFewApprovers(place: Place, approvals: Approvals, requester: Actor): Promise<Refusal | null> {
    const { required, from, notRequester } = approvals;
    if (required === 0) return null;
    const count = await people.count(from, (person) => notRequester && cannotApprove(requester, person) !== null);
    if (count === null || count >= required) return null;
    const besides = notRequester ? " besides you" : "";
    const needs = required === 1 ? "an approval" : `${required} approvals`;
    const has = count === 0 ? `nobody${besides} can give it` : `only ${count}${besides} can give them`;
    const where = `${place.service.name} ${place.environment.name}`;
    return refuse("no_approvers", `${where} needs ${needs} by ${from.join(" or ")}, and ${has}.`);
  }

  function badGate(request: Ask, bad: Refusal | null): Refusal | null {
    if (bad === null) return null;
    if (!request.allowBad) return bad;
    if ((request.why ?? "").trim() !== "") return null;
    return refuse("missing_word", "`--allow-bad` needs a reason.", 'Add `--reason "why it must ship"`.');
  }

  function badVerdict(place: Place, release: Release): Refusal | null {
    const key = { service: place.service.name, environment: place.environment.name };
    const verdict = store.verdicts.newest({ ...key, release: release.number });
    if (verdict?.verdict !== "bad") return null;
    const when = new Date(verdict.at).toISOString().slice(0, 16).replace("T", " ");
    const why = verdict.detail ?? verdict.reason ?? "";
    return refuse(
      "bad_release",
      `r${release.number} (${shortCommit(release.commit)}) was judged bad in ${key.environment} by #${verdict.rollout} at ${when} UTC: ${why}.`,
    );
  }

  function planGates(place: Place, planned: Planned, release: Release): Refusal | null {
    const where = `${place.service.name} ${place.environment.name}`;
    if (planned.plan.hosts.length === 0) {
      const labels = Object.entries(place.environment.hosts).map(([k, v]) => `${k}=${v}`);
      return refuse(
        "no_hosts",
        `No enrolled host has the labels of ${where}: ${labels.join(", ")}.`,
        `Enrol one: \`gantry enroll --name NAME ${labels.map((l) => `--label ${l}`).join(" ")}\`.`,
      );
    }
    if (planned.plan.batches.length > 0) return null;
    return refuse("already_live", `r${release.number} (${shortCommit(release.commit)}) runs on every host of ${where} already.`);
  }

  /** `verdict`: why the release is held to be bad here; null when it is not. */
  function openRollout(request: Ask, planned: Planned, verdict: string | null): Opened {
    const { place, release, kind, actor, origin } = request;
    const at = parts.clock.now();
    const number = store.rollouts.nextNumber();
    const approvalsRequired = approvalsFor(place.environment, verdict !== null).required;
    const event = requestedEvent({ planned, number, at, actor, place, kind, approvalsRequired, inLine: false });
    const row = {
      service: place.service.name,
      environment: place.environment.name,
      kind,
      release: release.number,
      plan: planned.plan,
      planHash: planned.hash,
      requestKey: origin.key,
      ref: request.ref,
      why: request.why,
      allowBad: verdict === null ? null : { why: request.why ?? "", verdict },
      channel: origin.channel,
      requestedAt: at,
    };
    parts.conductor.open(row, event);
    return { kind: "opened", rollout: number };
  }

  return { deploy, promote };
}

export function requestedEvent(facts: {
  readonly planned: Planned;
  readonly number: number;
  readonly at: number;
  readonly actor: Actor;
  readonly place: Place;
  readonly kind: Requested["kind"];
  readonly approvalsRequired: number;
  /** It waits in line: the environment is busy or locked. */
  readonly inLine: boolean;
}): Requested {
  const { planned, place } = facts;
  const { plan, hash, unchanged } = planned;
  return {
    type: "requested",
    at: facts.at,
    number: facts.number,
    service: plan.service,
    environment: plan.environment,
    kind: facts.kind,
    release: plan.release,
    from: plan.from,
    back: planned.back,
    planHash: hash,
    requester: facts.actor,
    expireMs: place.environment.approvals.expireMs,
    approvalsRequired: facts.approvalsRequired,
    policy: plan.policy,
    batches: plan.batches,
    hosts: plan.hosts.map((h) => ({ ...h, unchanged: unchanged.includes(h.host) })),
    inLine: facts.inLine,
  };
}

type Approvals = { readonly required: number; readonly from: readonly string[]; readonly notRequester: boolean };

/** A bad release needs a second person, whatever the environment says. */
export function approvalsFor(environment: EnvironmentConfig, allowBad: boolean): Approvals {
  const { required, from, notRequester } = environment.approvals;
  if (!allowBad) return { required, from, notRequester };
  return { required: Math.max(1, required), from: from.length > 0 ? from : environment.deployers, notRequester: true };
}

/**
 * Why this person may not approve what the requester asked for, where somebody else must: it is the same person, or may be.
 * Nothing ties the name at a terminal to a member of Slack, so a terminal does not decide about what was asked for in Slack.
 */
export function cannotApprove(
  requester: Pick<Actor, "kind" | "id">,
  person: Pick<Actor, "kind" | "id">,
): "same" | "untold" | null {
  if (requester.kind === person.kind && requester.id === person.id) return "same";
  return person.kind === "local" && requester.kind === "slack" ? "untold" : null;
}
