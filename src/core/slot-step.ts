/**
 * The swap of one slot, as a pure function from what Docker shows to the one next step. The agent executes it, looks
 * again, and asks again, so that the way after a crash is the same code as the way of an ordinary day.
 *
 * The containers of a slot carry `gantry.role=live` (the serving one, its candidate, and whatever a swap left behind)
 * or `gantry.role=previous` (the kept voucher: never started, it only holds image and configuration). A container is
 * *promoted* when its restart policy is `unless-stopped`; a candidate runs under `no` until it has proved itself.
 * Labels cannot change, so promotion is the durable sign that a candidate was verified.
 *
 * An ordinary swap, from top to bottom:
 *
 *   pull     the image of the goal is on the host, under its digest; the old container is not touched before that
 *   create   the candidate exists, stopped, and names the container that it replaces
 *   stop     the old one has ended. Its policy stays: the engine brings nothing back that was stopped on purpose, so that a
 *            power cut leaves one container or none, never two; and going back to it is one call
 *   start    the candidate runs
 *   check    the candidate itself answers well
 *   promote  the candidate's policy becomes `unless-stopped`
 *   settle   the outcome of the generation is written down and reported
 *   keep     a voucher is made of the old one
 *   remove   the old one, older vouchers and leftovers go
 *
 * When something fails once the goal is begun, the failure is noted and the way back is: stop the candidate, start the
 * old one, promote it, check it, settle as failed, remove the candidate. A settled generation is never tried again.
 *
 * What a new process finds, and what it does (goal = the newest order, from the server or from the state directory):
 *
 *   candidate running, promoted          settle: it was verified, and stopping it now could only do harm
 *   candidate running, not promoted      check it from zero, promote
 *   candidate created, old running       go on: stop, start
 *   candidate created, nothing running   same boot and recent: go on. Otherwise start the old one, settle `interrupted`
 *   candidate ended, not promoted        start the old one, settle `interrupted`
 *   candidate ended, promoted            start it, settle; watching tells how it does
 *   no candidate, old stopped by us      start the old one first, then go on towards the goal
 *   two running                          the one that is not promoted stops; of two promoted the older one
 *   something newer than the goal        do nothing at all: two servers, or one restored from an old copy
 *   the goal's generation, another release    likewise
 */
import type { SwapOutcome } from "./slot.ts";

export type SeenContainer = {
  readonly id: string;
  readonly role: "live" | "previous";
  /** From its label, or the later generation that adopted it. */
  readonly generation: number;
  /** What its label says; a voucher has the label of the container that it was made of. */
  readonly labelled: number;
  readonly release: number;
  readonly digest: string;
  readonly specHash: string;
  /** A container that Docker is restarting counts as running. */
  readonly status: "created" | "running" | "ended";
  readonly promoted: boolean;
  /** Id of the container that this one was made to replace. */
  readonly replaces: string | null;
  /** How it ended, for people: "exit code 1". */
  readonly ending: string | null;
};

export type Goal = {
  readonly generation: number;
  readonly release: { readonly number: number; readonly digest: string; readonly specHash: string } | null;
  /** A restart: a container of an earlier generation is not enough, although it is of the same release. */
  readonly fresh?: boolean;
};

export type Failure = { readonly reason: string; readonly detail: string; readonly logTail: readonly string[] };

/** What this process has done about the goal so far; a new process begins with `freshAttempt`. */
export type Attempt = {
  readonly imagePresent: boolean;
  readonly stoppedOld: boolean;
  /** The candidate that was started: if it has ended, the check says how. */
  readonly startedNew: string | null;
  /** The old container that was started again. */
  readonly startedOld: string | null;
  /** The old container cannot be started, or does not become healthy. */
  readonly oldBroken: boolean;
  /** A container that even SIGKILL did not end. */
  readonly unstoppable: string | null;
  /** The container that proved its health. */
  readonly verified: string | null;
  readonly failure: Failure | null;
  /** Whether a candidate that was never started may be started although nothing runs. */
  readonly resume: "forward" | "back";
};

export type SlotView = {
  readonly goal: Goal;
  readonly containers: readonly SeenContainer[];
  readonly attempt: Attempt;
  /** The outcome of the goal's generation, once there is one. */
  readonly settled: SwapOutcome | null;
  /** False for a while after something was put right: what is undone again at once is tried ever more rarely. */
  readonly mayRepair: boolean;
  /** False for a while after a tidying step failed. */
  readonly mayTidy: boolean;
};

