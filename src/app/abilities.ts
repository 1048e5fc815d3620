/**
 * Whether the agents of a place know what a release asks of them. One that passes a key over starts a container without what
 * the key asks for, and reports it as good: such a release is refused when it is asked for, and kept from hosts that come later.
 */
import { agentCan, lacks, meaningOf } from "../core/abilities.ts";
import { type Refusal, refuse } from "../core/reasons.ts";
import type { ReleaseSpec } from "../core/release.ts";
import { specIn } from "../core/spec-in.ts";
import { nameOf, type Place } from "./place.ts";
import { hostsOf } from "./planner.ts";
import type { Fleet } from "./ports.ts";
import type { Store, StoredSlot } from "./store.ts";

type Parts = { readonly store: Store; readonly fleet: Pick<Fleet, "can"> };

const hostsShown = 5;

/** Null when every connected host that takes part can run it. Hosts that are away are looked at when they come. */
export function incapableAgents(
  parts: Parts,
  facts: { readonly place: Place; readonly release: { readonly spec: ReleaseSpec } },
): Refusal | null {
  const text = incapableText(parts, facts);
  if (text === null) return null;
  return refuse("incompatible_agent", text, "Upgrade the agents of these hosts, then ask again; their containers do not notice.");
}

/** The same as a sentence: what the agents of which hosts do not know. */
export function incapableText(
  { store, fleet }: Parts,
  { place, release }: { readonly place: Place; readonly release: { readonly spec: ReleaseSpec } },
): string | null {
  const spec = specIn(release.spec, place.environment.name);
  const found = hostsOf(store, place.environment).flatMap(({ name, intent }) => {
    const missing = intent === null ? missingOn(fleet, name, spec) : [];
    return missing.length === 0 ? [] : [{ name, missing }];
  });
  if (found.length === 0) return null;
  const names = found.slice(0, hostsShown).map(({ name }) => name);
  const more = found.length > names.length ? ` and ${found.length - names.length} more` : "";
  const what = [...new Set(found.flatMap(({ missing }) => missing))];
  const agents = found.length === 1 ? "the agent of one host is" : `the agents of ${found.length} hosts are`;
  return `${nameOf(place)} needs ${listed(what)}, and ${agents} too old for that: ${names.join(", ")}${more}.`;
}

/** What the agent of a host does not know of what the release needs there; empty when it is away, since nobody can say. */
export function missingOn(fleet: Pick<Fleet, "can">, host: string, spec: ReleaseSpec): readonly string[] {
  const can = fleet.can(host);
  if (can === null || agentCan.every((ability) => can.includes(ability))) return [];
  return lacks(spec, can).map(meaningOf);
}

/** `a, b and c`. */
export function listed(words: readonly string[]): string {
  return words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`;
}

/** False: the host's agent cannot run what is wanted there. Going back is not kept from anybody: the host may have nothing else. */
export function mayTellSlot({ store, fleet }: Parts, slot: StoredSlot): boolean {
  const can = fleet.can(slot.host);
  if (slot.release === null || can === null || agentCan.every((ability) => can.includes(ability))) return true;
  const release = store.releases.find(slot.service, slot.release);
  if (release === null || missingOn(fleet, slot.host, specIn(release.spec, slot.environment)).length === 0) return true;
  const state = slot.rollout === null ? null : (store.rollouts.find(slot.rollout)?.state ?? null);
  return state !== null && (state.kind === "rollback" || state.release !== slot.release);
}
