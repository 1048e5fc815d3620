/** Opening a rollback, and the second half of one that stopped a rollout which had not reached every host. */
import type { Release } from "../core/release.ts";
import type { Person, RolloutEvent } from "../core/rollout-state.ts";
import type { SlotKey } from "../core/slot.ts";
import { isRefusal, type RequestParts, requestedEvent } from "./asked.ts";
import { holdLine } from "./line-rules.ts";
import { keyOf, type Place, placeOf } from "./place.ts";
import { type Planned, planFor } from "./planner.ts";

export type OpenParts = Pick<RequestParts, "store" | "config" | "clock" | "conductor">;

/** Opens the rollout and holds the line: whoever waits asked before they could know. Returns its number. */
export function openRollback(
  parts: OpenParts,
  facts: {
    readonly place: Place;
    readonly target: Release;
    readonly planned: Planned;
    /** What is left, and so judged bad; null: nothing. */
    readonly leave: number | null;
    readonly actor: Person;
    readonly why: string | null;
    readonly key: string;
    readonly channel: string | null;
  },
): number {
  const { store, conductor, clock } = parts;
  const { place, target, planned, leave, actor, why } = facts;
  const at = clock.now();
  const number = store.rollouts.nextNumber();
  const asked = { planned, number, at, actor, place, kind: "rollback" as const, approvalsRequired: 0, inLine: false };
  const row = {
    ...keyOf(place),
    kind: "rollback" as const,
    release: target.number,
    plan: planned.plan,
    planHash: planned.hash,
    requestKey: facts.key,
    ref: null,
    why,
    allowBad: null,
    channel: facts.channel,
    requestedAt: at,
  };
  conductor.open(row, { ...requestedEvent(asked), from: leave });
  holdLine(parts, keyOf(place), { cause: number, why: `#${number} goes back to r${target.number}` });
  return number;
}

/**
 * A rollback in mid-rollout sends only the touched hosts to its target. Usually the others serve it already. When they do not
 * (the person named another release, or what was live had never been judged good), they follow when the stopped rollout has
 * ended, as a rollback by the same person: one decision, asked for once. The key of the request makes it happen once.
 */
export function finishRollback(parts: OpenParts, key: SlotKey): void {
  const { store, config } = parts;
  const { service, environment } = key;
  if (store.rollouts.active(service, environment) !== null) return;
  const last = store.rollouts.lastEnded(service, environment, ["succeeded", "incomplete", "restored", "stuck"]);
  if (last === null || (last.state.phase !== "restored" && last.state.phase !== "stuck")) return;
  const stop = store.rollouts.events(last.number).find(isRollbackTo);
  const place = placeOf(config, service, environment);
  const target = stop === undefined ? null : store.releases.find(service, stop.to);
  if (stop === undefined || target === null || isRefusal(place)) return;
  const requestKey = `rest-of:${last.number}`;
  if (store.rollouts.byRequest(requestKey) !== null) return;
  const planned = planFor(store, { ...place, kind: "rollback", release: target });
  const live = planned.plan.from;
  // Whoever does not serve what is live gets it by itself.
  if (live === target.number) return;
  const elsewhere = planned.plan.hosts.filter((h) => h.from !== null && h.from !== target.number);
  if (elsewhere.length === 0) return;
  openRollback(parts, {
    place,
    target,
    planned,
    leave: live,
    actor: stop.by,
    why: `the rest of #${last.number}: ${elsewhere.map((h) => h.host).join(", ")}`,
    key: requestKey,
    channel: last.channel,
  });
}

type RollbackTo = Extract<RolloutEvent, { type: "cancelled" }> & { readonly to: number };

function isRollbackTo(event: RolloutEvent): event is RollbackTo {
  return event.type === "cancelled" && event.blame && typeof event.to === "number";
}