export type Step =
  | { readonly kind: "rest" }
  | { readonly kind: "hold"; readonly detail: string }
  | { readonly kind: "pull" }
  | { readonly kind: "create"; readonly replaces: string | null }
  | { readonly kind: "stop"; readonly id: string; readonly which: "old" | "candidate" | "leftover" }
  | { readonly kind: "start"; readonly id: string; readonly which: "new" | "old" | "repair" }
  | { readonly kind: "check"; readonly id: string; readonly which: "new" | "old" }
  | { readonly kind: "promote"; readonly id: string; readonly which: "new" | "old" }
  | { readonly kind: "fail"; readonly reason: string; readonly detail: string; readonly id: string | null }
  | { readonly kind: "settle"; readonly ok: true; readonly adopt: string | null }
  | { readonly kind: "settle"; readonly ok: false; readonly after: "restored" | "empty" | "down" }
  | { readonly kind: "keep"; readonly id: string }
  | { readonly kind: "remove"; readonly id: string }
  /** The container of a settled generation is gone: make it again. */
  | { readonly kind: "redo" };

export type StepKind = Step["kind"];

export const freshAttempt: Attempt = {
  imagePresent: false,
  stoppedOld: false,
  startedNew: null,
  startedOld: null,
  oldBroken: false,
  unstoppable: null,
  verified: null,
  failure: null,
  resume: "back",
};

/** Who plays which part. `others` are all live containers but the candidate; the old one is among them. */
type Cast = {
  readonly candidate: SeenContainer | null;
  readonly old: SeenContainer | null;
  readonly others: readonly SeenContainer[];
  readonly vouchers: readonly SeenContainer[];
};

export function nextStep(view: SlotView): Step {
  const newest = view.containers.reduce((max, c) => Math.max(max, c.generation), 0);
  if (newest > view.goal.generation) {
    return { kind: "hold", detail: `generation ${newest} is on this host, and the order is for ${view.goal.generation}` };
  }
  const cast = castOf(view);
  const { candidate } = cast;
  if (candidate !== null && !isOfGoal(candidate, view.goal)) {
    const detail = `generation ${candidate.generation} on this host is r${candidate.release}, and the order of that generation is for ${view.goal.release === null ? "nothing" : `r${view.goal.release.number}`}`;
    if (candidate.promoted || view.settled?.ok === true) return { kind: "hold", detail };
    if (view.settled === null && view.attempt.failure === null)
      return { kind: "fail", reason: "stale_desired", detail, id: null };
  }
  if (view.goal.release === null) return empty(view);
  // Refused orders settle as failed too: what serves, and was proven, stays whatever the journal says of its generation.
  const alone = candidate?.promoted && candidate.status === "running" && cast.others.every((c) => c.status !== "running");
  if (view.settled?.ok === false && alone) return { kind: "settle", ok: true, adopt: null };
  if (view.settled !== null) return view.settled.ok ? serve(view, cast) : stayRestored(view, cast);
  if (view.attempt.failure !== null) return goBack(view, cast);
  return cast.candidate === null ? prepare(view, cast) : swap(view, cast, cast.candidate);
}

export function castOf(view: Pick<SlotView, "goal" | "containers">): Cast {
  const lives = view.containers.filter((c) => c.role === "live").sort((a, b) => b.generation - a.generation);
  const candidate = lives.find((c) => c.generation === view.goal.generation) ?? null;
  const others = lives.filter((c) => c !== candidate);
  return { candidate, old: oldOf(others, lives), others, vouchers: vouchersOf(view) };
}

function vouchersOf(view: Pick<SlotView, "containers">): SeenContainer[] {
  return view.containers.filter((c) => c.role === "previous").sort((a, b) => b.generation - a.generation);
}

/** The one to go back to: promoted, or named by a candidate that was to replace it. Never a candidate that failed. */
function oldOf(others: readonly SeenContainer[], lives: readonly SeenContainer[]): SeenContainer | null {
  const promoted = others.filter((c) => c.promoted);
  const replaced = others.filter((c) => lives.some((l) => l.replaces === c.id));
  return promoted.find((c) => c.status === "running") ?? promoted[0] ?? replaced[0] ?? null;
}

// ------------------------------------------------------------ forward

