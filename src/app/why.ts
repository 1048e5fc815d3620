/**
 * The answer to `why`: what a rollout, a host or an environment waits for, since when, and what would end it. Only looks
 * things up by their index, so that it is as fast on a store of years as on a new one.
 */

import type { EnvironmentConfig } from "../config/valid.ts";
import { closest } from "../core/closest.ts";
import type { LockFacts, WhyFacts } from "../core/facts.ts";
import { reasons, refuse } from "../core/reasons.ts";
import { releaseName, shortCommit } from "../core/release.ts";
import { type HostState, hasEnded, type RolloutState } from "../core/rollout-state.ts";
import type { SlotKey } from "../core/slot.ts";
import { specIn } from "../core/spec-in.ts";
import { type WatchSample, watchRule } from "../core/watch.ts";
import { phaseWords } from "../messages/phase.ts";
import { missingOn } from "./abilities.ts";
import { approvalsFor } from "./asked.ts";
import { type FactsParts, stepsOf } from "./facts.ts";
import type { Refused } from "./gantry.ts";
import { placesOf } from "./membership.ts";
import { hasLabels } from "./planner.ts";
import { createRequirements } from "./requirements.ts";
import { isBlind } from "./soak-proof.ts";
import type { StoredHost, StoredRollout, StoredSlot } from "./store.ts";
import { createWhyBehind } from "./why-behind.ts";
import { missingFor } from "./why-budget.ts";
import { conditionSince, type HostAround, hostSentence, hostWaits, slotWait } from "./why-host.ts";
import { type Around, waitsOf } from "./why-rollout.ts";
import { unprovedOf } from "./why-soak.ts";
import { frozen, locked, mostHosts, type Wait } from "./why-standing.ts";
import { nameOf, storyOf, verdictTold } from "./why-story.ts";

/** How far back what was seen of a slot is looked at. */
const lookBackMs = 86_400_000;

/** `about`: `#142` or `142`, a host's name, or service and environment. */
export type WhyParts = FactsParts & {
  /** Since when the first in line cannot begin because nobody says who holds a role; null: it is not so. */
  readonly keptBackSince: (key: SlotKey) => number | null;
  /** Hosts that have to come before anybody knows what is live there. */
  readonly awaited: (key: SlotKey) => readonly string[];
};

