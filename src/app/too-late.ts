/** Why a person's act on a rollout is not possible (any more): who was first, since when, and the way on. */
import { type ReasonCode, type Refusal, reasons, refuse } from "../core/reasons.ts";
import { hasEnded, type Pause, type RolloutState } from "../core/rollout-state.ts";
import type { Actor } from "./ports.ts";

export function unknownRollout(number: number): Refusal {
  return refuse("unknown_rollout", `There is no rollout #${number}.`);
}

export function staleClick(number: number): Refusal {
  return refuse("stale_click", `That button was made for another plan than the one of #${number}.`);
}

/** Who was first, and what is happening now. */
export function tooLate(state: RolloutState): Refusal {
  return lost(state, hasEnded(state) ? "already_ended" : "already_decided");
}

/** What the reducer refused, in words. */
export function lost(state: RolloutState, reason: ReasonCode): Refusal {
  const now = `#${state.number} is ${state.phase.replaceAll("_", " ")} now`;
  if (reason === "paused_on_failure") return failedFirst(state);
  const pause = state.pauses.find((p) => p.reason === reason);
  if (pause !== undefined) return refuse(reason, `#${state.number} is paused already${pausedBy(pause)}.`);
  if (reason === "already_approved") return refuse(reason, `You have approved #${state.number} already.`);
  if (reason === "not_paused") return refuse(reason, `${now}, and not paused.`);
  if (reason === "nothing_failed") return refuse(reason, `${now}, and no host of it has failed.`);
  if (reason === "not_soaking" && state.phase === "soaking") return soakIsOver(state);
  if (reason === "not_soaking") return refuse(reason, `${now}, and does not soak.`);
  return refuse(reason, `${now}${whoAndWhen(state)}.`, reasons[reason].next);
}

function soakIsOver({ number }: RolloutState): Refusal {
  const text = `The soak time of #${number} is over already; it waits for its hosts to say that they are well.`;
  return refuse("not_soaking", text, `\`/gantry why #${number}\` names those that have not.`);
}

/** A resume alone would say nothing about the hosts that failed. */
function failedFirst(state: RolloutState): Refusal {
  const { number, hosts } = state;
  const failed = hosts.filter((h) => h.status === "failed").map((h) => h.host);
  const names = failed.slice(0, 6).join(", ");
  const more = failed.length > 6 ? ` and ${failed.length - 6} more` : "";
  return refuse(
    "paused_on_failure",
    `#${number} is paused because hosts failed, and they must be answered first: ${names}${more}.`,
    `\`/gantry retry ${number}\` swaps them again, \`/gantry continue ${number} WHY\` leaves them as they are, \`/gantry abort ${number}\` stops it.`,
  );
}

/** Going back is never itself stopped: hosts would be left between two releases. */
export function onItsWayBack(state: RolloutState): Refusal | null {
  if (state.endedAt !== null || (state.kind !== "rollback" && state.phase !== "restoring")) return null;
  const what = state.kind === "rollback" ? "is a rollback that has begun" : "is being put back already";
  const pause = state.pauses.find((p) => p.reason === "paused");
  if (pause !== undefined) {
    const text = `#${state.number} ${what}, and is paused${pausedBy(pause)}.`;
    return refuse("already_decided", text, `\`/gantry resume ${state.number}\` lets it go on; going back is not stopped.`);
  }
  const look = `Wait for it; \`/gantry status ${where(state)}\` tells how it goes.`;
  return refuse("already_decided", `#${state.number} ${what}; going back is not stopped.`, look);
}

export function isSame(a: Pick<Actor, "kind" | "id">, b: Pick<Actor, "kind" | "id">): boolean {
  return a.kind === b.kind && a.id === b.id;
}

/** `api prod`. */
export function where(state: Pick<RolloutState, "service" | "environment">): string {
  return `${state.service} ${state.environment}`;
}

function pausedBy({ by, at, why }: Pause): string {
  return `${by === null ? "" : `, by ${by.name}`} since ${clockTime(at)} UTC${why === null ? "" : `: ${why}`}`;
}

function clockTime(ms: number): string {
  return new Date(ms).toISOString().slice(11, 16);
}

/** `, approved by bo at 12:04 UTC`: the last thing that a person decided, or when it ended by itself. */
function whoAndWhen(state: RolloutState): string {
  const at = (ms: number | null) => (ms === null ? "" : ` at ${clockTime(ms)} UTC`);
  if (state.endedBy !== null) return `, ended by ${state.endedBy.name}${at(state.endedAt)}`;
  const last = state.approvals.at(-1);
  if (last === undefined || state.phase === "expired") return at(state.endedAt) === "" ? "" : `,${at(state.endedAt)}`;
  return `, approved by ${last.by.name}${at(last.at)}`;
}
