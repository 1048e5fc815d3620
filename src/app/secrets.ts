/** Secrets of the server: what versions a release pins, what has changed since, and which host may have which value. */

import { AskError } from "../core/ask.ts";
import { type Refusal, refuse } from "../core/reasons.ts";
import type { Release, ReleaseSpec } from "../core/release.ts";
import { type SecretVersions, serverSecrets, withSecrets } from "../core/secrets.ts";
import type { SlotKey } from "../core/slot.ts";
import { isRefusal } from "./asked.ts";
import { nameOf, type Place } from "./place.ts";
import { type Log, OutsideError, type Secrets } from "./ports.ts";
import type { Store } from "./store.ts";

type Asked = { readonly place: Place; readonly spec: ReleaseSpec };
type Parts = { readonly secrets?: Secrets };

/**
 * Today's versions in the place, by name in the service file; absent when it has none of the server's. Refuses when one is not
 * to be had: better now than on every host.
 */
export async function secretsToday({ secrets }: Parts, { place, spec }: Asked): Promise<{ today?: SecretVersions } | Refusal> {
  const wanted = [...serverSecrets(spec)];
  if (wanted.length === 0) return {};
  const read = await Promise.all(wanted.map(([name, server]) => versionOf(secrets, { place, name, server })));
  const refused = read.find((one) => typeof one !== "string");
  if (refused !== undefined) return refused;
  return { today: Object.fromEntries(wanted.map(([name], at) => [name, read[at] as string])) };
}

async function versionOf(
  secrets: Secrets | undefined,
  { place, name, server }: { place: Place; name: string; server: string },
): Promise<string | Refusal> {
  const where = `The secret ${name} of ${nameOf(place)} is not to be had`;
  if (secrets === undefined) return refuse("secret_missing", `${where}: this server has no secrets.`);
  try {
    const key = { service: place.service.name, environment: place.environment.name, name: server };
    return (await secrets.read(key)).version;
  } catch (error) {
    if (!(error instanceof OutsideError)) throw error;
    return refuse(error.reason, `${where}: ${error.message}.`);
  }
}

/**
 * The spec as a release keeps it: with today's version of each secret, in every environment where it can be read, so that a
 * promotion can say what has changed since. Refuses only for the place that was asked for.
 */
export async function pinnedSecrets(
  parts: Parts,
  asked: Asked,
): Promise<{ spec: ReleaseSpec; today?: SecretVersions } | Refusal> {
  const here = await secretsToday(parts, asked);
  if (isRefusal(here)) return here;
  if (here.today === undefined) return { spec: asked.spec };
  const { service, environment } = asked.place;
  const others = service.environments.filter(({ name }) => name !== environment.name);
  const read = await Promise.all(others.map((other) => versionsIn(parts, { ...asked, place: { service, environment: other } })));
  const known = new Map([...others.map(({ name }, at) => [name, read[at] ?? {}] as const), [environment.name, here.today]]);
  const spec = withSecrets(asked.spec, (use) => {
    const versions = [...known].flatMap(([name, all]) => (all[use.name] === undefined ? [] : [[name, all[use.name]] as const]));
    return use.from.kind === "host" ? use : { ...use, versions: Object.fromEntries(versions) as Record<string, string> };
  });
  return { spec, today: here.today };
}

/** What can be read there. */
async function versionsIn({ secrets }: Parts, { place, spec }: Asked): Promise<SecretVersions> {
  const wanted = [...serverSecrets(spec)];
  const read = await Promise.all(wanted.map(([name, server]) => versionOf(secrets, { place, name, server })));
  const found = wanted.flatMap(([name], at) => (typeof read[at] === "string" ? [[name, read[at]] as const] : []));
  return Object.fromEntries(found);
}

/** An agent that creates a container asks for one secret of it. */
export type SecretOrder = SlotKey & { readonly release: number; readonly name: string };

/**
 * The value for a host: only of a secret that the release has which is wanted on that very slot now. Rejects with AskError,
 * whose message never holds the value.
 */
export function createSecretDesk(parts: {
  readonly store: Store;
  readonly secrets?: Secrets;
  readonly log: Log;
  /** False: the server is frozen for this host, and says nothing. */
  readonly mayTell: (host: string) => boolean;
}): (host: string, order: SecretOrder) => Promise<Uint8Array> {
  const { store, secrets, log, mayTell } = parts;

  function serverName(host: string, { service, environment, release, name }: SecretOrder): string | null {
    const wanted = store.slots.get(host, { service, environment })?.release ?? null;
    const found: Release | null = wanted === release && mayTell(host) ? store.releases.find(service, release) : null;
    return found === null ? null : (serverSecrets(found.spec).get(name) ?? null);
  }

  return async (host, order) => {
    const { service, environment, release } = order;
    const server = serverName(host, order);
    if (server === null || secrets === undefined) {
      log.warn({ host, ...order }, "a host asks for a secret that is not wanted there");
      throw new AskError(
        "secret_missing",
        `r${release} of ${service} ${environment} is not wanted on ${host}, or has no such secret`,
      );
    }
    try {
      const { bytes, version } = await secrets.read({ service, environment, name: server });
      log.info({ host, ...order, version }, "a secret was given to a host");
      return bytes;
    } catch (error) {
      if (!(error instanceof OutsideError)) throw error;
      throw new AskError(error.reason, error.message);
    }
  };
}
