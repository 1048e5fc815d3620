/** What goes wrong in a swap: noted once, with the lines that show it. Faults of the engine itself are nobody's. */
import type { ReasonCode } from "../core/reasons.ts";
import type { MemberName } from "../core/slot-step.ts";
import { EngineError } from "./engine.ts";
import { explained } from "./evidence.ts";
import { isEngineFault } from "./images.ts";
import { cleanTail, tailLines } from "./log-tail.ts";
import { type Bench, enter, note } from "./slot-bench.ts";
import { changeState, memberOf, type SlotMemory, stateById } from "./slot-memory.ts";

/** Whose failure it is. `id`: the container whose last lines show it. */
export type About = { readonly id: string | null; readonly member: MemberName };

export function about(memory: SlotMemory, id: string): About {
  return { id, member: memberOf(memory, id) };
}

/** Throws what is not the swap's own fault. */
export async function noteFault(bench: Bench, thrown: unknown, whose: About): Promise<void> {
  if (!(thrown instanceof EngineError) || isEngineFault(thrown)) throw thrown;
  await noteFailure(bench, { reason: thrown.reason, detail: thrown.message }, whose);
}

/** The first failure of an attempt is the one that is told. */
export async function noteFailure(bench: Bench, found: { reason: ReasonCode; detail: string }, whose: About): Promise<void> {
  const { memory, log } = bench;
  const { id, member } = whose;
  if (memory.attempt.failure !== null) return;
  if (id !== null) await lookAt(bench, id);
  const logTail = id === null ? [] : await tailOf(bench, id);
  const failure = explained(found, { state: id === null ? null : stateById(memory, id), lines: logTail });
  const detail = member === null ? failure.detail : `${member}: ${failure.detail}`;
  log.warn({ ...memory.key, generation: memory.goal?.generation, reason: failure.reason, detail }, "swap failed");
  note(bench, { failure: { reason: failure.reason, detail, logTail }, failed: id });
  enter(bench, "restoring");
}

/** What was to be put right while the slot serves could not be: it is tried again, ever more rarely. */
export function noteFailedRepair({ memory, clock, log }: Bench, thrown: unknown, member: MemberName): void {
  memory.repairs.push(clock.now());
  memory.stale = true;
  log.error({ ...memory.key, member, detail: String(thrown) }, "the container could not be made again, trying again later");
  if (!(thrown instanceof EngineError) || isEngineFault(thrown)) throw thrown;
}

/** What only the engine knows of a fresh container: its process, and what its image says of signals and environment. */
async function lookAt(bench: Bench, id: string): Promise<void> {
  const state = await bench.engine.inspect(id).catch(() => null);
  if (state !== null) changeState(bench.memory, id, state);
}

export async function tailOf(bench: Pick<Bench, "engine" | "memory">, id: string): Promise<string[]> {
  const lines = await bench.engine.logTail(id, tailLines).catch(() => []);
  return cleanTail(lines, stateById(bench.memory, id)?.environment ?? []);
}
