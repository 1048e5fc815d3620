/**
 * The swap of one slot, as a pure function from what Docker shows to the one next step. The agent executes it, looks
 * again, and asks again, so that the way after a crash is the same code as the way of an ordinary day.
 *
 * A slot has *members*: the released container and those that support it, in the order in which they start. Each
 * is swapped by itself; src/core/slot-forward.ts, slot-back.ts and slot-after.ts say which is next.
 *
 * The containers of a slot carry `gantry.role=live` (the serving one, its candidate, and whatever a swap left behind)
 * or `gantry.role=previous` (the kept voucher: never started, it only holds image and configuration). A container is
 * *promoted* when its restart policy is `unless-stopped`; a candidate runs under `no` until it has proved itself.
 * Labels cannot change, so promotion is the durable sign that a candidate was verified. A one-shot is never promoted:
 * that it ended with exit code 0 is its sign.
 *
 * An ordinary swap, from top to bottom:
 *
 *   pull     the images of all members that changed are on the host, under their digests; nothing is touched before that
 *   create   their candidates exist, stopped, and name the containers that they replace
 *   and then, for each member that changed, in start order:
 *   stop     the old one has ended. Its policy stays: the engine brings nothing back that was stopped on purpose, so that a
 *            power cut leaves one container or none, never two; and going back to it is one call
 *   start    the candidate runs
 *   check    it has shown what others ask of it: that it runs, that it answers well, or that it has ended well
 *   promote  the candidate's policy becomes `unless-stopped`
 *   and once all have:
 *   settle   the outcome of the generation is written down and reported
 *   keep     a voucher is made of each old one
 *   remove   the old ones, older vouchers and leftovers go; members that the release does not have any more, too
 *
 * Where a candidate need not wait for the end of the old one, it starts before that (`beside`):
 *
 *   at a gate            start (its command waits), stop the old one, *open* the gate, check, promote, settle
 *   behind a proxy       start on the other port, check, *point* the proxy to it, promote, settle; then the old one ends
 *   on a shared port     start, check, promote, settle; then the old one ends
 *
 * When something fails once the goal is begun, the failure is noted and the way back is, in reverse order: stop the candidate,
 * start the old one, promote it; then check those that were started, settle as failed, remove the candidates. A settled
 * generation is never tried again.
 *
 * What a new process finds of a member, and what it does (goal = the newest order, from the server or from the state directory):
 *
 *   candidate running, promoted          on to the next, or settle: it was verified, and stopping it now could only do harm
 *   candidate running, not promoted      check it from zero, promote
 *   candidate created, old running       go on: stop, start
 *   candidate created, nothing running   same boot and recent: go on. Otherwise start the old one, settle `interrupted`
 *   candidate waits at its gate          the old one runs: stop it. Nothing runs: as when it was only created
 *   candidate ended at its gate          as when it was only created: its command never began
 *   candidate let through, not promoted  open again, since the mark on the gate may be all that was done; check, promote
 *   candidate shares, old running        check it from zero, point, promote
 *   candidate ended, not promoted        start the old one, settle `interrupted`
 *   candidate ended, promoted            start it, settle; watching tells how it does
 *   no candidate, old stopped by us      start the old one first, then go on towards the goal
 *   two running that may not share       the one that is not promoted stops; of two promoted the older one
 *   one-shot ended well                  on to the next
 *   one-shot ended otherwise             it failed; or, when something killed it, `interrupted`
 *   unchanged                            started when it is down, otherwise left alone
 *   something newer than the goal        do nothing at all: two servers, or one restored from an old copy
 *   the goal's generation, another release    likewise
 */

import type { Dependency } from "./release.ts";
import type { SwapOutcome } from "./slot.ts";
import { empty, serve, stayRestored } from "./slot-after.ts";
import { goBack } from "./slot-back.ts";
import { castsOf, isAsWanted, isOfGoal } from "./slot-cast.ts";
import { forward } from "./slot-forward.ts";

/** Which container of the slot: its name in the Compose file; null: the released one. */
export type MemberName = string | null;

export type SeenContainer = {
  readonly id: string;
  readonly member: MemberName;
  readonly role: "live" | "previous";
  /** From its label, or the later generation that adopted it. */
  readonly generation: number;
  /** What its label says; a voucher has the label of the container that it was made of. */
  readonly labelled: number;
  /** From its label, or the later release that adopted it. */
  readonly release: number;
  readonly digest: string;
  readonly specHash: string;
  /** A container that Docker is restarting counts as running. */
  readonly status: "created" | "running" | "ended";
  readonly promoted: boolean;
  /** Docker would start it by itself. Absent: not. */
  readonly comesBack?: true;
  /** Made to run once and end. */
  readonly isOneShot: boolean;
  /** Of one that has ended, as far as it is known. */
  readonly exitCode: number | null;
  /** Its place in the start order of the release that it was made for. */
  readonly position: number;
  /** Id of the container that this one was made to replace. */
  readonly replaces: string | null;
  /** How it ended, for people: "exit code 1". */
  readonly ending: string | null;
  /** Its command waits at a gate, or was let through. Absent: it has none. */
  readonly gate?: "closed" | "open";
  /** It may serve beside another that does so, too: on another port behind a proxy, or on the same one. Absent: not at all. */
  readonly shares?: "proxy" | "reuse-port";
};

export type WantedMember = {
  readonly name: MemberName;
  readonly digest: string;
  /** Of its own spec and health. */
  readonly specHash: string;
  /** What it must have shown before the swap goes on. `completed`: a one-shot. */
  readonly condition: Dependency["condition"];
};

export type Goal = {
  readonly generation: number;
  /** Members in start order; the released one is always among them. */
  readonly release: { readonly number: number; readonly members: readonly WantedMember[] } | null;
  /** A restart: a container of an earlier generation is not enough, although it is of the same release. */
  readonly fresh?: boolean;
};

