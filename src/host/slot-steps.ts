/** Carries out one step of a swap on the engine, and writes into the slot's memory what it did. The choice of the step is core's. */
import type { ReasonCode } from "../core/reasons.ts";
import type { Step } from "../core/slot-step.ts";
import { portToHold } from "./ask.ts";
import { type ContainerState, EngineError } from "./engine.ts";
import { isEngineFault } from "./images.ts";
import { marksOf } from "./labels.ts";
import { type Proof, proveHealth } from "./prove.ts";
import { proveEnd, proveStart } from "./prove-others.ts";
import { type Bench, enter, noteId } from "./slot-bench.ts";
import { type About, about, noteFailure, noteFault } from "./slot-faults.ts";
import { create, pull } from "./slot-make.ts";
import { changeState, healthOf, outcomeOf, type SlotMemory, stateById, touch, wantedOf } from "./slot-memory.ts";
import { disarm, keep, redo, remove, settle, tidying } from "./slot-settle.ts";
import {
  behindGate,
  besideOthers,
  drainBehindProxy,
  holdFor,
  mendGate,
  openGate,
  point,
  startBeside,
  whileHeld,
} from "./slot-swap.ts";

/** How long a failed candidate may take to end. */
const failedGraceMs = 500;
/** How often the stop of one container may hang before it counts as failed. */
const stuckTries = 3;
/** For a container without a readable health label. */
const plainHealth = { probe: { kind: "none" }, intervalMs: 1_000, deadlineMs: 60_000 } as const;

/** Rejects only with engine faults and bugs; everything that is the swap's own fault is noted in the memory. */
export async function carryOut(bench: Bench, step: Step): Promise<void> {
  switch (step.kind) {
    case "rest":
    case "hold":
      return;
    case "pull":
      return await pull(bench, step);
    case "create":
      return await create(bench, step);
    case "stop":
      return await stop(bench, step);
    case "start":
      return await start(bench, step);
    case "open":
      return await openGate(bench, step.id);
    case "check":
      return await check(bench, step);
    case "point":
      return await point(bench, step);
    case "promote":
      return await promote(bench, step.id);
    case "fail":
      return await noteFailure(
        bench,
        { reason: step.reason as ReasonCode, detail: step.detail },
        whoseFault(bench.memory, step.id),
      );
    case "settle":
      return await settle(bench, step);
    case "keep":
      return await tidying(bench, () => keep(bench, step.id));
    case "remove":
      return await tidying(bench, () => remove(bench, step.id));
    case "disarm":
      return await tidying(bench, () => disarm(bench, step.id));
    case "redo":
      return await redo(bench);
  }
}

function whoseFault(memory: SlotMemory, id: string | null): About {
  return id === null ? { id, member: null } : about(memory, id);
}

async function stop(bench: Bench, step: Extract<Step, { kind: "stop" }>): Promise<void> {
  const { memory, engine, clock, log } = bench;
  const state = stateById(memory, step.id);
  if (state === null) return;
  enter(bench, "stopping_old");
  touch(memory);
  if (step.which === "old") {
    const taken = await strangerOnPort(bench, state);
    if (taken !== null)
      return await noteFailure(bench, { reason: "port_in_use", detail: taken }, { ...about(memory, state.id), id: null });
    await holdFor(bench, state);
  }
  if (step.which === "leftover") await drainBehindProxy(bench, state);
  try {
    // One that failed has nothing to finish, and what serves waits for its end; a one-shot is in the middle of something.
    const hurries = step.which === "candidate" && marksOf(state.labels)?.condition !== "completed";
    const graceMs = hurries ? Math.min(state.stopGraceMs, failedGraceMs) : state.stopGraceMs;
    const { killed } = await engine.stop({ ...state, stopGraceMs: graceMs });
    if (killed) log.warn({ ...memory.key, container: state.name, graceMs }, "ignored its stop signal, killed");
    memory.stuckStops.delete(step.id);
    changeState(memory, step.id, { status: "ended", pid: null });
    if (step.which === "old") noteId(bench, "stoppedOld", step.id);
  } catch (raw) {
    const thrown = afterTries(memory, step.id, raw);
    const { member } = about(memory, step.id);
    if (!(thrown instanceof EngineError) || isEngineFault(thrown)) throw thrown;
    if (step.which === "old") return await noteFault(bench, thrown, { id: null, member });
    // A candidate that cannot be stopped keeps the port: the old one has nowhere to go back to.
    noteId(bench, "unstoppable", step.id);
    if (outcomeOf(memory) === null) return await noteFault(bench, thrown, { id: step.id, member });
    memory.repairs.push(clock.now());
    const detail = thrown.message;
    log.error({ ...memory.key, container: state.name, detail }, "what should not run cannot be stopped, trying again later");
  }
}

/**
 * Who holds the port that the new container will be asked on, while the old one still serves; null when that is the old one, nobody,
 * or not to be seen. What the agent itself may not look into is left to the check.
 */
async function strangerOnPort(bench: Bench, old: ContainerState): Promise<string | null> {
  const { memory, prober } = bench;
  const { member } = about(memory, old.id);
  const wanted = wantedOf(memory, member);
  const port = wanted === null ? null : portToHold(wanted.health.probe);
  if (port === null || old.pid === null || (wanted?.container.network ?? "host") !== "host") return null;
  // Of this slot: another member may give the port up when its turn comes.
  const own = memory.states.filter((s) => s.pid !== null && s.status !== "ended");
  const holders = await Promise.all(own.map(({ pid }) => prober.holder({ port, pid: pid as number })));
  const [first] = holders;
  return first?.by === "other" && holders.every((h) => h.by === "other") ? `${first.detail}; nothing was touched` : null;
}

