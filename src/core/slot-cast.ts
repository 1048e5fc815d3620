/** Who plays which part in a swap: the containers of one slot, member by member. */
import type { Attempt, Goal, MemberName, SeenContainer, SlotView, Step, WantedMember } from "./slot-step.ts";

/** The containers of one member. */
export type Cast = {
  readonly name: MemberName;
  /** Null: the goal has no such member (any more). */
  readonly wanted: WantedMember | null;
  readonly isOneShot: boolean;
  readonly candidate: SeenContainer | null;
  /** What serves until the candidate does, and is gone back to; of a one-shot the one that ended well last. */
  readonly old: SeenContainer | null;
  /** All live containers but the candidate; the old one is among them. */
  readonly others: readonly SeenContainer[];
  /** Newest first. */
  readonly vouchers: readonly SeenContainer[];
};

type Scene = Pick<SlotView, "goal" | "containers">;

/** Of the members that the goal wants, in start order. */
export function castsOf(scene: Scene): readonly Cast[] {
  return (scene.goal.release?.members ?? []).map((member) => castOf(scene, member.name));
}

/** Of the members that the goal does not want, the last that started first. */
export function orphansOf(scene: Scene): readonly Cast[] {
  const wanted = new Set(scene.goal.release?.members.map((m) => m.name));
  const found = scene.containers.filter((c) => !wanted.has(c.member)).sort((a, b) => b.position - a.position);
  return [...new Set(found.map((c) => c.member))].map((name) => castOf(scene, name));
}

export function castOf({ goal, containers }: Scene, name: MemberName): Cast {
  const own = containers.filter((c) => c.member === name);
  const wanted = goal.release?.members.find((m) => m.name === name) ?? null;
  const lives = newestFirst(own, "live");
  const candidate = lives.find((c) => c.generation === goal.generation) ?? null;
  const others = lives.filter((c) => c !== candidate);
  const isOneShot = wanted === null ? lives[0]?.isOneShot === true : wanted.condition === "completed";
  const old = isOneShot ? (others.find(hasEndedWell) ?? null) : oldOf(others, lives);
  return { name, wanted, isOneShot, candidate, old, others, vouchers: newestFirst(own, "previous") };
}

function newestFirst(containers: readonly SeenContainer[], role: SeenContainer["role"]): SeenContainer[] {
  return containers.filter((c) => c.role === role).sort((a, b) => b.generation - a.generation);
}

/** The one to go back to: promoted, or named by a candidate that was to replace it. Never a candidate that failed. */
function oldOf(others: readonly SeenContainer[], lives: readonly SeenContainer[]): SeenContainer | null {
  const promoted = others.filter((c) => c.promoted);
  const replaced = others.filter((c) => lives.some((l) => l.replaces === c.id));
  return promoted.find((c) => c.status === "running") ?? promoted[0] ?? replaced[0] ?? null;
}

export function hasEndedWell(container: SeenContainer): boolean {
  return container.status === "ended" && container.exitCode === 0;
}

/** Another container of the member that runs and should not. */
export function rivalOf({ others, old }: Cast): SeenContainer | undefined {
  return others.find((c) => c !== old && c.status === "running");
}

/** Both were made to serve beside another. */
export function mayShare(one: SeenContainer, other: SeenContainer): boolean {
  return one.shares !== undefined && one.shares === other.shares;
}

/** Whoever stops another one sees to it first that requests go to the one that serves: after a crash nobody knows where they go. */
export function pointBack(attempt: Attempt, old: SeenContainer | null): Step | null {
  if (old?.shares !== "proxy" || old.status !== "running" || attempt.pointedAt === old.id) return null;
  return { kind: "point", id: old.id, which: "old" };
}

/** What is there serves the goal as it is: there is nothing to make. */
export function isUnchanged(cast: Cast, goal: Goal): boolean {
  const { candidate, old, wanted, isOneShot } = cast;
  if (candidate !== null || old === null || wanted === null) return false;
  return isSame(old, wanted, goal) && (goal.fresh !== true || isOneShot);
}

/** A release of one container alone is another release, whatever it is made of. */
export function isSame(container: SeenContainer, wanted: WantedMember, goal: Goal): boolean {
  const isThat = container.digest === wanted.digest && container.specHash === wanted.specHash;
  return isThat && (hasSupporting(goal) || container.release === goal.release?.number);
}

export function hasSupporting({ release }: Goal): boolean {
  return release !== null && release.members.length > 1;
}

export function isOfGoal(container: SeenContainer, { release }: Goal): boolean {
  const wanted = release?.members.find((m) => m.name === container.member);
  return container.release === release?.number && container.digest === wanted?.digest;
}

/** Every member serves as the goal wants it, at least one of them made for it. */
export function isAsWanted({ goal }: SlotView, casts: readonly Cast[]): boolean {
  const made = casts.some((c) => !c.isOneShot && c.candidate !== null);
  return made && casts.every((cast) => isServing(cast, goal));
}

function isServing(cast: Cast, goal: Goal): boolean {
  const { candidate, old, others, isOneShot } = cast;
  const one = isUnchanged(cast, goal) ? old : candidate;
  if (one === null) return false;
  if (isOneShot) return hasEndedWell(one);
  return one.promoted && one.status === "running" && others.every((c) => c === one || c.status !== "running");
}
