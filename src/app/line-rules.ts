/**
 * The line: who waits for an environment, in the order of the numbers. It moves by itself (line.ts) as long as all goes well.
 * After a rollback or a failed rollout it is held: whoever waits did not know of that when they asked, so a person lets it go on.
 */
import { type Refusal, refuse } from "../core/reasons.ts";
import type { Phase } from "../core/rollout-state.ts";
import type { SlotKey } from "../core/slot.ts";
import type { Ask } from "./asks.ts";
import type { Conductor } from "./conductor.ts";
import { keyOf, nameOf } from "./place.ts";
import type { Clock } from "./ports.ts";
import type { Store, StoredRollout } from "./store.ts";

export type LineRuleParts = { readonly store: Store; readonly conductor: Conductor; readonly clock: Clock };

const mostInLine = 20;

/** Ends after which what is live is not what was asked for, or is what it was before. */
const ends: readonly Phase[] = ["succeeded", "incomplete", "restored", "stuck"];

/** Why this request may not wait in line; null when it may. */
export function lineGate(store: Store, request: Ask): Refusal | null {
  const { place, release, actor } = request;
  const { service, environment } = keyOf(place);
  const active = store.rollouts.active(service, environment)?.state;
  if (active?.release === release.number && active.kind !== "rollback") {
    const text = `#${active.number} brings r${release.number} to ${nameOf(place)} already; there is nothing to wait for.`;
    return refuse("busy", text, "Look at its card.");
  }
  const line = store.rollouts.inLine(service, environment);
  const mine = line.find(
    ({ state }) => state.release === release.number && state.requester.kind === actor.kind && state.requester.id === actor.id,
  );
  if (mine !== undefined) {
    return refuse("in_line", `You wait in line with #${mine.number} for r${release.number} in ${nameOf(place)} already.`);
  }
  if (line.length < mostInLine) return null;
  return refuse("line_full", `${line.length} wait in line for ${nameOf(place)} already; more are not taken.`);
}

/** A new one in line shares the fate of those before it; whoever is first from the beginning sees so on the card. */
export function joinLine(parts: LineRuleParts, key: SlotKey, number: number): void {
  const line = parts.store.rollouts.inLine(key.service, key.environment);
  const first = line[0];
  if (first === undefined) return;
  if (first.number === number) noteNext(parts.store, number);
  else if (isHeld(first)) hold(parts, number, heldWhy(first));
}

function isHeld({ state }: StoredRollout): boolean {
  return state.pauses.some((p) => p.reason === "line_held");
}

function heldWhy({ state }: StoredRollout): string {
  return state.pauses.find((p) => p.reason === "line_held")?.why ?? "the line is held";
}

/** Holds everybody in line, once for each cause; `cause` is the rollout that went wrong or went back. */
export function holdLine(parts: LineRuleParts, key: SlotKey, facts: { readonly cause: number; readonly why: string }): void {
  const line = parts.store.rollouts.inLine(key.service, key.environment);
  holdThese(parts, line, facts);
}

function holdThese(
  parts: LineRuleParts,
  line: readonly StoredRollout[],
  { cause, why }: { readonly cause: number; readonly why: string },
): void {
  const mark = `line-held:${cause}`;
  if (line.length === 0 || parts.store.rollouts.byRequest(mark) !== null) return;
  for (const waiting of line) if (!isHeld(waiting)) hold(parts, waiting.number, why);
  parts.store.rollouts.noteRequest(mark, cause);
}

function hold(parts: LineRuleParts, number: number, why: string): void {
  const at = parts.clock.now();
  parts.conductor.tell(number, { type: "paused", at, reason: "line_held", by: null, why });
  tellRequester(parts, number, "held");
}

/** Holds the line when the newest end here was none to be glad of, and those in line asked before they could know. */
export function holdAfterFailure(parts: LineRuleParts, key: SlotKey): void {
  const last = parts.store.rollouts.lastEnded(key.service, key.environment, ends);
  if (last === null) return;
  const { number, kind, phase, endedAt } = last.state;
  if (kind !== "rollback" && phase !== "restored" && phase !== "stuck") return;
  const line = parts.store.rollouts.inLine(key.service, key.environment);
  const unaware = line.filter(({ state }) => state.requestedAt <= (endedAt ?? 0));
  holdThese(parts, unaware, { cause: number, why: `#${number} (${kind}) ended ${phase}` });
}

/** The first was let go by a person: so are those behind it. */
export function releaseBehind(parts: LineRuleParts, key: SlotKey): void {
  const [first, ...others] = parts.store.rollouts.inLine(key.service, key.environment);
  if (first === undefined || isHeld(first)) return;
  for (const { number } of others.filter(isHeld)) {
    parts.conductor.tell(number, { type: "resumed", at: parts.clock.now(), reason: "line_held", by: null });
  }
}

/** Whoever has become first hears of it, once. True when somebody new did. */
export function announceNext(parts: LineRuleParts, key: SlotKey): boolean {
  const first = parts.store.rollouts.inLine(key.service, key.environment)[0];
  if (first === undefined || isHeld(first) || !noteNext(parts.store, first.number)) return false;
  tellRequester(parts, first.number, "next");
  return true;
}

/** False: it was noted before. The note is a row like those of requests, so it is there after a crash too. */
function noteNext(store: Store, number: number): boolean {
  const mark = `line-next:${number}`;
  if (store.rollouts.byRequest(mark) !== null) return false;
  store.rollouts.noteRequest(mark, number);
  return true;
}

/** A direct message to whoever asked; drawn when it is sent. */
export function tellRequester(
  { store, clock }: Pick<LineRuleParts, "store" | "clock">,
  rollout: number,
  what: "next" | "turn" | "held",
): void {
  store.outbox.add({ key: `turn:${rollout}`, kind: "turn", rollout, body: { what }, at: clock.now(), replace: false });
}
