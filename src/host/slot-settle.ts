/** The end of a generation: its outcome, and what is kept or removed afterwards. */
import { releaseName } from "../core/release.ts";
import type { SwapOutcome } from "../core/slot.ts";
import type { Failure, Step } from "../core/slot-step.ts";
import { isEngineFault } from "./images.ts";
import { marksOf } from "./labels.ts";
import { type Bench, createdState } from "./slot-bench.ts";
import { changeState, type SlotMemory, stateById, waitAfter } from "./slot-memory.ts";
import { forget, letGo } from "./slot-swap.ts";
import type { JournalEntry } from "./state.ts";

export async function settle(bench: Bench, step: Extract<Step, { kind: "settle" }>): Promise<void> {
  const { memory, clock, log } = bench;
  const generation = memory.goal?.generation ?? memory.inferred?.generation ?? 0;
  const tookMs = clock.now() - memory.beganAt;
  const outcome: SwapOutcome = step.ok ? { ok: true, tookMs } : { ok: false, tookMs, after: step.after, ...failureOf(bench) };
  const adopted = step.ok && step.adopt !== null ? adoption(memory, step.adopt, generation) : memory.entry.adopted;
  const entry = { ...memory.entry, generation, outcome, adopted };
  const written = bench.write(entry);
  memory.step = step.ok ? (memory.goal?.release === null ? "idle" : "serving") : "failed";
  memory.touched = false;
  await letGo(bench);
  log.info({ ...memory.key, generation, ...outcome, logTail: undefined }, step.ok ? "generation settled" : "generation failed");
  bench.report();
  // Before anything is removed: a failed generation must not be tried again.
  await written.catch((error) => log.error({ ...memory.key, error: String(error) }, "the journal cannot be written"));
}

function adoption(memory: SlotMemory, containerId: string, generation: number): JournalEntry["adopted"] {
  const release = memory.goal?.release?.number;
  const state = stateById(memory, containerId);
  const isAnother = release !== undefined && state !== null && marksOf(state.labels)?.release !== release;
  return { containerId, generation, ...(isAnother ? { release } : {}) };
}

const couldBeTheEngine: readonly string[] = ["exited", "killed", "start_failed", "crash_loop", "unhealthy"];

/** What failed while the engine was away says nothing about the release. */
function failureOf({ memory, engineBreaks }: Bench): Failure {
  const { failure } = memory.attempt;
  if (failure === null) return { reason: "internal", detail: "no reason was noted", logTail: [] };
  const { breaksAtStart } = memory;
  const engineFailed = breaksAtStart !== null && engineBreaks() > breaksAtStart;
  if (!engineFailed || !couldBeTheEngine.includes(failure.reason)) return failure;
  return { ...failure, reason: "interrupted", detail: `the engine was away during the swap; ${failure.detail}` };
}

export async function keep(bench: Bench, id: string): Promise<void> {
  const { memory, engine, limit } = bench;
  const state = stateById(memory, id);
  if (state === null) return;
  const labels = { ...state.labels, ...servedAs(memory, id), "gantry.role": "previous" };
  const name = `${state.name}-kept`;
  const kept = await limit(() => engine.clone({ id, name, labels }));
  memory.states = [...memory.states, createdState({ ...state, id: kept, name, labels })];
  bench.report();
}

/** One that a later release took over is the way back to that one. */
function servedAs({ entry }: SlotMemory, id: string): Record<string, string> {
  const { adopted } = entry;
  if (adopted?.containerId !== id || adopted.release === undefined) return {};
  return { "gantry.release": releaseName(adopted.release), "gantry.generation": String(adopted.generation) };
}

export async function remove(bench: Bench, id: string): Promise<void> {
  await bench.limit(() => bench.engine.remove(id));
  await forget(bench, id);
  bench.report();
}

export async function disarm(bench: Bench, id: string): Promise<void> {
  const { memory, engine, limit, log } = bench;
  await limit(() => engine.setRestartPolicy(id, "no"));
  changeState(memory, id, { restartPolicy: "no" });
  log.warn({ ...memory.key, container: id }, "a kept container would have come back by itself, it will not any more");
}

/** Leftovers can wait: what serves must not suffer from a tidying step that fails. */
export async function tidying(bench: Bench, work: () => Promise<void>): Promise<void> {
  const { memory, clock, log } = bench;
  try {
    await work();
    memory.tidyFailures = 0;
  } catch (thrown) {
    memory.tidyFailures += 1;
    const waitMs = waitAfter(memory.tidyFailures);
    memory.stale = true;
    memory.tidyAfter = clock.now() + waitMs;
    log.warn({ ...memory.key, detail: String(thrown), waitMs }, "could not tidy up, trying again later");
    if (isEngineFault(thrown)) throw thrown;
  }
}

export async function redo(bench: Bench): Promise<void> {
  const { memory, clock, log } = bench;
  memory.repairs.push(clock.now());
  log.warn({ ...memory.key }, "the serving container is gone, making it again");
  await bench.write({ ...memory.entry, outcome: null });
}
