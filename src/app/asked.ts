/** What deploy, promote, restart and rollback have in common: their parts, refusals, the first event, and whose approval they need. */
import type { EnvironmentConfig, GantryConfig } from "../config/valid.ts";
import type { Refusal } from "../core/reasons.ts";
import type { Requested } from "../core/rollout-state.ts";
import type { Conductor } from "./conductor.ts";
import type { Refused } from "./gantry.ts";
import type { People } from "./people.ts";
import type { Place } from "./place.ts";
import type { Planned } from "./planner.ts";
import type { Actor, Clock, Fleet, Forge, Log, Registry, Secrets } from "./ports.ts";
import type { Store } from "./store.ts";

export type RequestParts = {
  readonly store: Store;
  readonly config: GantryConfig;
  readonly clock: Clock;
  readonly log: Log;
  readonly people: People;
  readonly registry: Registry;
  readonly forge: Forge | null;
  /** Absent: the server has none. */
  readonly secrets?: Secrets;
  readonly fleet: Pick<Fleet, "isConnected" | "can">;
  readonly conductor: Conductor;
};

export function refused(refusal: Refusal): Refused {
  return { kind: "refused", refusal };
}

export function isRefusal(value: object): value is Refusal {
  return "reason" in value && "next" in value;
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
  const { plan, hash } = planned;
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
    hosts: hostsOfPlan(planned),
    ...budgetOfPlan(planned),
    inLine: facts.inLine,
  };
}

/** The hosts of a plan as the reducer knows them. */
export function hostsOfPlan({ plan, unchanged, restarts }: Planned): Requested["hosts"] {
  const { spread } = plan.policy;
  return plan.hosts.map(({ host, from, labels }) => {
    const value = spread === null ? undefined : labels[spread.label];
    const seen = restarts[host] ?? 0;
    return {
      host,
      from,
      unchanged: unchanged.includes(host),
      ...(value === undefined ? {} : { spread: value }),
      ...(seen === 0 ? {} : { restarts: seen }),
    };
  });
}

export function budgetOfPlan({ plan }: Planned): Pick<Requested, "budget"> {
  return plan.budget === undefined ? {} : { budget: plan.budget };
}

/** Hosts that nobody hears of, and that had the time to be heard. */
export function goneFrom({ conductor }: Pick<RequestParts, "conductor">, place: Place): string[] {
  const key = { service: place.service.name, environment: place.environment.name };
  const { away, unheard = [] } = conductor.fitnessOf(key, { planned: [], patient: true });
  return away.filter((host) => !unheard.includes(host));
}

export type ApprovalsNeeded = { readonly required: number; readonly from: readonly string[]; readonly notRequester: boolean };

/** A bad release needs a second person, whatever the environment says. */
export function approvalsFor(environment: EnvironmentConfig, allowBad: boolean): ApprovalsNeeded {
  const { required, from, notRequester } = environment.approvals;
  if (!allowBad) return { required, from, notRequester };
  return { required: Math.max(1, required), from: from.length > 0 ? from : environment.deployers, notRequester: true };
}

/**
 * Why this person may not approve what the requester asked for, where somebody else must: it is the same person, or may be.
 * Nothing ties the name at a terminal to a member of Slack, so a terminal does not decide about what was asked for in Slack.
 * Where two persons must want it (`allowBad`), Slack does not decide about what was asked for at a terminal either.
 */
export function cannotApprove(requester: Who, person: Who): "same" | "untold" | null {
  if (requester.kind === person.kind && requester.id === person.id) return "same";
  return person.kind === "local" && requester.kind === "slack" ? "untold" : null;
}

/** One person with two names may stand behind both: only two of the same kind are known to be two. */
export function mayBeOne(requester: Who, person: Who): boolean {
  return requester.kind !== person.kind;
}

type Who = Pick<Actor, "kind" | "id">;