export function createWhy(parts: WhyParts): { readonly why: (about: readonly string[]) => WhyFacts | Refused } {
  const { store, config, fleet, now } = parts;
  const requirements = createRequirements({ ...parts, isHeard: () => true });
  const rules = createWhyBehind({ ...parts, requirements });

  function why(about: readonly string[]): WhyFacts | Refused {
    const [first = "", second] = about;
    if (second !== undefined) return ofEnvironment({ service: first, environment: second });
    if (/^#?[0-9]+$/.test(first)) return ofRollout(Number(first.replace("#", "")));
    return ofHost(first);
  }

  // ---------------------------------------------------------- a rollout

  function ofRollout(number: number): WhyFacts | Refused {
    const stored = store.rollouts.find(number);
    if (stored === null) return refused("unknown_rollout", `There is no rollout #${number}.`);
    const { state } = stored;
    const verdict = store.verdicts.newest({ service: state.service, environment: state.environment, release: state.release });
    return {
      subject: `#${number}`,
      now: rolloutSentence(stored),
      waits: waitsOf(state, aroundOf(stored)),
      story: storyOf(store.rollouts.events(number), verdict === null ? [] : [verdict]),
      series: seriesOf(state),
      at: now(),
    };
  }

  function rolloutSentence({ number, state, plan }: StoredRollout): string {
    const { kind, release, service, environment, reason, detail, endedBy } = state;
    const what = `#${number}, ${kind} of ${releaseName(release)} (${shortCommit(plan.commit)}) to ${service} ${environment}: ${phaseWords(state)}`;
    if (!hasEnded(state)) return `${what}.`;
    const by = endedBy === null ? "" : ` by ${endedBy.name}`;
    const why = reason === null ? "" : ` ${reasons[reason].title} (${reason})${by}.`;
    return `${what}.${why}${detail === null || detail === "" ? "" : ` ${detail}.`}`;
  }

  function aroundOf({ number, state, allowBad }: StoredRollout): Around {
    const { service, environment } = state;
    const slots = store.slots.ofEnvironment({ service, environment });
    const active = store.rollouts.active(service, environment);
    const waitsInLine = state.phase === "in_line";
    const at = waitsInLine ? store.rollouts.inLine(service, environment).findIndex((r) => r.number === number) : -1;
    const settings = environmentOf(state);
    const approvals = settings === null ? null : approvalsFor(settings, allowBad !== null);
    const silent = hasEnded(state) ? [] : state.hosts.filter((h) => !fleet.isConnected(h.host));
    return {
      freeze: store.freeze.current(),
      lock: lockOf(state),
      keptBackSince: at === 0 && active === null ? parts.keptBackSince(state) : null,
      position: at < 0 ? null : at + 1,
      busyWith: active === null || active.number === number ? null : active.number,
      approvers: approvals?.from ?? [],
      notRequester: approvals?.notRequester ?? allowBad !== null,
      unproved: unprovedOf(state, { slots, fleet, isBlind: (host) => isBlind(store, host), now: now() }),
      away: new Map(silent.map(({ host }) => [host, store.hosts.find(host)?.lastSeenAt ?? null])),
      steps: stepsOf(slots, number),
      missing: missingFor(parts, state),
      lacking: lackingOf(state),
      serving: new Map(hasEnded(state) ? slots.flatMap(servedBy) : []),
    };
  }

  function lackingOf({ kind, service, hosts, ...state }: RolloutState): Around["lacking"] {
    if (hasEnded(state) || kind === "rollback") return [];
    const waiting = hosts.filter((h) => h.status === "waiting" && fleet.isConnected(h.host));
    return requirements.lacking(
      service,
      waiting.map((h) => h.host),
    );
  }

  /** What does not show in what is wanted of a slot: that other things are live there, or that it is not its place any more. */
  function placeWaits(host: StoredHost, slots: readonly StoredSlot[]): readonly Wait[] {
    if (host.revokedAt !== null) return [];
    const left = slots.map((slot) => rules.leftOver(host, slot));
    const behind = placesOf(config, host.labels).map((place) => rules.behind(host, place, rules.standing(place)));
    return [...left, ...behind].filter((wait) => wait !== null);
  }

  /** What tripped the watch; while it goes on, what it has seen so far. */
  function seriesOf({ watch, endedAt, service, environment }: RolloutState): WhyFacts["series"] {
    if (watch === null) return null;
    if (watch.finding !== null) return { rule: watch.finding.rule, samples: watch.finding.samples };
    if (watch.endedAt !== null || endedAt === null) return null;
    return { rule: watchRule, samples: store.slots.series({ service, environment, since: endedAt }) };
  }

  function environmentOf(key: SlotKey): EnvironmentConfig | null {
    const service = config.services.find((s) => s.name === key.service);
    return service?.environments.find((e) => e.name === key.environment) ?? null;
  }

  function lockOf({ service, environment }: SlotKey): LockFacts | null {
    const lock = store.locks.find({ service, environment });
    return lock === null || (lock.until !== null && lock.until <= now()) ? null : lock;
  }

  function freezeWaits(): readonly Wait[] {
    const freeze = store.freeze.current();
    return freeze === null ? [] : [frozen(freeze)];
  }

  // ---------------------------------------------------------- a host

  function ofHost(name: string): WhyFacts | Refused {
    const host = store.hosts.find(name);
    if (host === null) return unknownHost(name);
    const slots = store.slots.ofHost(name);
    const connected = fleet.isConnected(name);
    return {
      subject: name,
      now: hostSentence(host, slots, connected),
      waits: [...freezeWaits(), ...hostWaits(host, slots, aroundHosts()(host)), ...placeWaits(host, slots)],
      story: lastSteps(host),
      series: null,
      at: now(),
    };
  }

  /** What was seen is read once for each environment, however many of its hosts are asked about. */
  function aroundHosts(): (host: StoredHost) => HostAround {
    const seen = new Map<string, ReturnType<typeof store.slots.series>>();
    const samplesOf = ({ service, environment }: SlotKey) => {
      const key = `${service} ${environment}`;
      const known = seen.get(key) ?? store.slots.series({ service, environment, since: now() - lookBackMs });
      seen.set(key, known);
      return known;
    };
    return (host) => aroundHost(host, samplesOf);
  }

  /** A swap began or failed when its rollout says so; how a container is, is in what was seen of it. */
  function slotSince(slot: StoredSlot, samples: readonly WatchSample[]): number | null {
    const { observed, release, generation } = slot;
    const isAsWanted = observed?.generation === generation && (observed.live?.release ?? null) === release;
    const swap = slot.rollout === null ? undefined : hostIn(store.rollouts.find(slot.rollout), slot.host);
    const swapAt = swap?.endedAt ?? swap?.startedAt ?? null;
    const seenAt = conditionSince(samples.filter((s) => s.host === slot.host));
    return isAsWanted ? seenAt : (swapAt ?? seenAt);
  }

  function aroundHost(host: StoredHost, samplesOf: (key: SlotKey) => readonly WatchSample[]): HostAround {
    return {
      connected: fleet.isConnected(host.name),
      enrolledAt: host.enrolledAt,
      since: (slot) => slotSince(slot, samplesOf(slot)) ?? host.enrolledAt,
      missing: ({ service, environment, release: number }) => {
        const release = number === null ? null : store.releases.find(service, number);
        return release === null ? [] : missingOn(fleet, host.name, specIn(release.spec, environment));
      },
      rolloutOn: ({ service, environment }: SlotKey) => {
        const active = store.rollouts.active(service, environment);
        return active?.state.hosts.some((h) => h.host === host.name) ? active.number : null;
      },
    };
  }

  function lastSteps({ name, enrolledAt, lastSeenAt }: StoredHost): WhyFacts["story"] {
    const seen = store.slots.ofHost(name).flatMap(({ service, environment, observed, observedAt }) => {
      if (observed === null || observedAt === null) return [];
      const live =
        observed.live === null ? "nothing serves" : `${releaseName(observed.live.release)} serves (${observed.live.health})`;
      return [{ at: observedAt, text: `${service} ${environment} was seen: ${live}` }];
    });
    const heard = lastSeenAt === null ? [] : [{ at: lastSeenAt, text: "its agent was last heard of" }];
    return [{ at: enrolledAt, text: "it was enrolled" }, ...seen, ...heard].sort((a, b) => a.at - b.at);
  }

  function unknownHost(name: string): Refused {
    const service = config.services.find((s) => s.name === name.toLowerCase());
    if (service !== undefined) {
      const known = service.environments.map((e) => `\`${e.name}\``).join(", ");
      return refused(
        "missing_word",
        `Which environment of ${service.name}? There is ${known}.`,
        `Type \`/gantry why ${service.name} ENVIRONMENT\`.`,
      );
    }
    const near = closest(
      name,
      store.hosts.all().map((h) => h.name),
    );
    return refused("unknown_host", `There is no host \`${name}\`.${near === null ? "" : ` Did you mean \`${near}\`?`}`);
  }

  // ---------------------------------------------------------- an environment

  function ofEnvironment(key: SlotKey): WhyFacts | Refused {
    const { service, environment } = key;
    const settings = environmentOf(key);
    const active = store.rollouts.active(service, environment);
    if (settings === null && active === null) return unknownPlace(key);
    const line = store.rollouts.inLine(service, environment);
    const last = store.rollouts.lastEnded(service, environment, ["succeeded", "incomplete", "stuck"]);
    const lock = lockOf(key);
    const rollouts = [active, last, ...line.slice(0, 3)].filter((r) => r !== null);
    const about = (stored: StoredRollout) =>
      waitsOf(stored.state, { ...aroundOf(stored), freeze: null, lock: null }).map((w) => ({
        ...w,
        text: `#${stored.number}: ${w.text}`,
      }));
    return {
      subject: `${service} ${environment}`,
      now: placeSentence(key, active),
      waits: [
        ...freezeWaits(),
        ...(lock === null ? [] : [locked(lock, `${service} ${environment}`)]),
        ...rollouts.flatMap(about),
        ...(active === null && settings !== null ? hostsBehind(key, settings) : []),
      ],
      story: lastRollouts(key),
      series: last === null ? null : seriesOf(last.state),
      at: now(),
    };
  }

  function unknownPlace({ service, environment }: SlotKey): Refused {
    const known = config.services.find((s) => s.name === service);
    if (known === undefined) return refused("unknown_service", `There is no service \`${service}\`.`);
    const names = known.environments.map((e) => `\`${e.name}\``).join(", ");
    return refused("unknown_environment", `${service} has no environment \`${environment}\`. It has: ${names}.`);
  }

  function placeSentence({ service, environment }: SlotKey, active: StoredRollout | null): string {
    const live = store.rollouts.live(service, environment);
    const release = live?.state.release ?? null;
    const verdict = release === null ? null : store.verdicts.newest({ service, environment, release });
    const judged = verdict === null ? "" : ` (judged ${verdict.verdict} by ${nameOf(verdict.by)})`;
    const runs = release === null ? "Nothing is live" : `${releaseName(release)} is live${judged}`;
    return `${runs}. ${active === null ? "Nothing is under way." : `#${active.number} is under way: ${phaseWords(active.state)}.`}`;
  }

  /** Hosts of a place at rest that are not as they should be. */
  function hostsBehind(key: SlotKey, settings: EnvironmentConfig): readonly Wait[] {
    const slots = store.slots.ofEnvironment(key);
    const hosts = store.hosts.all().filter((h) => h.revokedAt === null && hasLabels(h.labels, settings.hosts));
    const around = aroundHosts();
    const standing = rules.standing(key);
    const waits: Wait[] = [];
    for (const host of hosts) {
      if (waits.length >= mostHosts) break;
      const slot = slots.find((s) => s.host === host.name);
      if (slot !== undefined) waits.push(...slotWait(host, slot, around(host)));
      const behind = rules.behind(host, { ...key, settings }, standing);
      if (behind !== null) waits.push(behind);
    }
    return waits.slice(0, mostHosts);
  }

  function lastRollouts({ service, environment }: SlotKey): WhyFacts["story"] {
    const newest = store.rollouts.list({ service, environment, limit: 5 });
    const told = newest.map(({ number, state }) => ({
      at: state.endedAt ?? state.since,
      text: `#${number} ${state.kind} of ${releaseName(state.release)} by ${state.requester.name}: ${phaseWords(state)}`,
    }));
    const judged = store.verdicts.good({ service, environment }, 1).map(verdictTold);
    return [...told, ...judged].sort((a, b) => a.at - b.at);
  }

  return { why };
}

/** The host and what serves well on it; not one that serves badly, or was not seen. */
function servedBy({ host, observed }: StoredSlot): readonly (readonly [string, number | null])[] {
  if (observed === null || observed.unseen === true) return [];
  const { live } = observed;
  return live === null ? [[host, null]] : live.health === "ok" ? [[host, live.release]] : [];
}

function hostIn(stored: StoredRollout | null, name: string): HostState | undefined {
  return stored?.state.hosts.find((h) => h.host === name);
}

function refused(...refusal: Parameters<typeof refuse>): Refused {
  return { kind: "refused", refusal: refuse(...refusal) };
}
