/** Approve, reject, cancel. Authority, gates and plan are checked at the moment of the act; the reducer lets the first decision win. */
import { wasEdited } from "../core/pins.ts";
import { type Refusal, refuse } from "../core/reasons.ts";
import type { LapsedApproval, LaterEvent, RolloutState } from "../core/rollout-state.ts";
import { actingRoles } from "./acts.ts";
import { lapsedApprovals } from "./approvals.ts";
import { approvalsFor, cannotApprove, goneFrom, isRefusal, mayBeOne, type RequestParts, refused } from "./asked.ts";
import type { Facts } from "./facts.ts";
import type { Decided, Gantry, Refused } from "./gantry.ts";
import { judgedSince, lockRefusal } from "./gates.ts";
import { keyOf, type Place, placeOf } from "./place.ts";
import { planDifference } from "./plan-difference.ts";
import { goodBesides, planFor } from "./planner.ts";
import type { Actor } from "./ports.ts";
import type { StoredRollout } from "./store.ts";
import { isSame, lost, onItsWayBack, staleClick, tooLate, unknownRollout, where } from "./too-late.ts";

type Found = { readonly stored: StoredRollout; readonly place: Place };

export function createDecisions(parts: RequestParts & { readonly facts: Facts }): Pick<Gantry, "approve" | "reject" | "cancel"> {
  const { store, config, people, conductor, clock } = parts;

  async function approve(facts: Parameters<Gantry["approve"]>[0]): Promise<Decided | Refused> {
    const found = await decidable(facts);
    if (isRefusal(found)) return refused(found);
    const untold = untoldApprover(found, facts.actor);
    if (untold !== null) return refused(untold);
    const lapsed = await lapsedApprovals(people, found);
    if (isRefusal(lapsed)) return refused(lapsed);
    // Who was looked up outside is known; the rest is looked at in the transaction that decides.
    return conductor.atomically(() => {
      const fresh = find(facts.rollout, facts.planHash);
      if (isRefusal(fresh)) return refused(fresh);
      const gate = gateOf(fresh) ?? oneOfTwo(fresh, { actor: facts.actor, lapsed });
      return gate === null ? decide(facts.rollout, approved(fresh, { by: facts.actor, lapsed })) : refused(gate);
    });
  }

  /**
   * Where it would go back to is looked up anew: what was good at the request may not be by now. So is how many must approve:
   * a file that has become stricter counts, one that has become laxer does not. A turn in line does so, too.
   */
  function approved(
    { stored, place }: Found,
    { by, lapsed }: { readonly by: Actor; readonly lapsed: readonly LapsedApproval[] },
  ): LaterEvent {
    const { kind, release } = stored.state;
    const back = kind === "rollback" ? null : goodBesides(store, keyOf(place), release);
    const { required } = approvalsFor(place.environment, stored.allowBad !== null);
    const more = required > stored.state.approvalsRequired ? { required } : {};
    return { type: "approved", at: clock.now(), by, back, ...more, ...(lapsed.length === 0 ? {} : { lapsed }) };
  }

  /** What has come between since it was asked for. In line nothing is checked yet: its turn plans and checks anew. */
  function gateOf({ stored, place }: Found): Refusal | null {
    const { state } = stored;
    if (state.phase !== "awaiting_approval") return null;
    const lock = state.kind === "rollback" ? null : lockRefusal({ store, place, now: clock.now() });
    if (lock !== null) return lock;
    const judged = judgedSince(store, place, stored);
    if (judged !== null) return throwOut(state.number, judged);
    const changed = planChange(place, stored);
    if (changed === null) return null;
    conductor.tell(state.number, { type: "plan_changed", at: clock.now(), detail: changed });
    return refuse("plan_changed", `The plan of #${state.number} does not hold any more: ${changed}.`);
  }

  /** Nobody could ever approve it; left waiting, it would hold its environment until it expires. */
  function throwOut(rollout: number, judged: Refusal): Refusal {
    conductor.tell(rollout, { type: "thrown_out", at: clock.now(), reason: judged.reason, detail: judged.text });
    return judged;
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
    // Whoever asked for it may also stop it: to stop is safe.
    const isOwn = isSame(stored.state.requester, facts.actor);
    const refusal = isOwn ? null : await mayNotCancel(stored.state, facts.actor);
    if (refusal !== null) return refused(refusal);
    const { actor: by, why } = facts;
    return decide(facts.rollout, { type: "cancelled", at: clock.now(), by, why, blame: false });
  }

  function mayNotCancel(state: RolloutState, actor: Actor): Promise<Refusal | null> {
    const roles = actingRoles(config, state);
    return people.refusal({ actor, roles, what: `cancel a rollout of ${where(state)}` });
  }

  /** Between a terminal and Slack nobody can be told apart from the requester. Saying no is open to them; saying yes is not. */
  function untoldApprover({ stored, place }: Found, actor: Actor): Refusal | null {
    const { number, requester } = stored.state;
    const { notRequester, from } = approvalsFor(place.environment, stored.allowBad !== null);
    if (stored.allowBad !== null && requester.kind === "local" && mayBeOne(requester, actor)) {
      return refuse(
        "own_request",
        `#${number} was asked for at a terminal, and Gantry cannot tell that it was not you; a bad release needs a second person.`,
        `Someone else of ${from.join(" or ")} approves it at a terminal on the server: \`gantry approve ${number}\`.`,
      );
    }
    if (!notRequester || cannotApprove(requester, actor) === null) return null;
    return refuse(
      "own_request",
      `#${number} was asked for in Slack, and from a terminal Gantry cannot tell that it was not you; the requester may not approve.`,
      `Someone of ${from.join(" or ")} approves it in Slack, on its card or with \`/gantry approve ${number}\`.`,
    );
  }

  /** More than one must say yes, and whoever did may be the same person by their other name. */
  function oneOfTwo(
    { stored, place }: Found,
    { actor, lapsed }: { readonly actor: Actor; readonly lapsed: readonly LapsedApproval[] },
  ): Refusal | null {
    const { number, approvals } = stored.state;
    const { required, from } = approvalsFor(place.environment, stored.allowBad !== null);
    const needed = Math.max(required, stored.state.approvalsRequired);
    const other = approvals.find(({ by }) => mayBeOne(by, actor) && !lapsed.some((l) => isSame(l.by, by)))?.by;
    if (needed < 2 || other === undefined) return null;
    const [there, way] =
      other.kind === "local"
        ? ["at a terminal", `at a terminal on the server: \`gantry approve ${number}\``]
        : ["in Slack", `in Slack, on its card or with \`/gantry approve ${number}\``];
    return refuse(
      "own_request",
      `${other.name} approved #${number} ${there}, and Gantry cannot tell that it was not you; it needs ${needed} different people.`,
      `Someone else of ${from.join(" or ")} approves it ${way}.`,
    );
  }

  function find(number: number, planHash: string | null): Found | Refusal {
    const stored = store.rollouts.find(number);
    if (stored === null) return unknownRollout(number);
    const place = placeOf(config, stored.state.service, stored.state.environment);
    if (isRefusal(place)) {
      return { ...place, next: `Cancel it (\`/gantry cancel ${number}\`), or bring its file back and restart the server.` };
    }
    if (planHash !== null && planHash !== stored.state.planHash) return staleClick(number);
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
    if (state.phase !== "awaiting_approval" && state.phase !== "in_line") return tooLate(state);
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
    const isAsked = stored.state.kind === "deploy";
    if (isAsked && wasEdited(place.service.spec, release.spec)) return "the service file was edited";
    const now = planFor(store, { ...place, kind: stored.state.kind, release, gone: goneFrom(parts, place) });
    return now.hash === stored.state.planHash ? null : (planDifference(stored.plan, now.plan) ?? "it would be another one now");
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
