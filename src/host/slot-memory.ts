/** What the worker of one slot knows: the order, what Docker showed, and how far this process has come. */
import type { DesiredSlot, SlotKey, SlotStep, SwapOutcome } from "../core/slot.ts";
import {
  type Attempt,
  freshAttempt,
  type Goal,
  type MemberName,
  type SeenContainer,
  type WantedMember,
} from "../core/slot-step.ts";
import type { ContainerState } from "./engine.ts";
import type { Hold } from "./hold/holder.ts";
import { goalFor, marksOf, seenOf, type WantedContainer, wantedContainers } from "./labels.ts";
import type { JournalEntry } from "./state.ts";

export type SlotMemory = {
  readonly key: SlotKey;
  /** The newest order, and whether the server gave it to this process (rather than the state directory). */
  desired: DesiredSlot | null;
  confirmed: boolean;
  /** The order being carried out; lags behind `desired` while a swap must first be finished or undone. */
  goal: DesiredSlot | null;
  /** In place of `goal` when no order is known: what the labels say. */
  inferred: Goal | null;
  states: ContainerState[];
  /** Docker has shown what there is, at least once. */
  looked: boolean;
  /** What Docker shows may differ from `states`. */
  stale: boolean;
  attempt: Attempt;
  /** The swap has begun to change what runs: a newer order, and the agent's end, wait until it has ended. */
  touched: boolean;
  entry: JournalEntry;
  step: SlotStep;
  /** `repository@digest` on this host, by member. */
  readonly imageRefs: Map<MemberName, string>;
  /** How often the image was there to look at, but not to create from. */
  imageMisses: number;
  /** When the goal was taken up, for `tookMs`. */
  beganAt: number;
  repairs: number[];
  tidyAfter: number;
  tidyFailures: number;
  /** Gates of these containers that let through. */
  readonly openGates: Set<string>;
  /** Settles when the gate that was opened last is also open after a power cut. */
  passage: Promise<void>;
  /** What the engine said when it refused a container with a gate, and perhaps because of it: this swap is tried without. */
  plainAfter: string | null;
  /** New connections wait, until the new container listens. */
  held: Hold | null;
  /** How often the engine has not answered the stop of a container. */
  readonly stuckStops: Map<string, number>;
  /** How often the engine had been away when the candidate was started. */
  breaksAtStart: number | null;
};

/** What fails, or is undone again, is tried at once, and then ever more rarely; never given up for good. */
const waitsMs = [0, 1_000, 10_000, 60_000] as const;

export function waitAfter(attempts: number): number {
  return waitsMs[Math.min(attempts, waitsMs.length - 1)] ?? 0;
}

/** When what outsiders or the container itself brought down may be put right again. */
export function nextRepairAt(memory: SlotMemory): number {
  const last = memory.repairs.at(-1);
  return last === undefined ? 0 : last + waitAfter(memory.repairs.length);
}

export function createMemory(key: SlotKey, entry: JournalEntry | null, now: number): SlotMemory {
  return {
    key,
    desired: null,
    confirmed: false,
    goal: null,
    inferred: null,
    states: [],
    looked: false,
    stale: true,
    attempt: freshAttempt,
    touched: false,
    entry: entry ?? { generation: 0, outcome: null, adopted: null, began: null },
    step: "idle",
    imageRefs: new Map(),
    imageMisses: 0,
    beganAt: now,
    repairs: [],
    tidyAfter: 0,
    tidyFailures: 0,
    openGates: new Set(),
    passage: Promise.resolve(),
    plainAfter: null,
    held: null,
    stuckStops: new Map(),
    breaksAtStart: null,
  };
}

export function seenContainers(memory: SlotMemory): SeenContainer[] {
  const seeing = { adopted: memory.entry.adopted, isOpen: (gate: string) => memory.openGates.has(gate) };
  return memory.states.map((s) => seenOf(s, seeing)).filter((c) => c !== null);
}

export function goalOf(memory: SlotMemory): Goal | null {
  return memory.goal === null ? memory.inferred : goalFor(memory.goal);
}

/** What the order wants of the member; null without an order, and for members that it does not have. */
export function wantedOf({ goal }: SlotMemory, name: MemberName): WantedContainer | null {
  const release = goal?.release ?? null;
  return release === null ? null : (wantedContainers(release).find((m) => m.name === name) ?? null);
}

/** Told, begun with, or seen on a container: also while the engine does not let the worker take up what it was told. */
export function newestKnown({ desired, entry, states }: SlotMemory): number {
  const labels = states.map((s) => marksOf(s.labels)?.generation ?? 0);
  return Math.max(desired?.generation ?? 0, entry.generation, ...labels);
}

export function outcomeOf(memory: SlotMemory): SwapOutcome | null {
  const generation = memory.goal?.generation ?? memory.inferred?.generation;
  return memory.entry.generation === generation ? memory.entry.outcome : null;
}

/**
 * Without any order: the newest containers on the host stand for one, so that an interrupted swap still ends. Not so when the
 * released one is of an earlier generation than others: whether it was to be swapped, too, nobody knows.
 */
export function inferGoal(memory: SlotMemory): Goal | null {
  const lives = seenContainers(memory).filter((c) => c.role === "live");
  const newest = lives.sort((a, b) => b.generation - a.generation);
  const released = newest.find((c) => c.member === null);
  if (released === undefined || released.generation !== newest[0]?.generation) return null;
  const { generation, release } = released;
  return { generation, release: { number: release, members: membersSeen(newest) } };
}

function membersSeen(newestFirst: readonly SeenContainer[]): WantedMember[] {
  const newest = newestFirst.filter((c, at) => newestFirst.findIndex((other) => other.member === c.member) === at);
  return newest
    .sort((a, b) => a.position - b.position)
    .map(({ member, digest, specHash, isOneShot }) => {
      return { name: member, digest, specHash, condition: isOneShot ? "completed" : "healthy" };
    });
}

export function changeState(memory: SlotMemory, id: string, change: Partial<ContainerState>): void {
  memory.states = memory.states.map((s) => (s.id === id ? { ...s, ...change } : s));
}

export function stateById(memory: SlotMemory, id: string): ContainerState | null {
  return memory.states.find((s) => s.id === id) ?? null;
}

export function healthOf(memory: SlotMemory, id: string) {
  const state = stateById(memory, id);
  return state === null ? null : (marksOf(state.labels)?.health ?? null);
}

/** Notes that what runs was changed for a swap. Before there is a candidate, and once all is settled, it is mere order. */
export function touch(memory: SlotMemory): void {
  if (outcomeOf(memory) === null && hasCandidate(memory)) memory.touched = true;
}

export function hasCandidate(memory: SlotMemory): boolean {
  const goal = goalOf(memory);
  return goal !== null && seenContainers(memory).some((c) => c.role === "live" && c.generation === goal.generation);
}

/** Another container of its member serves: to go on with this one is to begin to replace that. */
export function servesBeside(memory: SlotMemory, id: string): boolean {
  const seen = seenContainers(memory);
  const member = seen.find((c) => c.id === id)?.member;
  return seen.some((c) => c.id !== id && c.member === member && c.promoted && c.status === "running");
}

/** Which member a container is of. */
export function memberOf(memory: SlotMemory, id: string): MemberName {
  const state = stateById(memory, id);
  return state === null ? null : (marksOf(state.labels)?.member ?? null);
}
