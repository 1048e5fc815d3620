/** After a generation is settled: what serves is kept serving, what was replaced is kept once, and the rest goes. */
import { type Cast, hasEndedWell, hasSupporting, isSame, orphansOf } from "./slot-cast.ts";
import type { Goal, SeenContainer, SlotView, Step } from "./slot-step.ts";

const rest: Step = { kind: "rest" };

export function serve(view: SlotView, casts: readonly Cast[]): Step {
  const kept = casts.map((cast) => keepUp(view, cast)).filter((step) => step !== null);
  // What must wait keeps nothing else waiting, but nothing is tidied up before it serves.
  const [first] = [...kept.filter((step) => step !== rest), ...kept];
  if (first !== undefined) return first;
  const orphans = orphansOf(view);
  for (const orphan of orphans) {
    const running = livesOf(orphan).find((c) => c.status === "running");
    if (running !== undefined) return stopOutsider(view, running);
  }
  for (const cast of casts) {
    const step = tidy(view, cast, baseOf(cast, view.goal));
    if (step !== null) return step;
  }
  for (const orphan of orphans) {
    const step = tidyOrphan(view, orphan);
    if (step !== null) return step;
  }
  return rest;
}

/** What serves: made for this generation, or of an earlier one and still what is wanted. */
function baseOf(cast: Cast, goal: Goal): SeenContainer | null {
  const { name, candidate, old, wanted } = cast;
  if (candidate !== null || name === null || old === null || wanted === null) return candidate;
  return isSame(old, wanted, goal) ? old : null;
}

function keepUp(view: SlotView, cast: Cast): Step | null {
  // What it had to do is done, whoever removes it.
  if (cast.isOneShot) return null;
  const base = baseOf(cast, view.goal);
  if (base === null) return view.mayRepair ? makeAgain(view, cast) : rest;
  const rival = cast.others.find((c) => c !== base && c.status === "running");
  if (rival !== undefined) return stopOutsider(view, rival);
  if (base.status !== "running") return view.mayRepair ? { kind: "start", id: base.id, which: "repair" } : rest;
  return base.promoted ? null : { kind: "promote", id: base.id, which: "new" };
}

/** The released one is proven anew. A supporting one is put back beside it, which goes on serving. */
function makeAgain({ attempt }: SlotView, { name }: Cast): Step {
  if (name === null) return { kind: "redo" };
  return attempt.imagePresent ? { kind: "create", member: name, replaces: null } : { kind: "pull", members: [name] };
}

/** Members that only the failed release has, and those that it does not have, are among the casts: all of them were here before. */
export function stayRestored(view: SlotView, casts: readonly Cast[]): Step {
  const all = [...casts, ...orphansOf(view)];
  for (const cast of all) {
    const step = stayUp(view, cast);
    if (step !== null) return step;
  }
  for (const cast of all) {
    const step = tidyFailed(view, cast);
    if (step !== null) return step;
  }
  return rest;
}

function stayUp(view: SlotView, cast: Cast): Step | null {
  const { old, isOneShot } = cast;
  const rival = [...cast.others, ...(cast.candidate === null ? [] : [cast.candidate])].find(
    (c) => c !== old && c.status === "running",
  );
  if (rival !== undefined) return stopOutsider(view, rival);
  if (old === null || isOneShot) return null;
  if (old.status === "running") return old.promoted ? null : { kind: "promote", id: old.id, which: "old" };
  return view.mayRepair ? { kind: "start", id: old.id, which: "repair" } : null;
}

function tidyFailed(view: SlotView, cast: Cast): Step | null {
  const { candidate, old, isOneShot } = cast;
  // Its label is what tells the old one from leftovers: it stays until the old one serves and stands for itself.
  const needed = old !== null && !isOneShot && !(old.promoted && old.status === "running");
  if (candidate !== null && candidate !== old && view.mayTidy && !needed) return { kind: "remove", id: candidate.id };
  return tidy(view, cast, old);
}

function stopOutsider({ attempt, mayRepair }: SlotView, outsider: SeenContainer): Step {
  const failed = attempt.unstoppable.includes(outsider.id);
  return failed && !mayRepair ? rest : { kind: "stop", id: outsider.id, which: "leftover" };
}

/** Nothing should run here: not the service, nor a way back to it. The last that started goes first. */
export function empty(view: SlotView): Step {
  if (view.settled !== null && !view.settled.ok) return rest;
  const containers = [...view.containers].sort((a, b) => b.position - a.position);
  const running = containers.find((c) => c.status === "running");
  if (view.attempt.failure !== null) return { kind: "settle", ok: false, after: running === undefined ? "empty" : "restored" };
  if (running !== undefined) return { kind: "stop", id: running.id, which: "old" };
  const [first] = containers;
  if (first !== undefined) return { kind: "remove", id: first.id };
  return view.settled === null ? { kind: "settle", ok: true, adopt: null } : rest;
}

/** One kept voucher: of the container that `base` replaced. Everything else that is not `base` or the candidate goes. */
function tidy(view: SlotView, cast: Cast, base: SeenContainer | null): Step | null {
  if (!view.mayTidy) return null;
  for (const other of cast.others) {
    // Without one that serves, whatever has run may be what to go back to.
    if (other === base || (base === null && other.status !== "created")) continue;
    const proven = base !== null && (cast.isOneShot ? hasEndedWell(base) : base.promoted);
    const worthKeeping = proven && base.replaces === other.id && !isSameRelease(base, other, view.goal);
    return { kind: worthKeeping && !hasVoucherFor(cast, other) ? "keep" : "remove", id: other.id };
  }
  return removeSurplus(cast);
}

/** The release before had it: it is kept as a voucher, like what was replaced. */
function tidyOrphan({ mayTidy }: SlotView, cast: Cast): Step | null {
  if (!mayTidy) return null;
  const [first] = livesOf(cast);
  if (first === undefined) return removeSurplus(cast);
  const served = first.promoted || hasEndedWell(first);
  return { kind: served && !hasVoucherFor(cast, first) ? "keep" : "remove", id: first.id };
}

function livesOf({ candidate, others }: Cast): readonly SeenContainer[] {
  return candidate === null ? others : [candidate, ...others];
}

function hasVoucherFor({ vouchers }: Cast, { labelled }: SeenContainer): boolean {
  return vouchers.some((v) => v.labelled >= labelled);
}

function removeSurplus({ vouchers }: Cast): Step | null {
  const surplus = vouchers[1];
  return surplus === undefined ? null : { kind: "remove", id: surplus.id };
}

/** After a restart the one before is the same release: the older voucher is the way back, not that. */
function isSameRelease(one: SeenContainer, other: SeenContainer, goal: Goal): boolean {
  const isThat = one.digest === other.digest && one.specHash === other.specHash;
  return isThat && (hasSupporting(goal) || one.release === other.release);
}
