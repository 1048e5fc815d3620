/**
 * The worker of one slot: looks, asks core for the next step, carries it out, and looks again, one step at a time, until
 * there is nothing to do; then it sleeps until an order, an event or the engine's return wakes it.
 */
import type { DesiredSlot, ObservedSlot, SlotKey } from "../core/slot.ts";
import { freshAttempt, nextStep, type Step } from "../core/slot-step.ts";
import type { ContainerState } from "./engine.ts";
import { isEngineFault } from "./images.ts";
import { marksOf } from "./labels.ts";
import { pause } from "./prove.ts";
import type { Bench } from "./slot-bench.ts";
import {
  createMemory,
  goalOf,
  hasCandidate,
  inferGoal,
  newestKnown,
  nextRepairAt,
  outcomeOf,
  seenContainers,
  servesBeside,
  stateById,
} from "./slot-memory.ts";
import { observedContainers, type Serving, servingNow, servingOf } from "./slot-report.ts";
import { carryOut } from "./slot-steps.ts";
import { lookAtGates } from "./slot-swap.ts";
import { createWards } from "./slot-wards.ts";
import type { JournalEntry } from "./state.ts";

/** Where tests end the process, or look: `before:stop`, `after:start` and so on. In production it does nothing. */
export type Failpoint = (name: string) => void | Promise<void>;

export type SlotWorker = {
  readonly key: SlotKey;
  /** A newer order. `confirmed`: the server gave it to this process. Returns false when it is older than what is known. */
  want(desired: DesiredSlot, confirmed: boolean): boolean;
  /** Something may have changed on the engine. `containerId`: whose event it was. */
  poke(containerId?: string): void;
  observed(): ObservedSlot;
  /** What serves now, as far as it was looked at: asks the engine nothing. */
  serving(): readonly Serving[];
  /** Resolves when the step under way is done, and a swap that has changed what runs is finished or undone. */
  stop(): Promise<void>;
};

export type WorkerParts = Omit<Bench, "memory" | "newer"> & {
  readonly key: SlotKey;
  readonly entry: JournalEntry | null;
  readonly failpoint: Failpoint;
  /** Resolves when the engine answers (again); called after every engine fault. */
  readonly engineBack: () => Promise<void>;
};

const repairWindowMs = 10 * 60_000;
/** A swap that this agent began is taken up again after a crash only within this time, and within the same boot. */
const resumeMs = 2 * 60_000;
const settleLookMs = 50;
/** No swap has that many steps: beyond it something undoes what is done, and haste would only burn the host. */
const manySteps = 60;

