/** Whether the images of a release run on the hosts that it is meant for: found out when it is asked for, not when it fails there. */
import { membersOf } from "../core/members.ts";
import { type Refusal, refuse } from "../core/reasons.ts";
import type { Release } from "../core/release.ts";
import { nameOf, type Place } from "./place.ts";
import { hostsOf } from "./planner.ts";
import { type Log, OutsideError, type Registry } from "./ports.ts";
import type { Store } from "./store.ts";

const hostsShown = 5;

/**
 * Null when every image has a variant for every host that says what it is, and when nobody can tell: a registry that does
 * not answer is no reason to refuse, since the agents look again at what they pulled.
 */
export async function wrongPlatform(
  parts: { readonly store: Store; readonly registry: Registry; readonly log: Log },
  facts: { readonly place: Place; readonly release: Pick<Release, "digest" | "spec"> },
): Promise<Refusal | null> {
  const hosts = platformsOfHosts(parts.store, facts.place);
  if (hosts.size === 0) return null;
  const images = new Map(
    membersOf(facts.release).map(({ container, digest }) => [`${container.image}@${digest}`, { container, digest }]),
  );
  for (const { container, digest } of images.values()) {
    const offered = await platformsOfImage(parts, { image: container.image, digest });
    const missing = offered === null ? [] : [...hosts].filter(([platform]) => !offered.includes(platform));
    if (offered !== null && missing.length > 0) return refusal({ ...facts, image: container.image, offered, missing });
  }
  return null;
}

/** Names of the hosts that take part, by platform. Old agents do not say theirs. */
function platformsOfHosts(store: Store, { environment }: Place): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>();
  for (const { name, intent, engine } of hostsOf(store, environment)) {
    const platform = engine?.platform;
    if (intent === null && platform !== undefined) found.set(platform, [...(found.get(platform) ?? []), name]);
  }
  return found;
}

async function platformsOfImage(
  parts: { readonly registry: Registry; readonly log: Log },
  { image, digest }: { readonly image: string; readonly digest: string },
): Promise<readonly string[] | null> {
  try {
    return await parts.registry.platforms(image, digest);
  } catch (error) {
    if (!(error instanceof OutsideError)) throw error;
    parts.log.warn({ image, digest, reason: error.reason, detail: error.message }, "the platforms of an image cannot be told");
    return null;
  }
}

function refusal(facts: {
  readonly place: Place;
  readonly image: string;
  readonly offered: readonly string[];
  readonly missing: readonly (readonly [platform: string, hosts: readonly string[]])[];
}): Refusal {
  const wanted = facts.missing.map(([platform, hosts]) => {
    const more = hosts.length > hostsShown ? ` and ${hosts.length - hostsShown} more` : "";
    const verb = hosts.length === 1 ? "is" : "are";
    return `${hosts.slice(0, hostsShown).join(", ")}${more} ${verb} ${platform}`;
  });
  const text = `${facts.image} is built for ${facts.offered.join(", ")} only, and of ${nameOf(facts.place)} ${wanted.join("; ")}.`;
  return refuse("wrong_platform", text);
}
