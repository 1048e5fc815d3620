/**
 * Gets an image from whoever has it: the primary registry, then the mirrors, in order; the same digest from all. What a
 * failure means decides who is asked next:
 *
 * - the login is refused: that registry is not asked again, since a second wrong password locks accounts. A mirror is
 *   another registry with a login of its own, so it may still be asked.
 * - the image is not there: the next one.
 * - other bytes than the digest's: the next one, and it is shouted about, because somebody lies or a disk rots.
 * - no answer, 429, 5xx, a cut connection: the next one, and again in a later round.
 * - the disk is full, the platform is wrong, the engine is at fault: no registry can mend that.
 */
import type { Clock, Log } from "../app/ports.ts";
import { type Engine, EngineError } from "./engine.ts";
import type { Limit } from "./limits.ts";
import { pause } from "./prove.ts";

export type Pulled = {
  /** `repository@digest` on this host. */
  readonly ref: string;
  /** What another registry gave instead of the image; null when none did. */
  readonly warning: string | null;
};

/** Rounds over all registries before giving up, when at least one fault may pass by itself. */
const rounds = 3;
const betweenRoundsMs = 1_000;
/** A registry that asks for more patience than this is asked again with the next try of the whole. */
const mostPatienceMs = 30_000;

export type PullParts = {
  readonly engine: Engine;
  /** Pulls from one registry, by its host. */
  readonly limit: (registry: string) => Limit;
  readonly clock: Clock;
  readonly log: Log;
  /** The agent ends, or nobody wants the image any more. */
  readonly signal: AbortSignal;
};

/** Rejects with EngineError, whose message names every registry that was asked and what it said. */
export async function pullFromAny(
  parts: PullParts,
  order: { readonly repositories: readonly string[]; readonly digest: string },
): Promise<Pulled> {
  const faults = new Map<string, EngineError>();
  for (let round = 1; ; round += 1) {
    for (const repository of order.repositories) {
      if (parts.signal.aborted) throw givenUp();
      const before = faults.get(repository);
      if (before !== undefined && !mayPass(before)) continue;
      const pulled = await pullFrom(parts, { repository, digest: order.digest });
      if (typeof pulled === "string") return { ref: pulled, warning: warningOf(faults) };
      if (nobodyElseHelps(pulled)) throw pulled;
      faults.set(repository, pulled);
    }
    if (round === rounds || ![...faults.values()].some(mayPass) || parts.signal.aborted) throw allOf(faults);
    await pause(parts.clock, waitAfter(round, faults));
  }
}

async function pullFrom(
  parts: PullParts,
  image: { readonly repository: string; readonly digest: string },
): Promise<string | EngineError> {
  const { engine, log, signal } = parts;
  try {
    const ref = await parts.limit(registryOf(image.repository))(async () => {
      // It may have waited long for its place.
      if (signal.aborted) throw givenUp();
      return await engine.pull({ ...image, signal });
    });
    log.info(image, "image pulled");
    return ref;
  } catch (thrown) {
    const fault =
      thrown instanceof EngineError ? thrown : new EngineError({ reason: "pull_failed", message: String(thrown), cause: thrown });
    const facts = { ...image, reason: fault.reason, detail: fault.message };
    if (signal.aborted) log.info(image, "pull given up");
    else if (fault.reason === "digest_mismatch") log.error(facts, "a registry gave something else than was asked for");
    else log.warn(facts, "pull failed");
    return fault;
  }
}

function givenUp(): EngineError {
  return new EngineError({ reason: "pull_failed", message: "given up: nobody wants this image any more" });
}

/** `registry.example.com:5000` of `registry.example.com:5000/team/api`. */
function registryOf(repository: string): string {
  return repository.split("/", 1)[0] ?? "";
}

function mayPass({ reason }: EngineError): boolean {
  return reason === "registry_unreachable" || reason === "pull_failed";
}

function nobodyElseHelps(fault: EngineError): boolean {
  return isEngineFault(fault) || fault.reason === "disk_full" || fault.reason === "wrong_platform";
}

function waitAfter(round: number, faults: ReadonlyMap<string, EngineError>): number {
  const asked = [...faults.values()].filter(mayPass).map((fault) => fault.retryAfterMs ?? 0);
  return Math.max(betweenRoundsMs * round, Math.min(mostPatienceMs, Math.max(...asked)));
}

function warningOf(faults: ReadonlyMap<string, EngineError>): string | null {
  const lies = [...faults].filter(([, fault]) => fault.reason === "digest_mismatch");
  return lies.length === 0 ? null : lies.map(([repository, { message }]) => `${registryOf(repository)}: ${message}`).join("; ");
}

/** A lie needs a person most; otherwise what the first registry said counts. */
function allOf(faults: ReadonlyMap<string, EngineError>): EngineError {
  const all = [...faults];
  const [, first] = all.find(([, fault]) => fault.reason === "digest_mismatch") ?? all[0] ?? [];
  if (first === undefined) return new EngineError({ reason: "pull_failed", message: "no registry to pull from" });
  if (all.length === 1) return first;
  const message = all.map(([repository, fault]) => `${registryOf(repository)}: ${fault.message}`).join("; ");
  return new EngineError({ reason: first.reason, message, cause: first });
}

const engineFaults: readonly string[] = ["engine_down", "engine_stuck", "engine_error"];

/** The engine itself is at fault: wait for it, conclude nothing. */
export function isEngineFault(thrown: unknown): boolean {
  return thrown instanceof EngineError && engineFaults.includes(thrown.reason);
}
