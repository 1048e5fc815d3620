/** The secrets of a release: which there are, what they were, and which are others by now. Names and versions only. */
import type { ContainerSpec, ReleaseSpec, SecretUse } from "./release.ts";

/** Where the server reads a value. */
export type SecretProvider = {
  readonly name: string;
  /** null: for all that have none of their own. */
  readonly environment: string | null;
  /** That may have it; empty: all. */
  readonly services: readonly string[];
  readonly from:
    | { readonly kind: "file"; readonly path: string }
    | { readonly kind: "environment"; readonly variable: string }
    | { readonly kind: "command"; readonly command: readonly string[] };
};

/** A secret of the server as one place needs it. */
export type ServerSecret = { readonly service: string; readonly environment: string; readonly name: string };

/** The environment's own before the common one; null when there is none, or it is not for that service. */
export function providerOf(all: readonly SecretProvider[], { service, environment, name }: ServerSecret): SecretProvider | null {
  const named = all.filter((one) => one.name === name);
  const found = named.find((one) => one.environment === environment) ?? named.find((one) => one.environment === null);
  return found === undefined || (found.services.length > 0 && !found.services.includes(service)) ? null : found;
}

/** Today's versions of an environment's secrets, by name in the service file. */
export type SecretVersions = Readonly<Record<string, string>>;

/** Of a secret that is another one than it was: the release that was made with the earlier one. */
export type SecretChange = { readonly name: string; readonly since: number };

/** What an agent answers for when it asks the server: the secrets of a spec that come from there, each name once. */
export function serverSecrets(spec: ReleaseSpec): ReadonlyMap<string, string> {
  const uses = containersOf(spec).flatMap(({ secrets = [] }) => secrets);
  return new Map(uses.flatMap(({ name, from }) => (from.kind === "server" ? [[name, from.name] as const] : [])));
}

/** The spec with other secrets; the very same when it has none. */
export function withSecrets(spec: ReleaseSpec, change: (use: SecretUse) => SecretUse): ReleaseSpec {
  if (!containersOf(spec).some(({ secrets }) => secrets !== undefined)) return spec;
  const of = (container: ContainerSpec): ContainerSpec =>
    container.secrets === undefined ? container : { ...container, secrets: container.secrets.map(change) };
  const { supporting } = spec;
  return {
    ...spec,
    container: of(spec.container),
    ...(supporting === undefined ? {} : { supporting: supporting.map((one) => ({ ...one, container: of(one.container) })) }),
  };
}

/** As a service file says it. */
export function withoutVersions(use: SecretUse): SecretUse {
  const { versions: _all, version: _one, ...plain } = use;
  return plain;
}

/** As the agents of one environment are told it. */
export function versionIn(use: SecretUse, environment: string): SecretUse {
  const { versions, ...plain } = use;
  const version = versions !== undefined && Object.hasOwn(versions, environment) ? versions[environment] : undefined;
  return version === undefined ? plain : { ...plain, version };
}

/** The container as a service file says it. */
export function unversioned(container: ContainerSpec): ContainerSpec {
  return container.secrets === undefined ? container : { ...container, secrets: container.secrets.map(withoutVersions) };
}

type Made = { readonly number: number; readonly spec: ReleaseSpec };

/**
 * Secrets that are others by now than when the release was made, or than when what is live was; specs of one environment.
 * `today`: as they were read when the rollout was asked for. A rollback reads nothing: then the newer of the two releases knows best.
 */
export function secretChanges(facts: {
  readonly release: Made;
  readonly live: Made | null;
  readonly today: SecretVersions | null;
}): readonly SecretChange[] {
  const { release, live } = facts;
  const [then, before] = [versionsOf(release.spec), live === null ? {} : versionsOf(live.spec)];
  const newest = live !== null && live.number > release.number ? { ...then, ...before } : { ...before, ...then };
  const today = { ...newest, ...facts.today };
  return Object.keys(then).flatMap((name): SecretChange[] => {
    if (then[name] !== today[name]) return [{ name, since: release.number }];
    if (live === null || before[name] === undefined || before[name] === today[name]) return [];
    return [{ name, since: live.number }];
  });
}

/** Of the spec of one environment. */
function versionsOf(spec: ReleaseSpec): SecretVersions {
  const uses = containersOf(spec).flatMap(({ secrets = [] }) => secrets);
  return Object.fromEntries(uses.flatMap(({ name, version }) => (version === undefined ? [] : [[name, version] as const])));
}

function containersOf(spec: ReleaseSpec): readonly ContainerSpec[] {
  return [spec.container, ...(spec.supporting ?? []).map(({ container }) => container)];
}
