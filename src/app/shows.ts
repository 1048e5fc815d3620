/** What a release, or a build that is none yet, would be on its hosts: shown, not asked for. */

import type { GantryConfig } from "../config/valid.ts";
import { type Refusal, refuse } from "../core/reasons.ts";
import type { ReleaseSpec } from "../core/release.ts";
import { type DiffFacts, type RenderFacts, renderedContainers, type ShownBuild } from "../core/render-slot.ts";
import { specChanges } from "../core/spec-change.ts";
import { isRefusal, refused } from "./asked.ts";
import { findBuild } from "./builds.ts";
import type { Gantry, Refused } from "./gantry.ts";
import { pinned } from "./pins.ts";
import { nameOf, type Place, placeOf } from "./place.ts";
import { hostsOf } from "./planner.ts";
import type { Forge, Log, Registry, Secrets } from "./ports.ts";
import { pinnedSecrets } from "./secrets.ts";
import type { Store } from "./store.ts";

type Shown = ShownBuild & { readonly spec: ReleaseSpec };

export function createShows(parts: {
  readonly store: Store;
  readonly config: GantryConfig;
  readonly registry: Registry;
  readonly forge: Forge | null;
  readonly log: Log;
  readonly secrets?: Secrets;
}): Pick<Gantry, "render" | "diff"> {
  const { store, config } = parts;

  async function render({ service, environment, what }: Parameters<Gantry["render"]>[0]): Promise<RenderFacts | Refused> {
    const place = placeOf(config, service, environment);
    if (isRefusal(place)) return refused(place);
    const live = liveIn(place);
    const shown = what === null ? (live ?? nothingLive(place)) : await named(place, what);
    if (isRefusal(shown)) return refused(shown);
    const hosts = hostsOf(store, place.environment).filter((h) => h.intent === null);
    const containers = renderedContainers({ service, environment, ...shown });
    return { service, environment, build: briefly(shown), hosts: hosts.map((h) => h.name), containers };
  }

  async function diff({ service, environment, what }: Parameters<Gantry["diff"]>[0]): Promise<DiffFacts | Refused> {
    const place = placeOf(config, service, environment);
    if (isRefusal(place)) return refused(place);
    const live = liveIn(place);
    const shown = what === null ? await asWritten(place, live) : await named(place, what);
    if (isRefusal(shown)) return refused(shown);
    const changes = specChanges({ before: live, now: shown, environment });
    const from = live === null ? null : { number: live.number, commit: live.commit, digest: live.digest };
    return { service, environment, live: from, build: briefly(shown), changes };
  }

  function liveIn({ service, environment }: Place) {
    const live = store.rollouts.live(service.name, environment.name);
    return live === null ? null : store.releases.find(service.name, live.state.release);
  }

  /** `r41`, or a commit, tag or branch with the service file as it is now. */
  async function named(place: Place, what: string): Promise<Shown | Refusal> {
    const { service } = place;
    const number = /^r([1-9][0-9]{0,8})$/i.exec(what)?.[1];
    if (number !== undefined) {
      const found = store.releases.find(service.name, Number(number));
      return found ?? refuse("unknown_ref", `${service.name} has no release r${number}.`);
    }
    const build = await findBuild(parts, { service, ref: what });
    return isRefusal(build) ? build : withFile(place, build);
  }

  /** What is live, with the service file as it is now. */
  async function asWritten(place: Place, live: Omit<ShownBuild, "number"> | null): Promise<Shown | Refusal> {
    return live === null ? nothingLive(place) : withFile(place, live);
  }

  async function withFile(place: Place, { commit, digest }: Omit<ShownBuild, "number">): Promise<Shown | Refusal> {
    const spec = await pinned(parts.registry, place.service);
    if (isRefusal(spec)) return spec;
    const sealed = await pinnedSecrets(parts, { place, spec });
    return isRefusal(sealed) ? sealed : { number: null, commit, digest, spec: sealed.spec };
  }

  return { render, diff };
}

function nothingLive(place: Place): Refusal {
  return refuse(
    "nothing_live",
    `Nothing is live in ${nameOf(place)}.`,
    "Name a commit, a tag, a branch or a release such as `r41`.",
  );
}

function briefly({ number, commit, digest }: ShownBuild): ShownBuild {
  return { number, commit, digest };
}
