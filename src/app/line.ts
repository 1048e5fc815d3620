/**
 * Moves the line. Whenever something about an environment changed (a rollout ended, a lock went, somebody left the line or let
 * it go on) `advance` looks whether the first may begin: is the environment free, may its requester still ask, is the release
 * still fit to ship? Then the plan is made anew and its turn comes; otherwise it is thrown out, and the next one is looked at.
 *
 * Nothing here is remembered outside of the store: after a start `advanceAll` looks at every environment again.
 */
import { wasEdited } from "../core/pins.ts";
import { type Refusal, refuse } from "../core/reasons.ts";
import type { LapsedApproval } from "../core/rollout-state.ts";
import type { SlotKey } from "../core/slot.ts";
import { lapsedApprovals } from "./approvals.ts";
import { approvalsFor, budgetOfPlan, goneFrom, hostsOfPlan, isRefusal, type RequestParts } from "./asked.ts";
import { judgedSince, lockOf, planGates } from "./gates.ts";
import { announceNext, holdAfterFailure, releaseBehind, tellRequester } from "./line-rules.ts";
import { nameOf, type Place, placeOf } from "./place.ts";
import { planFor } from "./planner.ts";
import { finishRollback } from "./rollback-open.ts";
import type { StoredRollout } from "./store.ts";

export type LineParts = RequestParts & {
  /** Draws the card of a rollout again: its place in line changed although nothing happened to it. */
  readonly redraw: (rollout: number) => void;
};

export type Line = {
  /** Looks at one environment. Never rejects or throws; what must be asked outside is asked in the background. */
  advance(key: SlotKey): void;
  advanceAll(): void;
  /** Since when the first in line cannot begin because nobody says who holds a role; null: it is not so. */
  keptBackSince(key: SlotKey): number | null;
  stop(): void;
};

/** The store cannot be written, or Slack does not say who holds a role: how long until the next look. */
const retryMs = 30_000;

