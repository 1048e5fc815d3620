/** Everything that the server wants of one host, as its agent is told it. */
import type { GantryConfig } from "../config/valid.ts";
import { imagesOf } from "../core/pins.ts";
import type { Release } from "../core/release.ts";
import type { RolloutState } from "../core/rollout-state.ts";
import type { DesiredPicture, DesiredRelease, DesiredSlot, PrepareImage } from "../core/slot.ts";
import { specIn } from "../core/spec-in.ts";
import { goodBesides, rollbackTarget } from "./planner.ts";
import type { Store, StoredSlot } from "./store.ts";

/** `mayHear`: false for what is wanted of a slot no more, and was never told. */
export function desiredPicture(
  parts: { readonly store: Store; readonly config: GantryConfig; readonly mayHear: (slot: StoredSlot) => boolean },
  host: string,
): DesiredPicture {
  const { store, config } = parts;

  function slotOf(slot: StoredSlot): DesiredSlot {
    const { service, environment, generation } = slot;
    const release = slot.release === null ? null : store.releases.find(service, slot.release);
    const keep = config.services.find((s) => s.name === service)?.keep;
    const goal = { service, environment, generation, rollout: slot.rollout ?? 0, ...(keep !== undefined && { keep }) };
    if (release === null) return { ...goal, release: null };
    const wayBack = wayBackFrom(store, slot);
    const told = { ...(slot.fresh && { fresh: true }), ...(wayBack.length > 0 && { wayBack }) };
    return { ...goal, release: desiredRelease(config, release, environment), ...told };
  }

  function prepareFor(state: RolloutState): PrepareImage[] {
    const waits = state.hosts.some((h) => h.host === host && h.status === "waiting");
    const release = waits ? store.releases.find(state.service, state.release) : null;
    if (release === null) return [];
    const { service, environment, number: rollout } = state;
    return imagesOf(release).map(({ image, digest }) => {
      return { service, environment, rollout, image, digest, mirrors: mirrorsOf(config, image) };
    });
  }

  return {
    epoch: store.epoch,
    serverId: store.serverId,
    head: store.history.head(),
    slots: store.slots
      .ofHost(host)
      // Without a rollout nobody has decided: an adoption found it there and could not say what it is.
      .filter((slot) => slot.generation > 0 && slot.rollout !== null && parts.mayHear(slot))
      .map(slotOf),
    prepare: store.rollouts.allActive().flatMap(({ state }) => prepareFor(state)),
  };
}

/**
 * Images that a rollback would start: of where one goes to now, and of where one goes to once what is wanted here is what serves
 * (hosts hear nothing of a rollout's end).
 */
function wayBackFrom(store: Store, { service, environment, release }: StoredSlot): readonly string[] {
  const next = goodBesides(store, { service, environment }, release);
  const targets = [rollbackTarget(store, service, environment), next === null ? null : store.releases.find(service, next)];
  return [...new Set(targets.flatMap((target) => (target === null ? [] : imagesOf(target).map((image) => image.digest))))];
}

/** Variables of other environments stay here, and agents hear of none but their own. */
function desiredRelease(config: GantryConfig, release: Release, environment: string): DesiredRelease {
  const { number, digest, commit } = release;
  const spec = specIn(release.spec, environment);
  const own = (spec.supporting ?? []).filter((one) => one.digest !== null);
  const supportingMirrors = Object.fromEntries(own.map(({ name, container }) => [name, mirrorsOf(config, container.image)]));
  const mirrors = mirrorsOf(config, spec.container.image);
  return { number, digest, commit, spec, mirrors, ...(own.length > 0 && { supportingMirrors }) };
}

function mirrorsOf(config: GantryConfig, image: string): string[] {
  const slash = image.indexOf("/");
  const registry = config.registries.find((r) => r.host === image.slice(0, slash));
  return (registry?.mirrors ?? []).map((mirror) => `${mirror}${image.slice(slash)}`);
}
