/** Carries out one step of a swap on the engine, and writes into the slot's memory what it did. The choice of the step is core's. */
import type { Log } from "../app/ports.ts";
import type { ReasonCode } from "../core/reasons.ts";
import type { SwapOutcome } from "../core/slot.ts";
import type { Failure, Step } from "../core/slot-step.ts";
import { type ContainerState, EngineError } from "./engine.ts";
import { readEnvFiles } from "./env-file.ts";
import { type Images, isEngineFault } from "./images.ts";
import { containerName, labelsFor, marksOf } from "./labels.ts";
import type { Limit } from "./limits.ts";
import { cleanTail, tailLines } from "./log-tail.ts";
import { type Hands, proveHealth } from "./prove.ts";
import { changeState, healthOf, outcomeOf, type SlotMemory, stateById, touch, waitAfter } from "./slot-memory.ts";
import type { JournalEntry } from "./state.ts";

export type Bench = Hands & {
  readonly log: Log;
  readonly images: Images;
  readonly limit: Limit;
  readonly envDir: string;
  readonly bootId: string;
  readonly memory: SlotMemory;
  /** How often the engine has been away so far. */
  readonly engineBreaks: () => number;
  /** Resolves when the entry is on the disk. */
  readonly write: (entry: JournalEntry) => Promise<void>;
  /** The slot's report has changed. */
  readonly report: () => void;
  /** Aborts when a newer order came, or the agent ends. */
  readonly newer: () => AbortSignal;
};

/** How long a failed candidate may take to end. */
const failedGraceMs = 500;
/** For a container without a readable health label. */
const plainHealth = { probe: { kind: "none" }, intervalMs: 1_000, deadlineMs: 60_000 } as const;

/** Rejects only with engine faults and bugs; everything that is the swap's own fault is noted in the memory. */
export async function carryOut(bench: Bench, step: Step): Promise<void> {
  switch (step.kind) {
    case "rest":
    case "hold":
      return;
    case "pull":
      return await pull(bench);
    case "create":
      return await create(bench, step);
    case "stop":
      return await stop(bench, step);
    case "start":
      return await start(bench, step);
    case "check":
      return await check(bench, step);
    case "promote":
      return await promote(bench, step.id);
    case "fail":
      return await noteFailure(bench, { reason: step.reason as ReasonCode, detail: step.detail }, step.id);
    case "settle":
      return await settle(bench, step);
    case "keep":
      return await tidying(bench, () => keep(bench, step.id));
    case "remove":
      return await tidying(bench, () => remove(bench, step.id));
    case "redo":
      return await redo(bench);
  }
}

function enter(bench: Bench, step: SlotMemory["step"]): void {
  const { memory } = bench;
  const shown = memory.attempt.failure !== null && step !== "failed" ? "restoring" : step;
  // Tidying up after a settled generation is nobody's business.
  if (memory.step === shown || memory.step === "serving" || memory.step === "failed") return;
  memory.step = shown;
  bench.report();
}

function change(bench: Bench, attempt: Partial<SlotMemory["attempt"]>): void {
  bench.memory.attempt = { ...bench.memory.attempt, ...attempt };
}

// ------------------------------------------------------------ forward

async function pull(bench: Bench): Promise<void> {
  const { memory, images } = bench;
  const release = memory.goal?.release;
  if (release === null || release === undefined) return;
  enter(bench, "pulling");
  const newer = bench.newer();
  const overtaken = new Promise<null>((resolve) => newer.addEventListener("abort", () => resolve(null), { once: true }));
  try {
    const order = { image: release.spec.container.image, mirrors: release.mirrors, digest: release.digest };
    const ref = newer.aborted ? null : await Promise.race([images.need(order), overtaken]);
    if (ref === null) return;
    memory.imageRef = ref;
    change(bench, { imagePresent: true });
  } catch (thrown) {
    await noteFault(bench, thrown, null);
  }
}