/** An engine that answers everything but this stop has not gone away: after some tries it is the container that cannot be ended. */
function afterTries(memory: SlotMemory, id: string, thrown: unknown): unknown {
  if (!(thrown instanceof EngineError) || thrown.reason !== "engine_stuck") return thrown;
  const tries = (memory.stuckStops.get(id) ?? 0) + 1;
  memory.stuckStops.set(id, tries);
  if (tries < stuckTries) return thrown;
  const message = `the engine answers, but has not ended it in ${tries} tries: ${thrown.message}`;
  return new EngineError({ reason: "stop_failed", message, cause: thrown });
}

async function start(bench: Bench, step: Extract<Step, { kind: "start" }>): Promise<void> {
  const { memory, clock, log } = bench;
  enter(bench, "starting");
  if (step.which === "beside") return await startBeside(bench, step.id);
  if (step.which === "new") {
    touch(memory);
    memory.breaksAtStart = bench.engineBreaks();
  }
  if (step.which === "repair") memory.repairs.push(clock.now());
  try {
    await startMended(bench, step);
    changeState(memory, step.id, { status: "running", startedAt: clock.now() });
    if (step.which === "old") noteId(bench, "startedOld", step.id);
    if (step.which === "new") noteId(bench, "startedNew", step.id);
    if (step.which === "repair")
      log.warn({ ...memory.key, container: step.id }, "the serving container was down, started it again");
  } catch (thrown) {
    if (isEngineFault(thrown)) throw thrown;
    if (step.which === "new") return await noteFault(bench, thrown, about(memory, step.id));
    log.error({ ...memory.key, container: step.id, detail: String(thrown) }, "the old container could not be started");
    noteId(bench, "oldBroken", step.id);
  }
}

/** What has served may have lost its gate since. */
async function startMended(bench: Bench, { id, which }: Extract<Step, { kind: "start" }>): Promise<void> {
  const { memory, engine, limit, swaps, log } = bench;
  const start = () => limit(() => engine.start(id));
  const state = stateById(memory, id);
  await start().catch(async (thrown) => {
    const mayHelp = which !== "new" && state !== null && !isEngineFault(thrown);
    if (!mayHelp || !(await mendGate({ gates: swaps.gates, log }, state))) throw thrown;
    await start();
  });
}

async function check(bench: Bench, step: Extract<Step, { kind: "check" }>): Promise<void> {
  const { memory, log } = bench;
  enter(bench, "checking");
  const proof = await whileHeld(bench, step.id, () => prove(bench, step));
  if (proof.ok) {
    if (proof.note !== null) log.warn({ ...memory.key, detail: proof.note }, "health proved less strictly");
    memory.states = memory.states.map((s) => (s.id === step.id ? proof.state : s));
    noteId(bench, "verified", step.id);
    return;
  }
  if (step.which === "new") {
    const gone = proof.reason === "exited" && (await bench.engine.inspect(step.id)) === null;
    const removed = { reason: "interrupted", detail: "the new container was removed during its check" } as const;
    return await noteFailure(bench, gone ? removed : await behindGate(bench, step.id, proof), about(memory, step.id));
  }
  log.error({ ...memory.key, reason: proof.reason, detail: proof.detail }, "the old container is not healthy again");
  noteId(bench, "oldBroken", step.id);
}

/** What is asked of it: by the order when it is new, by its own labels when it is put back. */
async function prove(bench: Bench, { id, which }: Extract<Step, { kind: "check" }>): Promise<Proof> {
  const { memory } = bench;
  const { member } = about(memory, id);
  const wanted = which === "new" ? wantedOf(memory, member) : null;
  const state = stateById(memory, id);
  const condition = wanted?.condition ?? (state === null ? undefined : marksOf(state.labels)?.condition) ?? "healthy";
  // Its own label first: behind a proxy it may have another port than the order says.
  const health = besideOthers(bench, id, healthOf(memory, id) ?? wanted?.health ?? plainHealth);
  // Going back is never cut short.
  const signal = which === "new" ? bench.newer() : new AbortController().signal;
  switch (condition) {
    case "started":
      return await proveStart(bench, id);
    case "healthy":
      return await proveHealth(bench, { id, health, hostNetwork: (wanted?.container.network ?? "host") === "host", signal });
    case "completed":
      return await proveEnd(bench, { id, deadlineMs: health.deadlineMs, signal });
  }
}

/** From here on the engine may bring the container back by itself: its gate must be open on the disk, too. */
async function passed({ memory }: Bench): Promise<void> {
  await memory.passage.catch((cause) => {
    throw new EngineError({ reason: "disk_full", message: `the mark on its gate cannot be written: ${cause.message}`, cause });
  });
}

async function promote(bench: Bench, id: string): Promise<void> {
  enter(bench, "promoting");
  try {
    await passed(bench);
    await bench.engine.setRestartPolicy(id, "unless-stopped");
    changeState(bench.memory, id, { restartPolicy: "unless-stopped" });
  } catch (thrown) {
    // The container is gone, or ended this very moment: look again.
    bench.memory.stale = true;
    if (!(thrown instanceof EngineError) || isEngineFault(thrown)) throw thrown;
    await noteFault(bench, thrown, about(bench.memory, id));
  }
}
