/**
 * Images on this host: those that a plan asks to have ready, and those that a swap needs now. One pull per digest at a time,
 * given up when nobody wants it any more; the primary registry first, then the mirrors.
 */
import type { Clock, Log } from "../app/ports.ts";
import type { ObservedImage, PrepareImage } from "../core/slot.ts";
import type { CleanUp } from "./clean-up.ts";
import { type Engine, EngineError } from "./engine.ts";
import { createFetches } from "./fetches.ts";
import type { Limit } from "./limits.ts";
import { isEngineFault, type Pulled, pullFromAny } from "./pulls.ts";

export { isEngineFault } from "./pulls.ts";

export type ImageOrder = { readonly image: string; readonly mirrors: readonly string[]; readonly digest: string };

export type Images = {
  /** The whole list of images to have ready; those that are new to it are fetched at once. */
  prepare(wanted: readonly PrepareImage[]): void;
  /** `repository@digest` on this host, pulled when needed, as long as `until` has not aborted. Rejects with EngineError. */
  need(order: ImageOrder, until?: AbortSignal): Promise<string>;
  observed(): readonly ObservedImage[];
  /** The engine is back: whatever waited for it goes on. */
  engineBack(): void;
  stop(): void;
};

/** After that the next try of an image that is still wanted: a registry comes back, a push arrives, a disk is cleared. */
const retryMs = 60_000;

type Repositories = { readonly repositories: readonly string[]; readonly digest: string };

type Prepared = {
  readonly wanted: PrepareImage;
  seen: ObservedImage;
  waitsForEngine: boolean;
  readonly forgotten: AbortController;
  cancelRetry: () => void;
};

export function createImages(facts: {
  engine: Engine;
  /** Of pulls from one registry, by its host. Pulls are heavy on the engine; they share its limit with everything else. */
  limit: (registry: string) => Limit;
  cleanUp: Pick<CleanUp, "used" | "makeRoom">;
  clock: Clock;
  log: Log;
  onChange: () => void;
  /** In [0, 1). */
  random: () => number;
}): Images {
  const { engine, cleanUp, clock, log, onChange, random } = facts;
  const fetches = createFetches<string>(clock);
  /** By digest: who gave something else for it. */
  const warnings = new Map<string, string>();
  const prepared = new Map<string, Prepared>();

  function need(order: ImageOrder, until?: AbortSignal): Promise<string> {
    const fetch = (signal: AbortSignal) => fetchImage(order, signal);
    return fetches.join({ key: order.digest, fetch, ...(until !== undefined && { until }) });
  }

  async function fetchImage(order: ImageOrder, signal: AbortSignal): Promise<string> {
    const { image, digest } = order;
    const repositories = [image, ...order.mirrors];
    const present = await engine.findImage({ repositories, digest });
    if (present !== null) {
      cleanUp.used({ image, ref: present, digest, fetched: false });
      return present;
    }
    await cleanUp.makeRoom("when short");
    const { ref, warning } = await pull({ repositories, digest }, signal);
    if (warning === null) warnings.delete(digest);
    else warnings.set(digest, warning);
    cleanUp.used({ image, ref, digest, fetched: true });
    return ref;
  }

  /** A full disk gets one more try when something could be cleared away. */
  async function pull(order: Repositories, signal: AbortSignal): Promise<Pulled> {
    const parts = { engine, clock, log, limit: facts.limit, signal };
    try {
      return await pullFromAny(parts, order);
    } catch (thrown) {
      const isFull = thrown instanceof EngineError && thrown.reason === "disk_full";
      if (!isFull || (await cleanUp.makeRoom("now")) === 0) throw thrown;
      return await pullFromAny(parts, order);
    }
  }

  function prepare(wanted: readonly PrepareImage[]): void {
    const keys = new Set(wanted.map(keyOf));
    for (const key of prepared.keys()) if (!keys.has(key)) forget(key);
    for (const one of wanted) {
      if (prepared.has(keyOf(one))) continue;
      const seen: ObservedImage = { ...factsOf(one), state: "pulling" };
      const forgotten = new AbortController();
      const entry: Prepared = { wanted: one, seen, waitsForEngine: false, forgotten, cancelRetry: () => undefined };
      prepared.set(keyOf(one), entry);
      void fetchPrepared(entry);
    }
  }

  function forget(key: string): void {
    prepared.get(key)?.cancelRetry();
    prepared.get(key)?.forgotten.abort();
    prepared.delete(key);
  }

  /** It stays reported as failed until it is here. Jitter: hosts that failed together must not come back together. */
  function retryLater(entry: Prepared): void {
    const waitMs = retryMs * (0.75 + random() / 2);
    entry.cancelRetry = clock.wakeAt(clock.now() + waitMs, () => void fetchPrepared(entry));
  }

  async function fetchPrepared(entry: Prepared): Promise<void> {
    entry.waitsForEngine = false;
    try {
      await need(entry.wanted, entry.forgotten.signal);
      const warning = warnings.get(entry.wanted.digest);
      entry.seen = { ...factsOf(entry.wanted), state: "present", ...(warning === undefined ? {} : { warning }) };
    } catch (thrown) {
      if (entry.forgotten.signal.aborted) return;
      const fault = thrown instanceof EngineError ? thrown : new EngineError({ reason: "pull_failed", message: String(thrown) });
      if (isEngineFault(fault)) {
        entry.waitsForEngine = true;
        return;
      }
      entry.seen = { ...factsOf(entry.wanted), state: "failed", reason: fault.reason, detail: fault.message };
      retryLater(entry);
    }
    onChange();
  }

  return {
    prepare,
    need,
    observed: () => [...prepared.values()].map((p) => p.seen),
    engineBack() {
      for (const entry of prepared.values()) if (entry.waitsForEngine) void fetchPrepared(entry);
    },
    stop() {
      for (const key of [...prepared.keys()]) forget(key);
      fetches.stop();
    },
  };
}

function keyOf(wanted: PrepareImage): string {
  return `${wanted.rollout} ${wanted.service}/${wanted.environment} ${wanted.digest}`;
}

function factsOf(wanted: PrepareImage) {
  const { service, environment, digest, rollout } = wanted;
  return { service, environment, digest, rollout };
}