/** There is no candidate yet. The old container serves, or is made to; leftovers can wait until the goal is settled. */
function prepare(view: SlotView, cast: Cast): Step {
  const { attempt, goal } = view;
  const { old } = cast;
  const rival = cast.others.find((c) => c !== old && c.status === "running");
  if (rival !== undefined) return { kind: "stop", id: rival.id, which: "leftover" };
  if (old !== null && isSame(old, goal) && goal.fresh !== true) return adopt(view, old);
  if (old !== null && old.status !== "running" && !attempt.oldBroken) return { kind: "start", id: old.id, which: "old" };
  if (old !== null && old.status === "running" && !old.promoted) return { kind: "promote", id: old.id, which: "old" };
  if (!attempt.imagePresent) return { kind: "pull" };
  return { kind: "create", replaces: old?.id ?? null };
}

/** What is wanted serves already: nothing to swap, but a success is seen, not assumed. */
function adopt(view: SlotView, old: SeenContainer): Step {
  if (old.status !== "running") return { kind: "start", id: old.id, which: "new" };
  if (!old.promoted) return { kind: "promote", id: old.id, which: "new" };
  if (view.attempt.verified !== old.id) return { kind: "check", id: old.id, which: "new" };
  return { kind: "settle", ok: true, adopt: old.id };
}

function swap(view: SlotView, cast: Cast, candidate: SeenContainer): Step {
  switch (candidate.status) {
    case "running":
      return prove(view, cast, candidate);
    case "ended":
      if (candidate.promoted) return { kind: "start", id: candidate.id, which: "new" };
      if (view.attempt.startedNew === candidate.id) return { kind: "check", id: candidate.id, which: "new" };
      return interrupted(candidate, `the new container is not running any more (${candidate.ending ?? "ended"})`);
    case "created":
      return switchOver(view, cast, candidate);
  }
}

function switchOver(view: SlotView, cast: Cast, candidate: SeenContainer): Step {
  const { old } = cast;
  const rival = cast.others.find((c) => c !== old && c.status === "running");
  if (rival !== undefined) return { kind: "stop", id: rival.id, which: "leftover" };
  if (old !== null && old.status === "running") return { kind: "stop", id: old.id, which: "old" };
  if (old !== null && !view.attempt.stoppedOld && view.attempt.resume === "back") {
    return interrupted(candidate, "the agent ended after the old container was stopped and before the new one was started");
  }
  return { kind: "start", id: candidate.id, which: "new" };
}

function prove(view: SlotView, cast: Cast, candidate: SeenContainer): Step {
  const rival = cast.others.find((c) => c.status === "running");
  if (rival !== undefined) {
    if (candidate.promoted || rival !== cast.old) return { kind: "stop", id: rival.id, which: "leftover" };
    return interrupted(candidate, "the old and the new container were running at once");
  }
  if (candidate.promoted) return { kind: "settle", ok: true, adopt: null };
  if (view.attempt.verified !== candidate.id) return { kind: "check", id: candidate.id, which: "new" };
  return { kind: "promote", id: candidate.id, which: "new" };
}

function interrupted(candidate: SeenContainer, detail: string): Step {
  return { kind: "fail", reason: "interrupted", detail, id: candidate.id };
}

// ------------------------------------------------------------ back

function goBack(view: SlotView, cast: Cast): Step {
  const { attempt } = view;
  const { candidate, old } = cast;
  const { unstoppable } = attempt;
  const rival = cast.others.find((c) => c !== old && c.status === "running");
  if (unstoppable !== null && (candidate?.status === "running" || rival !== undefined)) {
    // It holds what the old one needs; people must see to it, and it is tried again now and then.
    const serves = old?.status === "running" && old.promoted;
    return { kind: "settle", ok: false, after: serves ? "restored" : "down" };
  }
  if (candidate?.status === "running") return { kind: "stop", id: candidate.id, which: "candidate" };
  if (rival !== undefined) return { kind: "stop", id: rival.id, which: "leftover" };
  if (old === null) return { kind: "settle", ok: false, after: hadOld(cast) ? "down" : "empty" };
  if (isSame(old, view.goal) && view.goal.fresh !== true) return { kind: "settle", ok: false, after: "down" };
  if (old.status !== "running") {
    if (attempt.oldBroken) return { kind: "settle", ok: false, after: "down" };
    return { kind: "start", id: old.id, which: "old" };
  }
  if (!old.promoted) return { kind: "promote", id: old.id, which: "old" };
  if (attempt.oldBroken) return { kind: "settle", ok: false, after: "down" };
  if (attempt.startedOld === old.id && attempt.verified !== old.id) return { kind: "check", id: old.id, which: "old" };
  return { kind: "settle", ok: false, after: "restored" };
}

