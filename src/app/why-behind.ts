/**
 * Why a host does not have what is live in a place that it belongs to, and what lies on it of places that it does not belong
 * to. The same rules as in convergence.ts, in the order in which they keep a host from it; asked only when somebody wants to know.
 */

import type { EnvironmentConfig, GantryConfig } from "../config/valid.ts";
import { releaseName } from "../core/release.ts";
import { lackingText } from "../core/requirement.ts";
import type { RolloutState } from "../core/rollout-state.ts";
import type { SlotKey } from "../core/slot.ts";
import { specIn } from "../core/spec-in.ts";
import { listed, missingOn } from "./abilities.ts";
import { mostOut } from "./budget.ts";
import { leftAsAdopted } from "./fence.ts";
import { createFitness, standingOf } from "./fitness.ts";
import { environmentOf } from "./membership.ts";
import { isBad, sentBackBy } from "./pending.ts";
import { hasLabels, hostsOf } from "./planner.ts";
import type { Fleet } from "./ports.ts";
import type { Requirements } from "./requirements.ts";
import type { Store, StoredHost, StoredSlot } from "./store.ts";
import { lackingEnds } from "./why-requires.ts";
import { namesOf, type Wait } from "./why-standing.ts";

type Place = SlotKey & { readonly settings: EnvironmentConfig };
type Behind = {
  readonly host: StoredHost;
  readonly place: Place;
  readonly slot: StoredSlot | null;
  readonly live: RolloutState;
  readonly active: RolloutState | null;
};

type PlaceNow = { readonly live: RolloutState | null; readonly active: RolloutState | null };

export type WhyBehind = {
  /** Null: it has what is live, or nothing is live, or the rollout under way sees to it, or another wait says why. */
  behind(host: StoredHost, place: Place, now: PlaceNow): Wait | null;
  /** How the place stands; looked up once, however many hosts are asked about. */
  standing(key: SlotKey): PlaceNow;
  /** Null: the host belongs to the place of the slot, or nothing is on it. */
  leftOver(host: StoredHost, slot: StoredSlot): Wait | null;
};

