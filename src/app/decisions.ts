/** Approve, reject, cancel. Authority, gates and plan are checked at the moment of the act; the reducer lets the first decision win. */
import { type ReasonCode, type Refusal, reasons, refuse } from "../core/reasons.ts";
import type { LaterEvent, RolloutState } from "../core/rollout-state.ts";
import type { Facts } from "./facts.ts";
import type { Decided, Gantry, Refused } from "./gantry.ts";
import { planFor, specHashOf } from "./planner.ts";
import type { Actor } from "./ports.ts";
import { approvalsFor, cannotApprove, isRefusal, type Place, placeOf, type RequestParts, refused } from "./requests.ts";
import type { StoredRollout } from "./store.ts";

export function createDecisions(parts: RequestParts & { readonly facts: Facts }): Pick<Gantry, "approve" | "reject" | "cancel"> {
  const { store, config, people, conductor, clock } = parts;

  async function approve(facts: Parameters<Gantry["approve"]>[0]): Promise<Decided | Refused> {
    const found = await decidable(facts);
    if (isRefusal(found)) return refused(found);
    const untold = untoldApprover(found, facts.actor);
    if (untold !== null) return refused(untold);
    const changed = planChange(found.place, found.stored);
    if (changed !== null) {
      conductor.tell(facts.rollout, { type: "plan_changed", at: clock.now(), detail: changed });
      return refused(refuse("plan_changed", `The plan of #${facts.rollout} does not hold any more: ${changed}.`));
    }
    return decide(facts.rollout, { type: "approved", at: clock.now(), by: facts.actor });
  }

  async function reject(facts: Parameters<Gantry["reject"]>[0]): Promise<Decided | Refused> {
    const found = await decidable(facts);
    if (isRefusal(found)) return refused(found);
    const { actor: by, why } = facts;
    return decide(facts.rollout, { type: "rejected", at: clock.now(), by, why });
  }

  async function cancel(facts: Parameters<Gantry["cancel"]>[0]): Promise<Decided | Refused> {
    const stored = store.rollouts.find(facts.rollout);
    if (stored === null) return refused(unknownRollout(facts.rollout));
    const own = isSame(stored.state.requester, facts.actor);
    const roles = cancelRoles(stored.state);
    const what = `cancel a rollout of ${where(stored.state)}`;
    const refusal = own ? null : await people.refusal({ actor: facts.actor, roles, what });
    if (refusal !== null) return refused(refusal);
    const { actor: by, why } = facts;
    return decide(facts.rollout, { type: "cancelled", at: clock.now(), by, why, blame: false });
  }

  /** What has gone from the configuration while it was under way can still be stopped, by the roles that have no need of it. */
  function cancelRoles({ service, environment }: RolloutState): string[] {
    const place = placeOf(config, service, environment);
    if (isRefusal(place)) return ["deployers", "oncall"];
    const { deployers, oncall, approvals } = place.environment;
    return [...new Set([...deployers, ...oncall, ...approvals.from])];
  }

  /** From a terminal nobody can be told apart from a requester in Slack. Saying no is open to them; saying yes is not. */
  function untoldApprover({ stored, place }: Found, actor: Actor): Refusal | null {
    const { number, requester } = stored.state;
    const { notRequester, from } = approvalsFor(place.environment, stored.allowBad !== null);
    if (!notRequester || cannotApprove(requester, actor) === null) return null;
    return refuse(
      "own_request",
      `#${number} was asked for in Slack, and from a terminal Gantry cannot tell that it was not you; the requester may not approve.`,
      `Someone of ${from.join(" or ")} approves it in Slack, on its card or with \`/gantry approve ${number}\`.`,
    );
  }

  type Found = { readonly stored: StoredRollout; readonly place: Place };

  function find(number: number, planHash: string | null): Found | Refusal {
    const stored = store.rollouts.find(number);
    if (stored === null) return unknownRollout(number);
    const place = placeOf(config, stored.state.service, stored.state.environment);
    if (isRefusal(place)) {
      return { ...place, next: `Cancel it (\`/gantry cancel ${number}\`), or bring its file back and restart the server.` };
    }
    if (planHash !== null && planHash !== stored.state.planHash) {
      return refuse("stale_click", `That button was made for another plan than the one of #${number}.`);
    }
    return { stored, place };
  }

  /** Checks that there is still something to decide, and that this person may. */
  async function decidable(facts: {
    readonly rollout: number;
    readonly planHash: string | null;
    readonly actor: Actor;
  }): Promise<Found | Refusal> {
    const found = find(facts.rollout, facts.planHash);
    if (isRefusal(found)) return found;
    const { state, allowBad } = found.stored;
    if (state.phase !== "awaiting_approval") return tooLate(state);
    const approvals = approvalsFor(found.place.environment, allowBad !== null);
    const { actor } = facts;
    const refusal = await people.refusal({ actor, roles: approvals.from, what: `decide about ${where(state)}` });
    if (refusal !== null) return refusal;
    if (approvals.notRequester && isSame(state.requester, actor)) {
      return refuse("own_request", `You asked for #${state.number}; someone else of ${approvals.from.join(" or ")} must decide.`);
    }
    return found;
  }

  /** What changed since the plan was made, as a sentence without its full stop; null when it still holds. */
  function planChange(place: Place, stored: StoredRollout): string | null {
    const release = store.releases.find(stored.state.service, stored.state.release);
    if (release === null) return "its release is gone";
    const specNow = specHashOf(place.service.spec);
    if (stored.state.kind === "deploy" && specNow !== stored.plan.specHash) return "the service file was edited";
    const now = planFor(store, { ...place, kind: stored.state.kind, release });
    if (now.hash === stored.state.planHash) return null;
    const before = stored.plan.hosts.map((h) => h.host);
    const after = now.plan.hosts.map((h) => h.host);
    const joined = after.filter((h) => !before.includes(h));
    const left = before.filter((h) => !after.includes(h));
    if (joined.length > 0) return `${joined.join(", ")} joined`;
    if (left.length > 0) return `${left.join(", ")} left`;
    return "what runs on the hosts, or the rollout policy, is not what it was";
  }

  function decide(number: number, event: LaterEvent): Decided | Refused {
    const told = conductor.tell(number, event);
    const stored = store.rollouts.find(number);
    if (stored === null) return refused(unknownRollout(number));
    const notStopped = event.type === "cancelled" ? onItsWayBack(stored.state) : null;
    if (told.kind === "refused") return refused(notStopped ?? lost(stored.state, told.reason));
    return { kind: "decided", facts: parts.facts.rollout(stored) };
  }

  return { approve, reject, cancel };
}

