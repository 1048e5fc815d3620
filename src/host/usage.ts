/**
 * Samples what the host and its serving containers use. Nothing of it is stored or reported as a change: the newest sample is
 * all there is, and whoever wants it takes it.
 */
import type { Clock, Log } from "../app/ports.ts";
import type { ContainerSample, ContainerUsage, MachineUsage, UsageSample } from "../core/usage.ts";
import type { Engine } from "./engine.ts";
import type { Serving } from "./slot-report.ts";

export type Usage = {
  /** null before the first one is complete. */
  newest(): UsageSample | null;
  stop(): void;
};

export type UsageParts = {
  readonly engine: Pick<Engine, "usage" | "freeBytes">;
  readonly machine: () => Promise<MachineUsage | null>;
  readonly serving: () => readonly Serving[];
  readonly clock: Clock;
  readonly log: Log;
  /** Absent: 15 s, the usual interval of those who scrape. */
  readonly everyMs?: number;
  readonly onSample: (sample: UsageSample) => void;
};

/** What "over the last minute" means, and how long something must have run before its average says anything. */
const windowMs = 60_000;
const shortestMs = 1_000;
/** A sample must not grow past what a message may be. */
const mostContainers = 1_000;

type Reading = { readonly at: number; readonly cpuMs: number };

export function createUsage(parts: UsageParts): Usage {
  const { engine, clock, log } = parts;
  const everyMs = parts.everyMs ?? 15_000;
  /** Of each run of a container, and of the machine: the readings of the last minute and the one before them. */
  let readings = new Map<string, readonly Reading[]>();
  let newest: UsageSample | null = null;
  let stopped = false;
  let isBlind = false;
  let cancel = clock.wakeAt(clock.now(), () => void round());

  async function round(): Promise<void> {
    const sample = await take().catch((thrown) => {
      log.warn({ detail: String(thrown) }, "could not sample what is used");
      return null;
    });
    if (stopped) return;
    if (sample !== null) {
      newest = sample;
      parts.onSample(sample);
    }
    cancel = clock.wakeAt(clock.now() + everyMs, () => void round());
  }

  async function take(): Promise<UsageSample> {
    const kept = new Map<string, readonly Reading[]>();
    const containers: ContainerSample[] = [];
    // One after the other: nobody waits for it, and it must not disturb a swap.
    for (const serving of parts.serving().slice(0, mostContainers)) containers.push(await look(serving, kept));
    const machine = await parts.machine();
    const coresInUse = machine === null ? null : average({ name: "", cpuMs: machine.cpuMs, startedAt: null }, kept);
    const diskFreeBytes = await engine.freeBytes();
    readings = kept;
    return { machine, coresInUse, diskFreeBytes, containers };
  }

  async function look({ state, ...serving }: Serving, kept: Map<string, readonly Reading[]>): Promise<ContainerSample> {
    const usage = await ask(state);
    const { id, startedAt } = state;
    const name = `${id} ${startedAt}`;
    return { ...serving, usage, cores: usage === null ? null : average({ name, cpuMs: usage.cpuMs, startedAt }, kept) };
  }

  /** An engine that does not answer is told of elsewhere. */
  async function ask(state: Serving["state"]): Promise<ContainerUsage | null> {
    try {
      const usage = await engine.usage(state);
      isBlind = false;
      return usage;
    } catch (thrown) {
      if (!isBlind) log.warn({ container: state.name, detail: String(thrown) }, "cannot see what containers use");
      isBlind = true;
      return null;
    }
  }

  /** Notes the reading in `kept`. */
  function average(
    now: { readonly name: string; readonly cpuMs: number; readonly startedAt: number | null },
    kept: Map<string, readonly Reading[]>,
  ): number | null {
    const at = clock.mono();
    const before = readings.get(now.name) ?? [];
    const [outside, inside] = [before.filter((r) => at - r.at > windowMs), before.filter((r) => at - r.at <= windowMs)];
    const known = [...outside.slice(-1), ...inside];
    kept.set(now.name, [...known, { at, cpuMs: now.cpuMs }]);
    const first = known[0] ?? sinceStart(now.startedAt, at);
    if (first === null || at - first.at < shortestMs) return null;
    return Math.max(0, (now.cpuMs - first.cpuMs) / (at - first.at));
  }

  /** Of one that has not run for long its start says enough. */
  function sinceStart(startedAt: number | null, at: number): Reading | null {
    const upMs = startedAt === null ? Number.POSITIVE_INFINITY : clock.now() - startedAt;
    return upMs < 0 || upMs > windowMs ? null : { at: at - upMs, cpuMs: 0 };
  }

  return {
    newest: () => newest,
    stop() {
      stopped = true;
      cancel();
    },
  };
}
