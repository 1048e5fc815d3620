/** The common end of deploy, promote and restart: the gates in order, then a rollout, at once or in line. */
import { type Refusal, refuse } from "../core/reasons.ts";
import type { Release } from "../core/release.ts";
import type { SecretVersions } from "../core/secrets.ts";
import {
  type ApprovalsNeeded,
  approvalsFor,
  cannotApprove,
  goneFrom,
  mayBeOne,
  type RequestParts,
  refused,
  requestedEvent,
} from "./asked.ts";
import type { Opened, Origin, Refused } from "./gantry.ts";
import { badVerdict, planGates, standsInTheWay } from "./gates.ts";
import { joinLine, lineGate } from "./line-rules.ts";
import { keyOf, nameOf, type Place } from "./place.ts";
import { type Planned, planFor } from "./planner.ts";
import type { Actor } from "./ports.ts";

/** What is asked, once the release is known. */
export type Ask = {
  readonly place: Place;
  readonly kind: "deploy" | "promote" | "restart";
  readonly release: Release;
  readonly ref: string | null;
  /** The versions of its secrets as they were read just now; absent: it has none of the server's. */
  readonly today?: SecretVersions;
  readonly allowBad: boolean;
  /** Waits in line when it cannot begin now. */
  readonly wait: boolean;
  readonly why: string | null;
  readonly actor: Actor;
  readonly origin: Origin;
};

export type Asks = {
  /** What can be said before anything outside is asked. `what`: "deploy to". */
  early(facts: {
    readonly place: Place;
    readonly actor: Actor;
    readonly wait: boolean;
    readonly what: string;
  }): Promise<Refusal | null>;
  ask(request: Ask): Promise<Opened | Refused>;
};

export function createAsks(parts: RequestParts): Asks {
  const { store, people, clock } = parts;

  async function early({ place, actor, wait, what }: Parameters<Asks["early"]>[0]): Promise<Refusal | null> {
    const roles = place.environment.deployers;
    const refusal = await people.refusal({ actor, roles, what: `${what} ${nameOf(place)}` });
    return refusal ?? (wait ? null : standsInTheWay(store, place, clock.now()));
  }

  async function ask(request: Ask): Promise<Opened | Refused> {
    const { place, release, actor } = request;
    const isBad = badVerdict(store, keyOf(place), release) !== null;
    const approvals = approvalsFor(place.environment, isBad);
    const isOut = (person: Pick<Actor, "kind" | "id">) =>
      approvals.notRequester && (cannotApprove(actor, person) !== null || (isBad && mayBeOne(actor, person)));
    const few = await tooFewApprovers(place, approvals, isOut);
    if (few !== null) return refused(few);
    return parts.conductor.atomically(() => {
      const again = store.rollouts.byRequest(request.origin.key);
      if (again !== null) return { kind: "opened", rollout: again.number };
      const inTheWay = standsInTheWay(store, place, clock.now());
      if (inTheWay !== null && !request.wait) return refused(inTheWay);
      const bad = badVerdict(store, keyOf(place), release);
      const planned = planFor(store, { ...place, kind: request.kind, release, gone: goneFrom(parts, place) });
      const gate = badGate(request, bad) ?? planGates(parts, { place, planned, release });
      const full = inTheWay === null ? null : lineGate(store, request);
      const refusal = gate ?? full;
      if (refusal !== null) return refused(refusal);
      return open(request, { planned, verdict: bad?.text ?? null, inLine: inTheWay !== null });
    });
  }

  /** The request could never be decided. Whoever is known to be unable to decide is not counted. */
  async function tooFewApprovers(
    place: Place,
    approvals: ApprovalsNeeded,
    isOut: (person: Pick<Actor, "kind" | "id">) => boolean,
  ): Promise<Refusal | null> {
    const { required, from, notRequester } = approvals;
    if (required === 0) return null;
    const count = await people.count(from, isOut);
    if (count === null || count >= required) return null;
    const besides = notRequester ? " besides you" : "";
    const needs = required === 1 ? "an approval" : `${required} approvals`;
    const has = count === 0 ? `nobody${besides} can give it` : `only ${count}${besides} can give them`;
    return refuse("no_approvers", `${nameOf(place)} needs ${needs} by ${from.join(" or ")}, and ${has}.`);
  }

  function badGate(request: Ask, bad: Refusal | null): Refusal | null {
    if (bad === null) return null;
    if (!request.allowBad) return bad;
    if ((request.why ?? "").trim() !== "") return null;
    return refuse("missing_word", "`--allow-bad` needs a reason.", 'Add `--reason "why it must ship"`.');
  }

  /** `verdict`: why the release is held to be bad here; null when it is not. */
  function open(
    request: Ask,
    facts: { readonly planned: Planned; readonly verdict: string | null; readonly inLine: boolean },
  ): Opened {
    const { place, release, kind, actor, origin } = request;
    const { planned, verdict, inLine } = facts;
    const at = clock.now();
    const number = store.rollouts.nextNumber();
    const approvalsRequired = approvalsFor(place.environment, verdict !== null).required;
    const event = requestedEvent({ planned, number, at, actor, place, kind, approvalsRequired, inLine });
    const row = {
      ...keyOf(place),
      kind,
      release: release.number,
      plan: request.today === undefined ? planned.plan : { ...planned.plan, secrets: request.today },
      planHash: planned.hash,
      requestKey: origin.key,
      ref: request.ref,
      why: request.why,
      allowBad: verdict === null ? null : { why: request.why ?? "", verdict },
      channel: origin.channel,
      requestedAt: at,
    };
    parts.conductor.open(row, event);
    if (inLine) joinLine(parts, keyOf(place), number);
    return { kind: "opened", rollout: number };
  }

  return { early, ask };
}
