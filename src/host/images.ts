/**
 * Images on this host: those that a plan asks to have ready, and those that a swap needs now. One pull per digest at a time;
 * the primary registry first, then the mirrors.
 */
import type { Clock, Log } from "../app/ports.ts";
import type { ObservedImage, PrepareImage } from "../core/slot.ts";
import { type Engine, EngineError } from "./engine.ts";
import type { Limit } from "./limits.ts";
import { pause } from "./prove.ts";

export type ImageOrder = { readonly image: string; readonly mirrors: readonly string[]; readonly digest: string };

export type Images = {
  /** The whole list of images to have ready; those that are new to it are fetched at once. */
  prepare(wanted: readonly PrepareImage[]): void;
  /** `repository@digest` on this host, pulled when needed. Rejects with EngineError. */
  need(order: ImageOrder): Promise<string>;
  observed(): readonly ObservedImage[];
  /** The engine is back: whatever waited for it goes on. */
  engineBack(): void;
  stop(): void;
};

/** Rounds over all registries before giving up, when at least one fault may pass by itself. */
const rounds = 3;
const betweenRoundsMs = 1_000;
/** After that the next try of an image that is still wanted: a registry comes back, a push arrives, a disk is cleared. */
const retryMs = 60_000;

type Prepared = {
  readonly wanted: PrepareImage;
  seen: ObservedImage;
  waitsForEngine: boolean;
  cancelRetry: () => void;
};

export function createImages(facts: {
  engine: Engine;
  /** Pulls are heavy on the engine; they share its limit with everything else. */
  limit: Limit;
  clock: Clock;
  log: Log;
  onChange: () => void;
  /** In [0, 1). */
  random: () => number;
}): Images {
  const { engine, limit, clock, log, onChange, random } = facts;
  const fetching = new Map<string, Promise<string>>();
  const prepared = new Map<string, Prepared>();
  const ending = new AbortController();

  function need(order: ImageOrder): Promise<string> {
    const known = fetching.get(order.digest);
    if (known !== undefined) return known;
    const fetched = fetchImage(order).finally(() => fetching.delete(order.digest));
    fetching.set(order.digest, fetched);
    return fetched;
  }

  async function fetchImage(order: ImageOrder): Promise<string> {
    const repositories = [order.image, ...order.mirrors];
    const present = await engine.findImage({ repositories, digest: order.digest });
    if (present !== null) return present;
    for (let round = 1; ; round += 1) {
      const pulled = await limit(() => pullFrom(repositories, order.digest));
      if ("ref" in pulled) return pulled.ref;
      if (round === rounds || !pulled.mayPass || ending.signal.aborted) throw pulled.first;
      await pause(clock, betweenRoundsMs * round);
    }
  }

  async function pullFrom(
    repositories: readonly string[],
    digest: string,
  ): Promise<{ ref: string } | { first: EngineError; mayPass: boolean }> {
    let first: EngineError | null = null;
    let mayPass = false;
    for (const repository of repositories) {
      try {
        const ref = await engine.pull({ repository, digest, signal: ending.signal });
        log.info({ repository, digest }, "image pulled");
        return { ref };
      } catch (thrown) {
        const fault =
          thrown instanceof EngineError ? thrown : new EngineError({ reason: "pull_failed", message: String(thrown) });
        log.warn({ repository, digest, reason: fault.reason, detail: fault.message }, "pull failed");
        if (isEngineFault(fault) || fault.reason === "disk_full") throw fault;
        first ??= fault;
        mayPass ||= fault.reason === "registry_unreachable" || fault.reason === "pull_failed";
      }
    }
    return { first: first ?? new EngineError({ reason: "pull_failed", message: "no registry to pull from" }), mayPass };
  }

  function prepare(wanted: readonly PrepareImage[]): void {
    const keys = new Set(wanted.map(keyOf));
    for (const key of prepared.keys()) if (!keys.has(key)) forget(key);
    for (const one of wanted) {
      if (prepared.has(keyOf(one))) continue;
      const seen: ObservedImage = { ...factsOf(one), state: "pulling" };
      const entry: Prepared = { wanted: one, seen, waitsForEngine: false, cancelRetry: () => undefined };
      prepared.set(keyOf(one), entry);
      void fetchPrepared(entry);
    }
  }

  function forget(key: string): void {
    prepared.get(key)?.cancelRetry();
    prepared.delete(key);
  }

  /** It stays reported as failed until it is here. Jitter: hosts that failed together must not come back together. */
  function retryLater(entry: Prepared): void {
    if (ending.signal.aborted || prepared.get(keyOf(entry.wanted)) !== entry) return;
    const waitMs = retryMs * (0.75 + random() / 2);
    entry.cancelRetry = clock.wakeAt(clock.now() + waitMs, () => void fetchPrepared(entry));
  }

  async function fetchPrepared(entry: Prepared): Promise<void> {
    entry.waitsForEngine = false;
    try {
      await need(entry.wanted);
      entry.seen = { ...factsOf(entry.wanted), state: "present" };
    } catch (thrown) {
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
      ending.abort();
      for (const key of [...prepared.keys()]) forget(key);
    },
  };
}

const engineFaults: readonly string[] = ["engine_down", "engine_stuck", "engine_error"];

/** The engine itself is at fault: wait for it, conclude nothing. */
export function isEngineFault(thrown: unknown): boolean {
  return thrown instanceof EngineError && engineFaults.includes(thrown.reason);
}

function keyOf(wanted: PrepareImage): string {
  return `${wanted.rollout} ${wanted.service}/${wanted.environment} ${wanted.digest}`;
}

function factsOf(wanted: PrepareImage) {
  const { service, environment, digest, rollout } = wanted;
  return { service, environment, digest, rollout };
}