export type Failure = { readonly reason: string; readonly detail: string; readonly logTail: readonly string[] };

/** What this process has done about the goal so far, mostly as ids of containers; a new process begins with `freshAttempt`. */
export type Attempt = {
  /** Of all members that are to be made. */
  readonly imagePresent: boolean;
  readonly stoppedOld: readonly string[];
  /** Candidates that were started: if one has ended, the check says how. */
  readonly startedNew: readonly string[];
  /** Old containers that were started again. */
  readonly startedOld: readonly string[];
  /** Old containers that cannot be started, or do not become healthy. */
  readonly oldBroken: readonly string[];
  /** Containers that even SIGKILL did not end. */
  readonly unstoppable: readonly string[];
  /** Containers that proved what was asked of them. */
  readonly verified: readonly string[];
  /** Containers whose gate was opened. */
  readonly opened: readonly string[];
  /** The container that the proxy was pointed to last. */
  readonly pointedAt: string | null;
  readonly failure: Failure | null;
  /** The container whose fault the failure is, when it is one's. */
  readonly failed: string | null;
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
  | { readonly kind: "pull"; readonly members: readonly MemberName[] }
  | { readonly kind: "create"; readonly member: MemberName; readonly replaces: string | null }
  | { readonly kind: "stop"; readonly id: string; readonly which: "old" | "candidate" | "leftover" }
  | { readonly kind: "start"; readonly id: string; readonly which: "new" | "old" | "repair" | "beside" }
  /** The candidate's command begins. */
  | { readonly kind: "open"; readonly id: string }
  | { readonly kind: "check"; readonly id: string; readonly which: "new" | "old" }
  /** The proxy sends new requests to this one alone. */
  | { readonly kind: "point"; readonly id: string; readonly which: "new" | "old" }
  | { readonly kind: "promote"; readonly id: string; readonly which: "new" | "old" }
  | { readonly kind: "fail"; readonly reason: string; readonly detail: string; readonly id: string | null }
  /** `adopt`: the released container serves on, under this generation. */
  | { readonly kind: "settle"; readonly ok: true; readonly adopt: string | null }
  | { readonly kind: "settle"; readonly ok: false; readonly after: "restored" | "empty" | "down" }
  | { readonly kind: "keep"; readonly id: string }
  | { readonly kind: "remove"; readonly id: string }
  /** Its restart policy becomes `no`. */
  | { readonly kind: "disarm"; readonly id: string }
  /** The released container of a settled generation is gone: make it again. */
  | { readonly kind: "redo" };

export type StepKind = Step["kind"];

export const freshAttempt: Attempt = {
  imagePresent: false,
  stoppedOld: [],
  startedNew: [],
  startedOld: [],
  oldBroken: [],
  unstoppable: [],
  verified: [],
  opened: [],
  pointedAt: null,
  failure: null,
  failed: null,
  resume: "back",
};

export function nextStep(view: SlotView): Step {
  const { goal } = view;
  const newest = view.containers.reduce((max, c) => Math.max(max, c.generation), 0);
  if (newest > goal.generation) {
    return { kind: "hold", detail: `generation ${newest} is on this host, and the order is for ${goal.generation}` };
  }
  const first = refuse(view) ?? calm(view);
  if (first !== null) return first;
  const step = stepOf(view);
  return step.kind === "rest" ? (calmAgain(view) ?? step) : step;
}

function stepOf(view: SlotView): Step {
  const { goal, settled, attempt } = view;
  if (goal.release === null) return empty(view);
  const casts = castsOf(view);
  // Refused orders settle as failed too: what serves, and was proven, stays whatever the journal says of its generation.
  if (settled?.ok === false && isAsWanted(view, casts)) return { kind: "settle", ok: true, adopt: null };
  if (settled !== null) return settled.ok ? serve(view, casts) : stayRestored(view, casts);
  return attempt.failure !== null ? goBack(view, casts) : forward(view, casts);
}

/** A voucher that somebody started, or set to start, would fight for the port with what serves. */
function calm({ containers, attempt, mayTidy }: SlotView): Step | null {
  const vouchers = containers.filter((c) => c.role === "previous");
  const armed = vouchers.find((c) => c.comesBack);
  if (armed !== undefined && mayTidy) return { kind: "disarm", id: armed.id };
  const running = vouchers.find((c) => c.status === "running" && !attempt.unstoppable.includes(c.id));
  return running === undefined ? null : { kind: "stop", id: running.id, which: "leftover" };
}

/** One that cannot be stopped is tried again, ever more rarely, and keeps neither the way back nor a repair waiting. */
function calmAgain({ containers, settled, mayRepair }: SlotView): Step | null {
  const running = containers.find((c) => c.role === "previous" && c.status === "running");
  if (running === undefined || settled === null || !mayRepair) return null;
  return { kind: "stop", id: running.id, which: "leftover" };
}

/** One generation is one release: another one under its number is an order of a server that was set back. */
function refuse({ goal, containers, settled, attempt }: SlotView): Step | null {
  const strays = containers.filter((c) => c.role === "live" && c.generation === goal.generation && !isOfGoal(c, goal));
  const stray = strays.find((c) => c.promoted) ?? strays[0];
  if (stray === undefined) return null;
  const ordered = goal.release === null ? "nothing" : `r${goal.release.number}`;
  const detail = `generation ${stray.generation} on this host is r${stray.release}, and the order of that generation is for ${ordered}`;
  if (stray.promoted || settled?.ok === true) return { kind: "hold", detail };
  if (settled !== null || attempt.failure !== null) return null;
  return { kind: "fail", reason: "stale_desired", detail, id: null };
}
