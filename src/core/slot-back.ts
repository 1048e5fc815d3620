/** The way back of a swap that failed: in reverse order the old containers serve again, and then show that they do. */
import { type Cast, isUnchanged, pointBack, rivalOf } from "./slot-cast.ts";
import type { SeenContainer, SlotView, Step } from "./slot-step.ts";

type After = "restored" | "empty" | "down";

export function goBack(view: SlotView, casts: readonly Cast[]): Step {
  for (const cast of [...casts].reverse()) {
    const step = undo(view, cast);
    if (step !== null) return step;
  }
  // Once all are back, since one may need another to be well.
  for (const cast of casts) {
    const step = checkOld(view, cast);
    if (step !== null) return step;
  }
  return { kind: "settle", ok: false, after: afterOf(view, casts) };
}

function undo(view: SlotView, cast: Cast): Step | null {
  const { candidate } = cast;
  const rival = rivalOf(cast);
  // It holds what the old one needs; people must see to it, and it is tried again now and then.
  if (isBlocked(view, cast)) return null;
  // Before the candidate stops, and again when the old one had to be started.
  const back = pointBack(view.attempt, cast.old);
  if (back !== null) return back;
  if (candidate?.status === "running") return { kind: "stop", id: candidate.id, which: "candidate" };
  if (rival !== undefined) return { kind: "stop", id: rival.id, which: "leftover" };
  const old = oldToServe(view, cast);
  if (old === null) return null;
  if (old.status !== "running") {
    return view.attempt.oldBroken.includes(old.id) ? null : { kind: "start", id: old.id, which: "old" };
  }
  return old.promoted ? null : { kind: "promote", id: old.id, which: "old" };
}

function checkOld(view: SlotView, cast: Cast): Step | null {
  const { startedOld, oldBroken, verified } = view.attempt;
  const old = oldToServe(view, cast);
  if (old === null || isBlocked(view, cast) || old.status !== "running" || oldBroken.includes(old.id)) return null;
  const isProven = !startedOld.includes(old.id) || verified.includes(old.id);
  return isProven ? null : { kind: "check", id: old.id, which: "old" };
}

function isBlocked({ attempt }: SlotView, cast: Cast): boolean {
  const { candidate } = cast;
  const rival = rivalOf(cast);
  const isIn = (one: SeenContainer | null | undefined) => one?.status === "running" && attempt.unstoppable.includes(one.id);
  return isIn(candidate) || isIn(rival);
}

/** One-shots have done what they did; and what was wanted and failed just now is nothing to go back to. */
function oldToServe(view: SlotView, cast: Cast): SeenContainer | null {
  const { old, isOneShot } = cast;
  return old === null || isOneShot || isOwnFault(view, cast) ? null : old;
}

function isOwnFault({ attempt, goal }: SlotView, cast: Cast): boolean {
  return isUnchanged(cast, goal) && attempt.failed === cast.old?.id;
}

/** Members that are new with this release leave nothing behind; one that had to come back and did not is an outage. */
function afterOf(view: SlotView, casts: readonly Cast[]): After {
  const all = casts.filter((c) => !c.isOneShot).map((cast) => ({ cast, after: afterOfOne(view, cast) }));
  if (all.some(({ after }) => after === "down")) return "down";
  return all.find(({ cast }) => cast.name === null)?.after ?? "empty";
}

function afterOfOne(view: SlotView, cast: Cast): After {
  const { old } = cast;
  if (old === null) return hadOld(cast) || (cast.name === null && isBlocked(view, cast)) ? "down" : "empty";
  const serves = old.status === "running" && old.promoted && !view.attempt.oldBroken.includes(old.id);
  return serves && !isOwnFault(view, cast) ? "restored" : "down";
}

/** What has run before was something to go back to, whether it can still be told or not. */
function hadOld({ candidate, others }: Cast): boolean {
  return (candidate !== null && candidate.replaces !== null) || others.some((c) => c.status !== "created");
}
