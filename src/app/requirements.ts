/** What services stand on (`requires`), as things are now: which hosts lack it, and who stands on whom. */
import type { EnvironmentConfig, GantryConfig, ServiceConfig } from "../config/valid.ts";
import type { Dependant } from "../core/facts.ts";
import type { Lacking, Requirement } from "../core/requirement.ts";
import type { SlotKey } from "../core/slot.ts";
import { standingOf } from "./fitness.ts";
import { isOldGoal, isPending } from "./pending.ts";
import { hasLabels } from "./planner.ts";
import type { Fleet } from "./ports.ts";
import type { Store, StoredHost, StoredSlot } from "./store.ts";
import { conditionSince } from "./why-host.ts";

/** How far back it is looked since when something is unhealthy. */
const lookBackMs = 86_400_000;

export type RequirementParts = {
  readonly store: Store;
  readonly config: GantryConfig;
  readonly fleet: Pick<Fleet, "isConnected">;
  readonly now: () => number;
  /** It has reported since it connected; what was seen of it before that may not be so any more. */
  readonly isHeard: (host: string) => boolean;
};

export type Requirements = {
  /** What these hosts lack for the service, in their order; empty for one that requires nothing. */
  lacking(service: string, hosts: readonly string[]): readonly Lacking[];
};

export function createRequirements(parts: RequirementParts): Requirements {
  const { store, config, fleet } = parts;

  function lacking(service: string, hosts: readonly string[]): readonly Lacking[] {
    const required = requiredBy(config, service);
    if (required.length === 0 || hosts.length === 0) return [];
    const look = looks();
    return hosts.flatMap((name) => {
      const host = look.host(name);
      return host === null ? [] : required.flatMap((one) => lackingOn(host, one, look) ?? []);
    });
  }

  /** Hosts and slots are read once, however many hosts are asked about. */
  function looks() {
    const hosts = new Map(store.hosts.all().map((host) => [host.name, host]));
    const places = new Map<string, ReadonlyMap<string, StoredSlot>>();
    return {
      host: (name: string) => hosts.get(name) ?? null,
      slot(key: SlotKey, name: string): StoredSlot | undefined {
        const place = `${key.service} ${key.environment}`;
        const known = places.get(place) ?? new Map(store.slots.ofEnvironment(key).map((slot) => [slot.host, slot]));
        places.set(place, known);
        return known.get(name);
      },
    };
  }

  /** Null: it serves well there, in one of the environments that will do. */
  function lackingOn(host: StoredHost, required: Requirement, look: ReturnType<typeof looks>): Lacking | null {
    const base = { host: host.name, ...required };
    const covering = covers(config, required, host.labels);
    if (covering.length === 0) return { ...base, how: "uncovered" };
    const found = covering.map((environment): Lacking | null => {
      const key = { service: required.service, environment };
      const slot = look.slot(key, host.name);
      if (!fleet.isConnected(host.name) || !parts.isHeard(host.name)) return { ...base, environment, how: "unheard" };
      return standingOf(store, slot) === "well" ? null : { ...base, environment, ...howOf(slot) };
    });
    if (found.includes(null)) return null;
    return hopeful.flatMap((how) => found.find((one) => one?.how === how) ?? [])[0] ?? null;
  }

  function howOf(slot: StoredSlot | undefined): Pick<Lacking, "how" | "since"> {
    const live = slot?.observed?.live ?? null;
    if (slot === undefined || live === null) return { how: "absent" };
    if (slot.observed?.unseen === true) return { how: "unheard" };
    if (isPending(slot) && !isOldGoal(store, slot)) return { how: "changing" };
    const { service, environment } = slot;
    const samples = store.slots.series({ service, environment, since: parts.now() - lookBackMs });
    const since = conditionSince(samples.filter((sample) => sample.host === slot.host));
    return { how: "unhealthy", ...(since !== null && { since }) };
  }

  return { lacking };
}

/** Where several environments would do, the one that is nearest to it is told. */
const hopeful: readonly Lacking["how"][] = ["changing", "unhealthy", "absent", "unheard"];

function serviceOf(config: GantryConfig, name: string): ServiceConfig | null {
  return config.services.find((service) => service.name === name) ?? null;
}

function requiredBy(config: GantryConfig, service: string): readonly Requirement[] {
  return serviceOf(config, service)?.requires ?? [];
}

/** The environments of the required service that will do. */
function environmentsFor(config: GantryConfig, { service, environment }: Requirement): readonly EnvironmentConfig[] {
  const all = serviceOf(config, service)?.environments ?? [];
  return all.filter(({ name }) => environment === undefined || name === environment);
}

function covers(config: GantryConfig, required: Requirement, labels: StoredHost["labels"]): readonly string[] {
  return environmentsFor(config, required)
    .filter(({ hosts }) => hasLabels(labels, hosts))
    .map(({ name }) => name);
}

/** A requirement, the environments that would do, and the hosts that belong to none of them. */
export type Uncovered = {
  readonly required: Requirement;
  readonly environments: readonly EnvironmentConfig[];
  readonly hosts: readonly string[];
};

/** That does not change by waiting: labels are given when a host is enrolled. */
export function uncoveredOf(
  { store, config }: Pick<RequirementParts, "store" | "config">,
  service: string,
  hosts: readonly string[],
): readonly Uncovered[] {
  return requiredBy(config, service).flatMap((required) => {
    const without = hosts.filter((name) => covers(config, required, store.hosts.find(name)?.labels ?? {}).length === 0);
    return without.length === 0 ? [] : [{ required, environments: environmentsFor(config, required), hosts: without }];
  });
}

/** Environments of other services that stand on this one, and on how many of its hosts. */
export function dependantsOf({ store, config }: Pick<RequirementParts, "store" | "config">, key: SlotKey): readonly Dependant[] {
  const settings = environmentsFor(config, key)[0];
  if (settings === undefined) return [];
  const isMeant = (one: Requirement) => one.service === key.service && (one.environment ?? key.environment) === key.environment;
  const above = config.services.filter((service) => service.requires?.some(isMeant) === true);
  if (above.length === 0) return [];
  const mine = store.hosts.all().filter((host) => host.revokedAt === null && hasLabels(host.labels, settings.hosts));
  return above.flatMap((service) =>
    service.environments.flatMap((environment) => {
      const hosts = mine.filter((host) => hasLabels(host.labels, environment.hosts)).length;
      return hosts === 0 ? [] : [{ service: service.name, environment: environment.name, hosts }];
    }),
  );
}
