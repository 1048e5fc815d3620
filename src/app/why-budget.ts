/** Which hosts leave a rollout no room, and what people can do about those that do not come back by themselves. */
import type { GantryConfig } from "../config/valid.ts";
import type { IntentFacts } from "../core/facts.ts";
import { hasEnded, type RolloutState } from "../core/rollout-state.ts";
import { createFitness } from "./fitness.ts";
import type { Fleet } from "./ports.ts";
import type { Store } from "./store.ts";
import { namesOf } from "./why-standing.ts";

/** A host that is out of service. `intent` null: nobody took it out. `hasServed` false: nothing on it has ever been well here. */
export type Missing = { readonly host: string; readonly intent: IntentFacts | null; readonly hasServed: boolean };

/** By name; empty unless the rollout waits for room. */
export function missingFor(
  parts: { readonly store: Store; readonly config: GantryConfig; readonly fleet: Pick<Fleet, "isConnected"> },
  state: RolloutState,
): readonly Missing[] {
  if (state.reason !== "over_budget" || hasEnded(state)) return [];
  const { store } = parts;
  const fitnessOf = createFitness({ ...parts, isUnheard: () => false, isHeard: () => true });
  const { unwell, away } = fitnessOf(state, { planned: state.hosts.map((h) => h.host), patient: false });
  return [...unwell, ...away].sort().map((host) => ({
    host,
    intent: store.hosts.find(host)?.intent ?? null,
    hasServed: store.slots.get(host, state)?.hasServed === true,
  }));
}

/** What ends the wait: hosts that serve again, or what a person says of those that will not by themselves. */
export function roomAgain(missing: readonly Missing[]): string {
  const taken = missing.filter((m) => m.intent !== null);
  const fresh = missing.filter((m) => m.intent === null && !m.hasServed);
  const others = missing.length === 0 || missing.length > taken.length + fresh.length;
  return [
    ...(others ? ["One of them serves well again: `/gantry hosts`."] : []),
    ...(taken.length > 0 ? [takenText(taken)] : []),
    ...(fresh.length > 0 ? [freshText(fresh)] : []),
  ].join(" ");
}

function takenText(taken: readonly Missing[]): string {
  const named = namesOf(taken.map(({ host, intent }) => ({ host: intent === null ? host : `${host} (${by(intent)})` })));
  const one = oneOf(taken);
  const back = `\`/gantry uncordon ${one}\` lets it take part again, \`gantry revoke ${one}\` takes it away for good`;
  return `People took out ${named}: ${back}.`;
}

function by({ kind, by: person, why }: IntentFacts): string {
  return `${kind} by ${person.name}${why === null ? "" : `: ${why}`}`;
}

function freshText(fresh: readonly Missing[]): string {
  const are = fresh.length === 1 ? "is new and has" : "are new and have";
  return `${namesOf(fresh)} ${are} never served here: until it does, \`/gantry cordon ${oneOf(fresh)}\` gives its room back.`;
}

function oneOf(missing: readonly Missing[]): string {
  return missing.length === 1 ? (missing[0]?.host ?? "HOST") : "HOST";
}
