/** Towards the goal: everything that changed is made before anything is stopped; then member after member, in start order. */
import { type Cast, hasEndedWell, isUnchanged, mayShare, pointBack, rivalOf } from "./slot-cast.ts";
import type { Attempt, SeenContainer, SlotView, Step } from "./slot-step.ts";

export function forward(view: SlotView, casts: readonly Cast[]): Step {
  return firstOf(casts, (cast) => prepare(view, cast)) ?? make(view, casts) ?? takeTurns(view, casts);
}

function firstOf(casts: readonly Cast[], next: (cast: Cast) => Step | null): Step | null {
  for (const cast of casts) {
    const step = next(cast);
    if (step !== null) return step;
  }
  return null;
}

/** There is no candidate yet. The old container serves, or is made to; leftovers can wait until the goal is settled. */
function prepare({ attempt, goal }: SlotView, cast: Cast): Step | null {
  const { candidate, old, isOneShot } = cast;
  if (candidate !== null || isOneShot) return null;
  const rival = rivalOf(cast);
  if (rival !== undefined) return pointBack(attempt, old) ?? { kind: "stop", id: rival.id, which: "leftover" };
  if (old === null || isUnchanged(cast, goal)) return null;
  if (old.status !== "running") return attempt.oldBroken.includes(old.id) ? null : { kind: "start", id: old.id, which: "old" };
  return old.promoted ? null : { kind: "promote", id: old.id, which: "old" };
}

function make({ attempt, goal }: SlotView, casts: readonly Cast[]): Step | null {
  const missing = casts.filter((cast) => cast.candidate === null && !isUnchanged(cast, goal));
  const [first] = missing;
  if (first === undefined) return null;
  if (!attempt.imagePresent) return { kind: "pull", members: missing.map((cast) => cast.name) };
  return { kind: "create", member: first.name, replaces: first.old?.id ?? null };
}

/** What a member must have shown is shown before the next one is touched. */
function takeTurns(view: SlotView, casts: readonly Cast[]): Step {
  const next = firstOf(casts, (cast) => {
    const { candidate, old } = cast;
    if (candidate === null) return old === null ? null : adopt(view, cast, old);
    return cast.isOneShot ? runOnce(view, cast, candidate) : swap(view, cast, candidate);
  });
  if (next !== null) return next;
  const released = casts.find((cast) => cast.name === null);
  return { kind: "settle", ok: true, adopt: released?.candidate === null ? (released.old?.id ?? null) : null };
}

/** What is wanted is there already: nothing to swap, but that it serves is seen, not assumed, where somebody asks for it. */
function adopt({ attempt }: SlotView, { isOneShot, wanted }: Cast, old: SeenContainer): Step | null {
  if (isOneShot) return null;
  if (old.status !== "running") return { kind: "start", id: old.id, which: "new" };
  if (!old.promoted) return { kind: "promote", id: old.id, which: "new" };
  if (wanted?.condition === "healthy" && !attempt.verified.includes(old.id)) return { kind: "check", id: old.id, which: "new" };
  return pointBack(attempt, old);
}

function swap(view: SlotView, cast: Cast, candidate: SeenContainer): Step | null {
  switch (candidate.status) {
    case "running":
      return prove(view, cast, candidate);
    case "ended":
      // At its gate, so that it has done nothing yet: as one that was only created.
      if (candidate.gate === "closed" && !view.attempt.startedNew.includes(candidate.id))
        return switchOver(view, cast, candidate);
      // On the way back it was promoted already; what failed was another member, and the agent that knew of it ended.
      if (candidate.promoted && cast.old?.status === "running") return interrupted(candidate, "the old container serves again");
      if (candidate.promoted) return { kind: "start", id: candidate.id, which: "new" };
      if (view.attempt.startedNew.includes(candidate.id)) return { kind: "check", id: candidate.id, which: "new" };
      return interrupted(candidate, `the new container is not running any more (${candidate.ending ?? "ended"})`);
    case "created":
      return switchOver(view, cast, candidate);
  }
}

function switchOver({ attempt }: SlotView, cast: Cast, candidate: SeenContainer): Step {
  const { old } = cast;
  const rival = rivalOf(cast);
  if (rival !== undefined) return { kind: "stop", id: rival.id, which: "leftover" };
  if (old !== null && old.status === "running") {
    const isBeside = candidate.gate === "closed" || mayShare(candidate, old);
    return isBeside ? { kind: "start", id: candidate.id, which: "beside" } : { kind: "stop", id: old.id, which: "old" };
  }
  return wasLeft(attempt, old)
    ? interrupted(candidate, "the agent ended after the old container was stopped and before the new one was started")
    : { kind: "start", id: candidate.id, which: "new" };
}

/** An old one that this process did not stop, in a swap that is not to be taken up again. */
function wasLeft(attempt: Attempt, old: SeenContainer | null): boolean {
  return old !== null && !attempt.stoppedOld.includes(old.id) && attempt.resume === "back";
}

function prove({ attempt }: SlotView, cast: Cast, candidate: SeenContainer): Step | null {
  const { old } = cast;
  const rival = rivalOf(cast) ?? (old?.status === "running" ? old : undefined);
  if (rival !== undefined && !(rival === old && mayShare(candidate, old))) {
    if (candidate.promoted || rival !== old) return { kind: "stop", id: rival.id, which: "leftover" };
    if (candidate.gate === "closed") return { kind: "stop", id: rival.id, which: "old" };
    return interrupted(candidate, "the old and the new container were running at once");
  }
  // The old one, where it still runs, finishes what it has once this one is settled.
  if (candidate.promoted) return null;
  if (candidate.gate === "closed" && wasLeft(attempt, old))
    return interrupted(candidate, "the agent ended after the old container was stopped and before the new one was let through");
  // Opened again where another process did it: it may have come to the mark only, not to the door.
  if (candidate.gate !== undefined && !attempt.opened.includes(candidate.id)) return { kind: "open", id: candidate.id };
  if (!attempt.verified.includes(candidate.id)) return { kind: "check", id: candidate.id, which: "new" };
  const isPointed = candidate.shares !== "proxy" || attempt.pointedAt === candidate.id;
  return isPointed ? { kind: "promote", id: candidate.id, which: "new" } : { kind: "point", id: candidate.id, which: "new" };
}

/** It runs to its end, once; the check waits for that, and says how it ended. */
function runOnce({ attempt }: SlotView, cast: Cast, candidate: SeenContainer): Step | null {
  const rival = cast.others.find((c) => c.status === "running");
  if (rival !== undefined) return { kind: "stop", id: rival.id, which: "leftover" };
  if (hasEndedWell(candidate)) return null;
  if (candidate.status === "created") return { kind: "start", id: candidate.id, which: "new" };
  const wasKilled = candidate.exitCode === null || candidate.exitCode >= 128;
  if (candidate.status === "ended" && wasKilled && !attempt.startedNew.includes(candidate.id)) {
    return interrupted(candidate, `it did not run to its end (${candidate.ending ?? "ended"})`);
  }
  return { kind: "check", id: candidate.id, which: "new" };
}

function interrupted(candidate: SeenContainer, detail: string): Step {
  return { kind: "fail", reason: "interrupted", detail, id: candidate.id };
}