function unknownRollout(number: number): Refusal {
  return refuse("unknown_rollout", `There is no rollout #${number}.`);
}

/** Going back is never itself stopped: hosts would be left between two releases. */
function onItsWayBack(state: RolloutState): Refusal | null {
  if (state.endedAt !== null || (state.kind !== "rollback" && state.phase !== "restoring")) return null;
  const what = state.kind === "rollback" ? "is a rollback that has begun" : "is being put back already";
  const look = `Wait for it; \`/gantry status ${where(state)}\` tells how it goes.`;
  return refuse("already_decided", `#${state.number} ${what}; going back is not stopped.`, look);
}

function isSame(a: { kind: string; id: string }, b: { kind: string; id: string }): boolean {
  return a.kind === b.kind && a.id === b.id;
}

function where(state: RolloutState): string {
  return `${state.service} ${state.environment}`;
}

/** Who was first, and what is happening now. */
function tooLate(state: RolloutState): Refusal {
  return lost(state, state.endedAt === null ? "already_decided" : "already_ended");
}

function lost(state: RolloutState, reason: ReasonCode): Refusal {
  if (reason === "already_approved") return refuse(reason, `You have approved #${state.number} already.`);
  const by = whoAndWhen(state);
  return refuse(reason, `#${state.number} is ${state.phase.replace("_", " ")} now${by}.`, reasons[reason].next);
}

/** `, approved by bo at 12:04 UTC`: the last thing that a person decided, or when it ended by itself. */
function whoAndWhen(state: RolloutState): string {
  const at = (ms: number | null) => (ms === null ? "" : ` at ${new Date(ms).toISOString().slice(11, 16)} UTC`);
  if (state.endedBy !== null) return `, ended by ${state.endedBy.name}${at(state.endedAt)}`;
  const last = state.approvals.at(-1);
  if (last === undefined || state.phase === "expired") return at(state.endedAt) === "" ? "" : `,${at(state.endedAt)}`;
  return `, approved by ${last.by.name}${at(last.at)}`;
}