/** What has run before was something to go back to, whether it can still be told or not. */
function hadOld({ candidate, others }: Cast): boolean {
  return (candidate !== null && candidate.replaces !== null) || others.some((c) => c.status !== "created");
}

// ------------------------------------------------------------ afterwards

function serve(view: SlotView, cast: Cast): Step {
  const { candidate } = cast;
  if (candidate === null) return view.mayRepair ? { kind: "redo" } : { kind: "rest" };
  const rival = cast.others.find((c) => c.status === "running");
  if (rival !== undefined) return stopOutsider(view, rival);
  if (candidate.status !== "running") {
    return view.mayRepair ? { kind: "start", id: candidate.id, which: "repair" } : { kind: "rest" };
  }
  if (!candidate.promoted) return { kind: "promote", id: candidate.id, which: "new" };
  return tidy(view, cast, candidate) ?? { kind: "rest" };
}

function stayRestored(view: SlotView, cast: Cast): Step {
  const { candidate, old } = cast;
  const rival = [...cast.others, ...(candidate === null ? [] : [candidate])].find((c) => c !== old && c.status === "running");
  if (rival !== undefined) return stopOutsider(view, rival);
  if (old !== null && old.status === "running" && !old.promoted) return { kind: "promote", id: old.id, which: "old" };
  if (old !== null && old.status !== "running" && view.mayRepair) {
    return { kind: "start", id: old.id, which: "repair" };
  }
  // Its label is what tells the old one from leftovers: it stays until the old one serves and stands for itself.
  const needed = old !== null && !(old.promoted && old.status === "running");
  if (candidate !== null && candidate !== old && view.mayTidy && !needed) return { kind: "remove", id: candidate.id };
  return tidy(view, cast, old) ?? { kind: "rest" };
}

function stopOutsider(view: SlotView, outsider: SeenContainer): Step {
  const failed = view.attempt.unstoppable === outsider.id;
  return failed && !view.mayRepair ? { kind: "rest" } : { kind: "stop", id: outsider.id, which: "leftover" };
}

/** Nothing should run here: not the service, nor a way back to it. */
function empty(view: SlotView): Step {
  if (view.settled !== null && !view.settled.ok) return { kind: "rest" };
  const running = view.containers.find((c) => c.status === "running");
  if (view.attempt.failure !== null) return { kind: "settle", ok: false, after: running === undefined ? "empty" : "restored" };
  if (running !== undefined) return { kind: "stop", id: running.id, which: "old" };
  const first = view.containers[0];
  if (first !== undefined) return { kind: "remove", id: first.id };
  return view.settled === null ? { kind: "settle", ok: true, adopt: null } : { kind: "rest" };
}

/** One kept voucher: of the container that `base` replaced. Everything else that is not `base` or the candidate goes. */
function tidy(view: SlotView, cast: Cast, base: SeenContainer | null): Step | null {
  if (!view.mayTidy) return null;
  for (const other of cast.others) {
    // Without one that serves, whatever has run may be what to go back to.
    if (other === base || (base === null && other.status !== "created")) continue;
    const voucher = cast.vouchers.some((v) => v.labelled >= other.labelled);
    // After a restart the one before is the same release: the older voucher is the way back, not that.
    const worthKeeping = base?.promoted === true && base.replaces === other.id && !isSameRelease(base, other);
    return { kind: worthKeeping && !voucher ? "keep" : "remove", id: other.id };
  }
  const surplus = cast.vouchers[1];
  return surplus === undefined ? null : { kind: "remove", id: surplus.id };
}

/** One generation is one release: another one under its number is an order of a server that was set back. */
function isOfGoal(container: SeenContainer, { release }: Goal): boolean {
  return release !== null && container.release === release.number && container.digest === release.digest;
}

function isSameRelease(one: SeenContainer, other: SeenContainer): boolean {
  return one.release === other.release && one.digest === other.digest && one.specHash === other.specHash;
}

function isSame(container: SeenContainer, goal: Goal): boolean {
  const { release } = goal;
  return (
    release !== null &&
    container.release === release.number &&
    container.digest === release.digest &&
    container.specHash === release.specHash
  );
}