export function createSlotWorker(parts: WorkerParts): SlotWorker {
  const { key, clock, log, engine } = parts;
  const memory = createMemory(key, parts.entry, clock.now());
  let newer = new AbortController();
  let wake: () => void = () => undefined;
  let awake = false;
  let stopping = false;
  /** Something happened on the engine. Looked into when the worker rests: most of it is its own doing. */
  let hinted = false;
  let hasFollowed = false;
  let stepsSinceRest = 0;
  const bench: Bench = { ...parts, memory, newer: () => newer.signal, write };
  const wards = createWards(bench, {
    onChange: () => {
      parts.report();
      poke();
    },
    onGone: () => poke(),
    onFault: () => void parts.engineBack().then(() => poke()),
  });

  function write(entry: JournalEntry): Promise<void> {
    memory.entry = entry;
    return parts.write(entry);
  }

  function want(desired: DesiredSlot, confirmed: boolean): boolean {
    const known = Math.max(memory.desired?.generation ?? 0, memory.entry.generation);
    if (desired.generation < known) return false;
    const isNews = desired.generation > (memory.desired?.generation ?? 0);
    if (!isNews && memory.confirmed === confirmed && isSameOrder(memory.desired, desired)) return true;
    memory.desired = desired;
    memory.confirmed ||= confirmed;
    if (isNews) newer.abort();
    rouse();
    return true;
  }

  function rouse(): void {
    awake = true;
    wake();
  }

  function poke(containerId?: string): void {
    hinted = true;
    if (containerId !== undefined) wards.poke(containerId);
    rouse();
  }

  /** The newest order becomes the goal, unless the one before must first be finished or undone. */
  function takeNewest(): void {
    const { desired, goal } = memory;
    if (desired === null || desired === goal) return;
    if (memory.touched && hasCandidate(memory) && goal !== null && goal.generation !== desired.generation) return;
    const isNew = goal?.generation !== desired.generation;
    if (!isNew && memory.touched && !isSameOrder(goal, desired)) return;
    memory.goal = desired;
    if (!isNew) return;
    memory.touched = false;
    memory.breaksAtStart = null;
    memory.plainAfter = null;
    newer = new AbortController();
    memory.inferred = null;
    memory.imageRefs.clear();
    memory.imageMisses = 0;
    memory.beganAt = clock.now();
    memory.attempt = { ...freshAttempt, resume: mayResume(desired.generation) ? "forward" : "back" };
    if (outcomeOf(memory) === null) memory.step = "idle";
    else memory.step = outcomeOf(memory)?.ok ? "serving" : "failed";
    parts.report();
  }

  function mayResume(generation: number): boolean {
    const { began, generation: journaled } = memory.entry;
    if (began === null || journaled !== generation || began.bootId !== parts.bootId) return false;
    return clock.mono() - began.monoAt < resumeMs;
  }

  async function look(): Promise<void> {
    memory.stale = false;
    hinted = false;
    const before = memory.states;
    memory.states = [...(await engine.list(key))];
    lookAtGates(bench);
    const isFirst = !memory.looked;
    memory.looked = true;
    if (memory.goal === null) memory.inferred ??= inferGoal(memory);
    if (isFirst || !looksSame(before, memory.states)) parts.report();
  }

  function decide(): Step {
    const goal = goalOf(memory);
    if (goal === null) return { kind: "rest" };
    const now = clock.now();
    memory.repairs = memory.repairs.filter((at) => now - at < repairWindowMs);
    const step = nextStep({
      goal,
      containers: seenContainers(memory),
      attempt: memory.attempt,
      settled: outcomeOf(memory),
      mayRepair: now >= nextRepairAt(memory),
      mayTidy: now >= memory.tidyAfter,
    });
    return mustWait(step) ? { kind: "rest" } : step;
  }

  /** After a restart, what serves is left alone until the server has said that it still wants what it wanted. */
  function mustWait(step: Step): boolean {
    if (memory.confirmed) return false;
    switch (step.kind) {
      case "pull":
      case "create":
      case "redo":
        return true;
      case "stop":
        return step.which === "old";
      case "start":
        return step.which === "beside" || isUnbegun(step.id);
      case "point":
        return step.which === "new";
      case "promote":
        return step.which === "new" && servesBeside(memory, step.id);
      case "rest":
      case "hold":
      case "open":
      case "check":
      case "fail":
      case "settle":
      case "keep":
      case "remove":
      case "disarm":
        return false;
    }
  }

  /** A one-shot that has not run: it does what cannot be undone, while what serves is untouched. */
  function isUnbegun(id: string): boolean {
    const state = stateById(memory, id);
    return state?.status === "created" && marksOf(state.labels)?.condition === "completed";
  }

  async function cycle(): Promise<void> {
    if (memory.stale) await look();
    takeNewest();
    const step = stopping ? onTheWayOut(decide()) : decide();
    if (step.kind === "rest" || step.kind === "hold") return await rest(step);
    if (step.kind === "stop" || step.kind === "start") wards.leave(step.id);
    stepsSinceRest += 1;
    if (stepsSinceRest > manySteps) {
      log.error({ ...key, step: step.kind, stepsSinceRest }, "the slot does not come to rest");
      await pause(clock, 1_000);
    }
    await parts.failpoint(`before:${step.kind}`);
    await carryOut(bench, step);
    await parts.failpoint(`after:${step.kind}`);
    // A generation that is done with is taken from the top again only by an outsider's act.
    if (step.kind === "redo") memory.attempt = { ...freshAttempt, resume: "forward" };
    if (step.kind === "settle") followServing(memory.attempt.verified);
  }

  /** The agent is to end: a swap that has changed what runs is finished if it is proven, and otherwise undone. */
  function onTheWayOut(step: Step): Step {
    const begins = step.kind === "pull" || step.kind === "create" || step.kind === "redo";
    if (begins || (step.kind === "stop" && step.which === "old" && !memory.touched)) return { kind: "rest" };
    const unproven = step.kind === "start" && step.which === "new" && hasCandidate(memory) && !isPromoted(step.id);
    // Between two members: those that were swapped give way again.
    const goesOn = step.kind === "stop" && step.which === "old" && memory.goal?.release !== null;
    return unproven || goesOn ? { kind: "fail", reason: "interrupted", detail: "the agent was told to stop", id: null } : step;
  }

  function isPromoted(id: string): boolean {
    return stateById(memory, id)?.restartPolicy === "unless-stopped";
  }

  async function rest(step: Extract<Step, { kind: "rest" | "hold" }>): Promise<void> {
    stepsSinceRest = 0;
    // Nothing more can be done before the agent ends.
    if (stopping) memory.touched = false;
    if (step.kind === "hold") await refuse(step.detail);
    followServing([]);
    if (!awake && !stopping) await slumberUntilDue();
    awake = false;
    if (!hinted || memory.desired !== memory.goal || stopping) return;
    // Events come in bursts: look once after them. An order does not wait for that.
    await slumber(settleLookMs);
    if (memory.desired !== memory.goal) return;
    hinted = false;
    memory.stale = true;
  }

  /** Until roused, or until what could not be done, or not again, may be tried again. */
  async function slumberUntilDue(): Promise<void> {
    const now = clock.now();
    const due = [memory.tidyAfter, nextRepairAt(memory)].filter((at) => at > now);
    await slumber(due.length === 0 ? null : Math.min(...due) - now);
    if (!awake) memory.stale = true;
  }

  /** Until roused, or for `ms`. */
  async function slumber(ms: number | null): Promise<void> {
    await new Promise<void>((resolve) => {
      const cancel = ms === null ? () => undefined : clock.wakeAt(clock.now() + ms, resolve);
      wake = () => {
        cancel();
        resolve();
      };
    });
    wake = () => undefined;
  }

  async function refuse(detail: string): Promise<void> {
    const generation = memory.goal?.generation ?? 0;
    if (outcomeOf(memory)?.ok === false) return;
    log.error({ ...key, generation, detail, reason: "stale_desired" }, "refuses the order");
    memory.step = "failed";
    const outcome = { ok: false, tookMs: 0, reason: "stale_desired", detail, logTail: [], after: "restored" } as const;
    const written = write({ ...memory.entry, generation, outcome });
    parts.report();
    await written;
  }

  function followServing(proven: readonly string[]): void {
    const isFirst = !hasFollowed;
    hasFollowed = true;
    wards.follow(
      servingOf(memory).filter((state) => state.status !== "created"),
      proven,
    );
    // Until now nothing could be said of how well it serves, and what has proved itself gives no news of its own.
    if (isFirst) parts.report();
  }

  async function run(): Promise<void> {
    while (!stopping || memory.touched) {
      try {
        await cycle();
      } catch (thrown) {
        if (stopping && !memory.touched) return;
        memory.stale = true;
        if (!isEngineFault(thrown)) noteBug(thrown);
        await parts.engineBack();
        await pause(clock, isEngineFault(thrown) ? 100 : 1_000);
      }
    }
  }

  /** A fault of the agent ends the swap like any other: the old container serves again. */
  function noteBug(thrown: unknown): void {
    log.error({ ...key, error: String((thrown as Error).stack ?? thrown) }, "a fault in the agent");
    if (memory.attempt.failure !== null || outcomeOf(memory) !== null) return;
    const failure = { reason: "internal", detail: `a fault in the agent: ${(thrown as Error).message}`, logTail: [] };
    memory.attempt = { ...memory.attempt, failure };
  }

  const running = run();
  return {
    key,
    want,
    poke,
    observed: () => ({
      ...key,
      generation: memory.goal?.generation ?? memory.inferred?.generation ?? 0,
      newest: newestKnown(memory),
      ...(memory.looked ? {} : { unseen: true as const }),
      step: memory.step,
      outcome: outcomeOf(memory),
      ...observedContainers({ memory, wards, hasFollowed }),
    }),
    serving: () => servingNow({ memory, wards, hasFollowed }),
    async stop() {
      stopping = true;
      newer.abort();
      wards.leaveAll();
      rouse();
      await running;
      wards.leaveAll();
    },
  };
}

function isSameOrder(one: DesiredSlot | null, other: DesiredSlot): boolean {
  return one?.release?.number === other.release?.number && one?.release?.digest === other.release?.digest;
}

/** Labels and name of a container never change; the rest is what a report is made of. */
function looksSame(before: readonly ContainerState[], now: readonly ContainerState[]): boolean {
  return before.length === now.length && before.every((one, at) => isSameState(one, now[at]));
}

function isSameState(one: ContainerState, other: ContainerState | undefined): boolean {
  if (one === other || other === undefined) return one === other;
  const ended = one.exitCode === other.exitCode && one.oomKilled === other.oomKilled && one.error === other.error;
  const runs = one.pid === other.pid && one.startedAt === other.startedAt && one.restarts === other.restarts;
  const health = one.health?.status === other.health?.status && one.health?.output === other.health?.output;
  return (
    one.id === other.id && one.status === other.status && one.restartPolicy === other.restartPolicy && runs && ended && health
  );
}
