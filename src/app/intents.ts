/**
 * What a person wants of a host, whatever its liveness: cordoned (nothing new comes there), drained (cordoned, and emptied).
 * Its own fact: a host that blinks, reconnects or reboots keeps it.
 */
import type { IntentFacts } from "../core/facts.ts";
import { type Refusal, refuse } from "../core/reasons.ts";
import { type HostState, hostOf } from "../core/rollout-state.ts";
import { isRefusal, type RequestParts, refused } from "./asked.ts";
import { mostOut } from "./budget.ts";
import type { Convergence } from "./convergence.ts";
import { standingOf } from "./fitness.ts";
import type { Done, Gantry, Refused } from "./gantry.ts";
import { busy } from "./gates.ts";
import { leaveRollout } from "./leaving.ts";
import { type ConfiguredPlace, placesOf } from "./membership.ts";
import { hostsOf } from "./planner.ts";
import type { Actor, Fleet } from "./ports.ts";
import type { StoredHost } from "./store.ts";
import { where } from "./too-late.ts";

type Asked = { readonly host: string; readonly why: string | null; readonly actor: Actor };

export function createIntents(
  parts: RequestParts & { readonly convergence: Convergence; readonly fleet: Pick<Fleet, "nudge"> },
): Pick<Gantry, "cordon" | "drain" | "uncordon"> {
  const { store, config, conductor, clock, people } = parts;

  /** The host, when this person may take it out of or into every environment that it belongs to. */
  async function permitted(asked: Asked, verb: string): Promise<StoredHost | Refusal> {
    const host = store.hosts.find(asked.host);
    if (host === null || host.revokedAt !== null) return refuse("unknown_host", `There is no host \`${asked.host}\`.`);
    for (const roles of rolesFor(host)) {
      const refusal = await people.refusal({ actor: asked.actor, roles, what: `${verb} ${host.name}` });
      if (refusal !== null) return refusal;
    }
    return host;
  }

  /** One list for each environment. A host that belongs to none is anybody's who is on call or deploys somewhere. */
  function rolesFor(host: StoredHost): string[][] {
    const places = placesOf(config, host.labels);
    const all = config.services.flatMap((s) => s.environments);
    const lists = places.map(({ settings }) => [...new Set([...settings.oncall, ...settings.deployers])]);
    return lists.length > 0 ? lists : [[...new Set(all.flatMap((e) => [...e.oncall, ...e.deployers]))]];
  }

  async function cordon(asked: Asked): Promise<Done | Refused> {
    const host = await permitted(asked, "cordon");
    if (isRefusal(host)) return refused(host);
    return conductor.atomically(() => {
      const before = store.hosts.find(host.name)?.intent ?? null;
      if (before !== null) return refused(alreadyOut(host.name, before));
      intend(asked, "cordoned");
      const left = leaveRollouts(host.name);
      return done([`${host.name} is cordoned: nothing new comes there, and what serves goes on.`, ...left].join(" "));
    });
  }

  /** Where it waits, or has failed and may be tried again, it is waited for no more. In mid-swap, or on its way back, it finishes. */
  function leaveRollouts(host: string): string[] {
    const isIdle = ({ status }: HostState) => status === "waiting" || status === "failed";
    const idle = store.rollouts.allActive().filter(({ state }) => state.hosts.some((h) => h.host === host && isIdle(h)));
    return idle.flatMap(({ number }) => leaveRollout({ store, clock, conductor }, number, host) ?? []);
  }

  async function drain(asked: Asked): Promise<Done | Refused> {
    const host = await permitted(asked, "drain");
    if (isRefusal(host)) return refused(host);
    return conductor.atomically(() => {
      const before = store.hosts.find(host.name)?.intent ?? null;
      if (before?.kind === "drained") return refused(alreadyOut(host.name, before));
      const refusal = inUse(host.name) ?? tooMany(host);
      if (refusal !== null) return refused(refusal);
      intend(asked, "drained");
      return done(`${host.name} is drained: what served there is being stopped (${empty(host.name).join(", ") || "nothing"}).`);
    });
  }

  function inUse(host: string): Refusal | null {
    const active = store.rollouts.allActive().find(({ state }) => hostOf(state, host) !== null);
    return active === undefined ? null : busy(active.state, null);
  }

  /** The first environment that would have too many out; a host that is out already costs nothing. */
  function tooMany(host: StoredHost): Refusal | null {
    for (const place of placesOf(config, host.labels)) {
      const wanted = store.slots.get(host.name, place)?.release ?? null;
      const { unwell, away, unsure = [] } = conductor.fitnessOf(place, { planned: [], patient: false });
      if (wanted === null || !servesIn(place, host.name)) continue;
      if ([...unwell, ...away].includes(host.name) && !unsure.includes(host.name)) continue;
      const out = [...unwell, ...away].filter((name) => name !== host.name);
      const most = mostOut(place.settings.rollout, hostsOf(store, place.settings));
      if (isOnlyOne(host.name, place, out)) return onlyOne(place, host.name);
      if (out.length + 1 > most) return overBudget(place, out, most);
    }
    return null;
  }

  /** Nobody else would serve. */
  function isOnlyOne(host: string, place: ConfiguredPlace, out: readonly string[]): boolean {
    const others = store.slots.ofEnvironment(place).filter((slot) => slot.host !== host && slot.release !== null);
    const names = namesIn(place);
    return !others.some((slot) => names.includes(slot.host) && !out.includes(slot.host) && servesIn(place, slot.host));
  }

  /** As far as is known. One that is new there, and has not served yet, is neither out nor in. */
  function servesIn(place: ConfiguredPlace, host: string): boolean {
    return standingOf(store, store.slots.get(host, place) ?? undefined) !== "out";
  }

  function namesIn({ settings }: ConfiguredPlace): string[] {
    return hostsOf(store, settings).map((each) => each.name);
  }

  /** Returns what is emptied. */
  function empty(host: string): string[] {
    const full = store.slots.ofHost(host).filter((slot) => slot.release !== null);
    for (const { service, environment, rollout } of full) {
      store.slots.desire({ host, service, environment, rollout: rollout ?? 0, release: null });
    }
    return full.map(where);
  }

  async function uncordon(facts: { host: string; actor: Actor }): Promise<Done | Refused> {
    const asked = { ...facts, why: null };
    const host = await permitted(asked, "uncordon");
    if (isRefusal(host)) return refused(host);
    return conductor.atomically(() => {
      const before = store.hosts.find(host.name)?.intent ?? null;
      if (before === null) return done(`${host.name} takes part already; nothing was changed.`);
      intend(asked, null);
      parts.convergence.host(host.name);
      conductor.afterwards(() => conductor.hostChanged(host.name));
      return done(`${host.name} takes part again, and gets what is live.`);
    });
  }

  function intend({ host, why, actor: by }: Asked, kind: IntentFacts["kind"] | null): void {
    const at = clock.now();
    store.hosts.setIntent(host, kind === null ? null : { kind, by, at, why });
    store.history.act({ at, kind: kind ?? "uncordoned", by, facts: { host, why } });
    parts.log.info({ host, intent: kind, by: by.id, why }, "a person decided about a host");
    conductor.afterwards(() => parts.fleet.nudge(host));
  }

  return { cordon, drain, uncordon };
}

function done(text: string): Done {
  return { kind: "done", text };
}

function alreadyOut(host: string, { kind, by, at, why }: IntentFacts): Refusal {
  const since = new Date(at).toISOString().slice(0, 16).replace("T", " ");
  return refuse("cordoned", `${host} was ${kind} by ${by.name} at ${since} UTC${why === null ? "" : `: ${why}`}.`);
}

function onlyOne(place: ConfiguredPlace, host: string): Refusal {
  const next = `Bring another host into the environment first, or revoke it: \`gantry revoke ${host}\` on the server.`;
  return refuse("over_budget", `${host} is the only host that serves ${where(place)}; drained, nothing would.`, next);
}

function overBudget(place: ConfiguredPlace, out: readonly string[], most: number): Refusal {
  const hosts = most === 1 ? "1 host" : `${most} hosts`;
  const text = `${where(place)} may miss ${hosts} at once, and ${out.join(", ")} ${out.length === 1 ? "is" : "are"} out of service already.`;
  return refuse("over_budget", text);
}