export function createWhyBehind(parts: {
  readonly store: Store;
  readonly config: GantryConfig;
  readonly fleet: Pick<Fleet, "isConnected" | "can">;
  readonly awaited: (key: SlotKey) => readonly string[];
  readonly requirements: Requirements;
}): WhyBehind {
  const { store, config, fleet } = parts;
  const fitnessOf = createFitness({ ...parts, isUnheard: () => false, isHeard: () => true });

  function standing({ service, environment }: SlotKey): PlaceNow {
    return {
      live: store.rollouts.live(service, environment)?.state ?? null,
      active: store.rollouts.active(service, environment)?.state ?? null,
    };
  }

  function behind(host: StoredHost, place: Place, { live, active }: PlaceNow): Wait | null {
    const slot = store.slots.get(host.name, place);
    if (live === null || slot?.release === live.release || active?.hosts.some((h) => h.host === host.name)) return null;
    const facts = { host, place, slot, live, active };
    if (host.intent !== null) return cordonedOnBad(facts);
    if (!fleet.isConnected(host.name)) return null;
    return (
      badIsLive(facts) ??
      unknownLive(facts) ??
      tooOld(facts) ??
      adopted(facts) ??
      sentBack(facts) ??
      lacking(facts) ??
      crowded(facts) ??
      comes(facts)
    );
  }

  function wait(facts: Behind, rest: Pick<Wait, "reason" | "text" | "ends">): Wait {
    const { host, place, slot, live } = facts;
    const { reason, text, ends } = rest;
    const serving = slot?.observed?.live ?? null;
    const has = serving === null ? "serves nothing" : `still serves ${releaseName(serving.release)}`;
    const where = `${place.service} ${place.environment} on ${host.name}`;
    const what = `${where}: ${has}, ${releaseName(live.release)} is live. ${text}`;
    return { reason, text: what, since: Math.max(live.endedAt ?? 0, host.enrolledAt), until: null, ends };
  }

  /** Going back passes by what a person took out; what was judged bad serves there on. */
  function cordonedOnBad(facts: Behind): Wait | null {
    const { host, place, slot } = facts;
    const serving = slot?.observed?.live ?? null;
    if (host.intent === null || serving === null || !isBad(store, place, serving.release)) return null;
    const text = `${releaseName(serving.release)} was judged bad; the host is ${host.intent.kind} by ${host.intent.by.name} and gets nothing.`;
    return wait(facts, {
      reason: "bad_release",
      text,
      ends: `\`/gantry uncordon ${host.name}\`: it gets what is live. Or \`/gantry drain ${host.name}\`.`,
    });
  }

  function badIsLive(facts: Behind): Wait | null {
    const { place, live } = facts;
    if (!isBad(store, place, live.release)) return null;
    const where = `${place.service} ${place.environment}`;
    const text = `${releaseName(live.release)} was judged bad, and what is bad comes to nobody.`;
    return wait(facts, { reason: "bad_release", text, ends: `\`/rollback ${where}\`, or a deploy of a fixed commit.` });
  }

  /** An adoption heard nobody there. */
  function unknownLive(facts: Behind): Wait | null {
    const { place } = facts;
    const hosts = parts.awaited(place);
    if (hosts.length === 0) return null;
    const text = "That is as the server knew it before the adoption, which heard no host there: what is live is not known.";
    const ends = `${namesOf(hosts.map((host) => ({ host })))}: the first that connects and serves something says it. Or a deploy to ${place.service} ${place.environment}; or \`gantry revoke\` for hosts that do not come back.`;
    return wait(facts, { reason: "awaiting_host", text, ends });
  }

  function tooOld(facts: Behind): Wait | null {
    const { host, place, live } = facts;
    const release = store.releases.find(place.service, live.release);
    const missing = release === null ? [] : missingOn(fleet, host.name, specIn(release.spec, place.environment));
    if (missing.length === 0) return null;
    const text = `Its agent is too old for that: it does not know ${listed(missing)}.`;
    return wait(facts, { reason: "incompatible_agent", text, ends: `The agent of ${host.name} is upgraded.` });
  }

  function adopted(facts: Behind): Wait | null {
    const { place, slot, live } = facts;
    if (!leftAsAdopted(slot, live)) return null;
    const text = "An adoption found it so, and what it found is changed by people only.";
    return wait(facts, {
      reason: "left_incomplete",
      text,
      ends: `A deploy to ${place.service} ${place.environment}, or a rollback.`,
    });
  }

  /** A rollout after the live one put the host back to something else than it came from. */
  function sentBack(facts: Behind): Wait | null {
    const { place, slot, live } = facts;
    const writer = slot === null || slot.release === null ? null : sentBackBy(store, slot, live);
    if (slot === null || slot.release === null || writer === null) return null;
    const text = `#${writer.number} put it back to ${releaseName(slot.release)} afterwards.`;
    return wait(facts, {
      reason: "left_incomplete",
      text,
      ends: `A deploy to ${place.service} ${place.environment}, or a rollback.`,
    });
  }

  /** Where the service serves already, the way back does not wait for what it stands on. */
  function lacking(facts: Behind): Wait | null {
    const { host, place, slot, live } = facts;
    if (live.kind === "rollback" && (slot?.observed?.live ?? null) !== null) return null;
    const [first] = parts.requirements.lacking(place.service, [host.name]);
    if (first === undefined) return null;
    const text = `It waits for a service that it needs first: ${lackingText(first)}.`;
    return wait(facts, { reason: "awaiting_service", text, ends: lackingEnds(first) });
  }

  /** One that serves nothing costs nothing; one that serves needs room. */
  function crowded(facts: Behind): Wait | null {
    const { host, place, slot, active } = facts;
    if (slot === null || slot.generation === 0 || standingOf(store, slot) === "out") return null;
    if (active !== null && active.startedAt !== null) {
      const text = `#${active.number} is under way, and the room for hosts that are out is its own.`;
      return wait(facts, { reason: "busy", text, ends: `#${active.number} ends: \`/gantry why #${active.number}\`.` });
    }
    const { unwell, away } = fitnessOf(place, { planned: [], patient: false });
    const most = mostOut(place.settings.rollout, hostsOf(store, place.settings));
    const out = [...unwell, ...away].filter((name) => name !== host.name).map((name) => ({ host: name }));
    if (out.length < most) return null;
    const text = `To swap it would put too many out of service at once: ${namesOf(out)} ${out.length === 1 ? "is" : "are"} out, ${most} may be.`;
    return wait(facts, { reason: "over_budget", text, ends: "One of those serves well again, or is revoked: `/gantry hosts`." });
  }

  function comes(facts: Behind): Wait {
    const text = "It gets that by itself, as soon as there is room and its agent has reported.";
    return wait(facts, { reason: "awaiting_host", text, ends: "The next report of its agent." });
  }

  function leftOver(host: StoredHost, slot: StoredSlot): Wait | null {
    const serving = slot.observed?.live ?? null;
    if (!isLeftOver(config, host, slot)) return null;
    const where = `${slot.service} ${slot.environment}`;
    const what = serving === null ? "what was wanted there" : releaseName(serving.release);
    return {
      reason: "left_over",
      text: `${host.name} does not belong to ${where} any more, and has ${what} still. No rollout and no rollback reaches it there.`,
      since: host.enrolledAt,
      until: null,
      ends: `Give the host its labels back (\`gantry enroll\`), or stop the container on the machine.`,
    };
  }

  return { standing, behind, leftOver };
}

/** Something is or should be on the host for a place whose labels it does not have (any more). */
export function isLeftOver(config: GantryConfig, host: Pick<StoredHost, "labels" | "revokedAt">, slot: StoredSlot): boolean {
  if (host.revokedAt !== null || (slot.release === null && (slot.observed?.live ?? null) === null)) return false;
  const settings = environmentOf(config, slot);
  return settings === null || !hasLabels(host.labels, settings.hosts);
}