async function create(bench: Bench, step: Extract<Step, { kind: "create" }>): Promise<void> {
  const { memory, engine, limit } = bench;
  const desired = memory.goal;
  const release = desired?.release;
  if (!desired || !release || memory.imageRef === null) return;
  enter(bench, "creating");
  const began = { monoAt: bench.clock.mono(), bootId: bench.bootId };
  // On the disk before the old container is touched, beside the create rather than before it.
  const written = bench.write({ ...memory.entry, generation: desired.generation, outcome: null, began });
  written.catch(() => undefined);
  const labels = labelsFor({ desired, release, replaces: step.replaces });
  const { container: spec } = release.spec;
  const order = { name: containerName(desired), imageRef: memory.imageRef, spec, labels };
  try {
    const environment = await readEnvFiles({ envDir: bench.envDir, files: spec.envFiles });
    const id = await limit(() => engine.create({ ...order, environment }));
    const stopping = { stopSignal: spec.stopSignal ?? "SIGTERM", stopGraceMs: spec.stopGraceMs };
    // With the values of the service file: whatever of them is secret must not be shown in its last lines.
    const all = [...environment, ...Object.entries(spec.environment).map(([name, value]) => `${name}=${value}`)];
    memory.states = [...memory.states, createdState({ id, name: order.name, labels, environment: all, ...stopping })];
    // This process knows how far it is: whatever it finds stopped from here on is no reason to turn back.
    change(bench, { resume: "forward" });
    await written.catch((cause) => {
      throw new EngineError({
        reason: "disk_full",
        message: `the agent's state directory cannot be written: ${cause.message}`,
        cause,
      });
    });
  } catch (thrown) {
    if (thrown instanceof EngineError && thrown.gone) {
      // The image was removed between the look and the create: fetch it again, but not for ever.
      change(bench, { imagePresent: false });
      memory.imageMisses += 1;
      if (memory.imageMisses <= 2) return;
    }
    await noteFault(bench, thrown, null);
  }
}

type Created = Pick<ContainerState, "id" | "name" | "labels" | "environment" | "stopSignal" | "stopGraceMs">;

function createdState(facts: Created): ContainerState {
  return {
    ...facts,
    status: "created",
    pid: null,
    startedAt: null,
    restarts: 0,
    exitCode: null,
    oomKilled: false,
    error: "",
    restartPolicy: "no",
    health: null,
  };
}

async function stop(bench: Bench, step: Extract<Step, { kind: "stop" }>): Promise<void> {
  const { memory, engine } = bench;
  const state = stateById(memory, step.id);
  if (state === null) return;
  enter(bench, "stopping_old");
  touch(memory);
  try {
    // One that failed has nothing to finish, and what serves waits for its end.
    const graceMs = step.which === "candidate" ? Math.min(state.stopGraceMs, failedGraceMs) : state.stopGraceMs;
    const { killed } = await engine.stop({ ...state, stopGraceMs: graceMs });
    if (killed) bench.log.warn({ ...memory.key, container: state.name, graceMs }, "ignored its stop signal, killed");
    changeState(memory, step.id, { status: "ended", pid: null });
    if (step.which === "old") change(bench, { stoppedOld: true });
  } catch (thrown) {
    // A candidate that cannot be stopped keeps the port: the old one has nowhere to go back to.
    if (step.which !== "old" && !isEngineFault(thrown)) {
      change(bench, { oldBroken: true, unstoppable: step.id });
      if (outcomeOf(memory) !== null) memory.repairs.push(bench.clock.now());
    }
    await noteFault(bench, thrown, step.which === "old" ? null : step.id);
  }
}

async function start(bench: Bench, step: Extract<Step, { kind: "start" }>): Promise<void> {
  const { memory, engine, limit, clock, log } = bench;
  enter(bench, "starting");
  if (step.which === "new") {
    touch(memory);
    memory.breaksAtStart = bench.engineBreaks();
  }
  if (step.which === "repair") memory.repairs.push(clock.now());
  try {
    await limit(() => engine.start(step.id));
    changeState(memory, step.id, { status: "running", startedAt: clock.now() });
    if (step.which === "old") change(bench, { startedOld: step.id });
    if (step.which === "new") change(bench, { startedNew: step.id });
    if (step.which === "repair")
      log.warn({ ...memory.key, container: step.id }, "the serving container was down, started it again");
  } catch (thrown) {
    if (isEngineFault(thrown)) throw thrown;
    if (step.which === "new") return await noteFault(bench, thrown, step.id);
    log.error({ ...memory.key, container: step.id, detail: String(thrown) }, "the old container could not be started");
    change(bench, { oldBroken: true });
  }
}

async function check(bench: Bench, step: Extract<Step, { kind: "check" }>): Promise<void> {
  const { memory, log } = bench;
  enter(bench, "checking");
  const spec = step.which === "new" ? memory.goal?.release?.spec : undefined;
  const health = spec?.health ?? healthOf(memory, step.id) ?? plainHealth;
  const hostNetwork = (spec?.container.network ?? "host") === "host";
  // Going back is never cut short.
  const signal = step.which === "new" ? bench.newer() : new AbortController().signal;
  const proof = await proveHealth(bench, { id: step.id, health, hostNetwork, signal });
  if (proof.ok) {
    if (proof.note !== null) log.warn({ ...memory.key, detail: proof.note }, "health proved less strictly");
    memory.states = memory.states.map((s) => (s.id === step.id ? proof.state : s));
    change(bench, { verified: step.id });
    return;
  }
  if (step.which === "new") {
    const gone = proof.reason === "exited" && (await bench.engine.inspect(step.id)) === null;
    const removed = { reason: "interrupted", detail: "the new container was removed during its check" } as const;
    return await noteFailure(bench, gone ? removed : proof, step.id);
  }
  log.error({ ...memory.key, reason: proof.reason, detail: proof.detail }, "the old container is not healthy again");
  change(bench, { oldBroken: true });
}