export function createLine(parts: LineParts): Line {
  const { store, config, clock, log, people, conductor } = parts;
  /** Environments that are being looked at, and those at which something changed meanwhile. */
  const under = new Set<string>();
  const again = new Set<string>();
  const wakes = new Map<string, () => void>();
  const keptBackSince = new Map<string, number>();
  let stopped = false;

  function advance(key: SlotKey): void {
    if (stopped) return;
    const name = `${key.service} ${key.environment}`;
    wakes.get(name)?.();
    wakes.delete(name);
    if (!tidy(key)) return;
    if (under.has(name)) {
      again.add(name);
      return;
    }
    under.add(name);
    void turns(key, name);
  }

  /** What follows from an end without asking anybody. False: it could not be done now. */
  function tidy(key: SlotKey): boolean {
    try {
      if (store.freeze.current() !== null) return false;
      conductor.atomically(() => {
        finishRollback(parts, key);
        holdAfterFailure(parts, key);
        releaseBehind(parts, key);
      });
      return true;
    } catch (error) {
      log.error({ err: error, ...key }, "the line could not be looked after; it will be tried again");
      lookAgainLater(key);
      return false;
    }
  }

  async function turns(key: SlotKey, name: string): Promise<void> {
    try {
      do {
        again.delete(name);
        while (!stopped && (await oneTurn(key)));
      } while (!stopped && again.has(name));
    } catch (error) {
      log.error({ err: error, ...key }, "the line could not go on; it will be tried again");
      lookAgainLater(key);
    } finally {
      under.delete(name);
    }
  }

  function lookAgainLater(key: SlotKey): void {
    if (stopped) return;
    const name = `${key.service} ${key.environment}`;
    wakes.get(name)?.();
    wakes.set(
      name,
      clock.wakeAt(clock.now() + retryMs, () => advance(key)),
    );
  }

  /** True: something moved, look again. */
  async function oneTurn(key: SlotKey): Promise<boolean> {
    const first = whoseTurn(key);
    if (first === null) {
      if (conductor.atomically(() => announceNext(parts, key))) redrawAll(key);
      return false;
    }
    const place = placeOf(config, key.service, key.environment);
    const standing = isRefusal(place) ? place : await standingOf(first, place);
    if (stopped) return false;
    if (isRefusal(standing) && standing.reason === "chat_unreachable") {
      const name = `${key.service} ${key.environment}`;
      keptBackSince.set(name, keptBackSince.get(name) ?? clock.now());
      log.warn(
        { rollout: first.number, ...key },
        "nobody says now whether the requester may still ask and the approvers approve; the turn waits",
      );
      lookAgainLater(key);
      return false;
    }
    keptBackSince.delete(`${key.service} ${key.environment}`);
    conductor.atomically(() => {
      // Authority was looked up outside of the transaction; whoever is first now may be another.
      if (whoseTurn(key)?.number === first.number) takeTurn(first.number, place, standing);
    });
    redrawAll(key);
    return true;
  }

  /** The first in line, when nothing keeps it. */
  function whoseTurn({ service, environment }: SlotKey): StoredRollout | null {
    if (store.freeze.current() !== null) return null;
    if (store.rollouts.active(service, environment) !== null) return null;
    if (lockOf(store, { service, environment }, clock.now()) !== null) return null;
    const first = store.rollouts.inLine(service, environment)[0];
    return first === undefined || first.state.pauses.length > 0 ? null : first;
  }

  /** The approvals of those who could not give them now; or why it may not begin: its requester could not ask now, or nobody says. */
  async function standingOf(first: StoredRollout, place: Place): Promise<readonly LapsedApproval[] | Refusal> {
    const what = `deploy to ${nameOf(place)}`;
    const refusal = await people.refusal({ actor: first.state.requester, roles: place.environment.deployers, what });
    return refusal ?? lapsedApprovals(people, { stored: first, place });
  }

  function takeTurn(number: number, place: Place | Refusal, standing: readonly LapsedApproval[] | Refusal): void {
    const stored = store.rollouts.find(number);
    if (stored === null) return;
    const refusal = isRefusal(place) ? place : isRefusal(standing) ? standing : begin(stored, { place, lapsed: standing });
    if (refusal === null) return;
    move(number, { type: "thrown_out", at: clock.now(), reason: refusal.reason, detail: refusal.text });
  }

  /** Its turn comes, with a plan of this moment; or the refusal it is thrown out with. */
  function begin(
    stored: StoredRollout,
    { place, lapsed }: { readonly place: Place; readonly lapsed: readonly LapsedApproval[] },
  ): Refusal | null {
    const { number, state } = stored;
    const release = store.releases.find(state.service, state.release);
    if (release === null) return refuse("image_missing", `r${state.release} is not known any more.`);
    if (state.kind === "deploy" && wasEdited(place.service.spec, release.spec)) {
      return refuse("plan_changed", `The service file of ${place.service.name} was edited since #${number} was asked for.`);
    }
    const planned = planFor(store, { ...place, kind: state.kind, release, gone: goneFrom(parts, place) });
    const gate = judgedSince(store, place, stored) ?? planGates(parts, { place, planned, release });
    if (gate !== null) return gate;
    const { secrets } = stored.plan;
    store.rollouts.setPlan(number, secrets === undefined ? planned.plan : { ...planned.plan, secrets }, planned.hash);
    tellRequester(parts, number, "turn");
    move(number, {
      type: "turn_came",
      at: clock.now(),
      from: planned.plan.from,
      back: planned.back,
      planHash: planned.hash,
      policy: planned.plan.policy,
      approvalsRequired: approvalsFor(place.environment, stored.allowBad !== null).required,
      expireMs: place.environment.approvals.expireMs,
      ...(lapsed.length === 0 ? {} : { lapsed }),
      batches: planned.plan.batches,
      hosts: hostsOfPlan(planned),
      ...budgetOfPlan(planned),
    });
    return null;
  }

  /** One that cannot be moved would be looked at for ever: better to say so and to look again later. */
  function move(number: number, event: Parameters<typeof conductor.tell>[1]): void {
    const told = conductor.tell(number, event);
    if (told.kind !== "moved") throw new Error(`#${number} is first in line and does not take ${event.type}`);
  }

  function redrawAll(key: SlotKey): void {
    for (const { number } of store.rollouts.inLine(key.service, key.environment)) parts.redraw(number);
  }

  return {
    advance,
    advanceAll() {
      const configured = config.services.flatMap((s) => s.environments.map((e) => ({ service: s.name, environment: e.name })));
      const isKnown = (key: SlotKey) => configured.some((c) => c.service === key.service && c.environment === key.environment);
      for (const key of [...configured, ...store.rollouts.lines().filter((key) => !isKnown(key))]) advance(key);
    },
    keptBackSince: ({ service, environment }) => keptBackSince.get(`${service} ${environment}`) ?? null,
    stop() {
      stopped = true;
      for (const cancel of wakes.values()) cancel();
    },
  };
}