async function promote(bench: Bench, id: string): Promise<void> {
  enter(bench, "promoting");
  try {
    await bench.engine.setRestartPolicy(id, "unless-stopped");
    changeState(bench.memory, id, { restartPolicy: "unless-stopped" });
  } catch (thrown) {
    // The container is gone, or ended this very moment: look again.
    bench.memory.stale = true;
    if (!(thrown instanceof EngineError) || isEngineFault(thrown)) throw thrown;
    await noteFault(bench, thrown, id);
  }
}

// ------------------------------------------------------------ the end of a generation

async function settle(bench: Bench, step: Extract<Step, { kind: "settle" }>): Promise<void> {
  const { memory, clock, log } = bench;
  const generation = memory.goal?.generation ?? memory.inferred?.generation ?? 0;
  const tookMs = clock.now() - memory.beganAt;
  const outcome: SwapOutcome = step.ok ? { ok: true, tookMs } : { ok: false, tookMs, after: step.after, ...failureOf(bench) };
  const adopted = step.ok && step.adopt !== null ? { containerId: step.adopt, generation } : memory.entry.adopted;
  const entry = { ...memory.entry, generation, outcome, adopted };
  const written = bench.write(entry);
  memory.step = step.ok ? (memory.goal?.release === null ? "idle" : "serving") : "failed";
  memory.touched = false;
  log.info({ ...memory.key, generation, ...outcome, logTail: undefined }, step.ok ? "generation settled" : "generation failed");
  bench.report();
  // Before anything is removed: a failed generation must not be tried again.
  await written.catch((error) => log.error({ ...memory.key, error: String(error) }, "the journal cannot be written"));
}

const couldBeTheEngine: readonly string[] = ["exited", "start_failed", "crash_loop", "unhealthy"];

/** What failed while the engine was away says nothing about the release. */
function failureOf({ memory, engineBreaks }: Bench): Failure {
  const { failure } = memory.attempt;
  if (failure === null) return { reason: "internal", detail: "no reason was noted", logTail: [] };
  const { breaksAtStart } = memory;
  const engineFailed = breaksAtStart !== null && engineBreaks() > breaksAtStart;
  if (!engineFailed || !couldBeTheEngine.includes(failure.reason)) return failure;
  return { ...failure, reason: "interrupted", detail: `the engine was away during the swap; ${failure.detail}` };
}

async function keep(bench: Bench, id: string): Promise<void> {
  const { memory, engine, limit } = bench;
  const state = stateById(memory, id);
  if (state === null) return;
  const labels = { ...state.labels, "gantry.role": "previous" };
  const name = `${state.name}-kept`;
  const kept = await limit(() => engine.clone({ id, name, labels }));
  memory.states = [...memory.states, createdState({ ...state, id: kept, name, labels })];
  bench.report();
}

async function remove(bench: Bench, id: string): Promise<void> {
  await bench.limit(() => bench.engine.remove(id));
  bench.memory.states = bench.memory.states.filter((s) => s.id !== id);
  bench.report();
}

/** Leftovers can wait: what serves must not suffer from a tidying step that fails. */
async function tidying(bench: Bench, work: () => Promise<void>): Promise<void> {
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

async function redo(bench: Bench): Promise<void> {
  const { memory, clock, log } = bench;
  memory.repairs.push(clock.now());
  log.warn({ ...memory.key }, "the serving container is gone, making it again");
  await bench.write({ ...memory.entry, outcome: null });
}

// ------------------------------------------------------------ failures

async function noteFault(bench: Bench, thrown: unknown, id: string | null): Promise<void> {
  if (!(thrown instanceof EngineError) || isEngineFault(thrown)) throw thrown;
  await noteFailure(bench, { reason: thrown.reason, detail: thrown.message }, id);
}

/** The first failure of an attempt is the one that is told. */
async function noteFailure(bench: Bench, failure: { reason: ReasonCode; detail: string }, id: string | null): Promise<void> {
  const { memory, log } = bench;
  if (memory.attempt.failure !== null) return;
  if (id !== null) await lookAt(bench, id);
  const logTail = id === null ? [] : await tailOf(bench, id);
  log.warn({ ...memory.key, generation: memory.goal?.generation, reason: failure.reason, detail: failure.detail }, "swap failed");
  change(bench, { failure: { reason: failure.reason, detail: failure.detail, logTail } });
  enter(bench, "restoring");
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

/** What is kept to go back to, for the report. */
export function keptOf(memory: SlotMemory): { containerId: string; release: number; digest: string } | null {
  for (const state of memory.states) {
    const marks = marksOf(state.labels);
    if (marks?.role === "previous") return { containerId: state.id, release: marks.release, digest: marks.digest };
  }
  return null;
}
