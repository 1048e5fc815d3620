/** Each phase and host state in words and with its sign. Signs never stand alone. */
import type { HostState, HostStatus, Phase, RolloutState } from "../core/rollout-state.ts";
import type { SlotStep } from "../core/slot.ts";

export function phaseSign(phase: Phase): string {
  switch (phase) {
    case "awaiting_approval":
      return ":raised_hand:";
    case "queued":
      return ":hourglass_flowing_sand:";
    case "rolling":
      return ":arrows_counterclockwise:";
    case "soaking":
      return ":stopwatch:";
    case "succeeded":
      return ":white_check_mark:";
    case "restoring":
    case "restored":
      return ":leftwards_arrow_with_hook:";
    case "stuck":
      return ":rotating_light:";
    case "rejected":
    case "cancelled":
      return ":no_entry_sign:";
    case "expired":
      return ":hourglass:";
  }
}

/** Two or three words for lists. */
export function phaseWords(state: RolloutState): string {
  switch (state.phase) {
    case "awaiting_approval":
      return `waits for approval (${state.approvals.length} of ${state.approvalsRequired})`;
    case "queued":
      return "waits for images";
    case "rolling":
      return state.kind === "rollback" ? "rolling back" : "rolling out";
    case "soaking":
      return "soaking";
    case "succeeded":
      return state.kind === "rollback" ? "rolled back" : "live";
    case "restoring":
      return "being put back";
    case "restored":
      return restoredWords(state);
    case "stuck":
      return "stuck, needs a person";
    case "rejected":
      return "rejected";
    case "expired":
      return "expired";
    case "cancelled":
      return "cancelled";
  }
}

function restoredWords(state: RolloutState): string {
  if (state.reason === "cancelled") return "cancelled, put back";
  return state.reason === "rolled_back" ? "rolled back" : "failed, put back";
}

export function hostSign(status: HostStatus): string {
  switch (status) {
    case "unchanged":
    case "healthy":
      return ":white_check_mark:";
    case "waiting":
      return ":white_circle:";
    case "swapping":
    case "restoring":
      return ":arrows_counterclockwise:";
    case "restored":
      return ":leftwards_arrow_with_hook:";
    case "failed":
      return ":x:";
    case "stuck":
      return ":rotating_light:";
  }
}

export function hostWords(host: HostState, step: SlotStep | undefined): string {
  switch (host.status) {
    case "unchanged":
      return "has it already";
    case "waiting":
      return waitingWords(host);
    case "swapping":
      return stepWords(step);
    case "healthy":
      return "healthy";
    case "failed":
      return "failed";
    case "restoring":
      return "going back";
    case "restored":
      return host.from === null ? "emptied again" : `put back to r${host.from}`;
    case "stuck":
      return "stuck";
  }
}

function waitingWords(host: HostState): string {
  switch (host.image) {
    case "unknown":
      return "waits, pulling the image";
    case "present":
      return "waits, image ready";
    case "failed":
      return "cannot get the image";
  }
}

function stepWords(step: SlotStep | undefined): string {
  switch (step) {
    case undefined:
    case "idle":
    case "serving":
    case "failed":
      return "swapping";
    case "pulling":
      return "pulling the image";
    case "creating":
      return "creating the container";
    case "stopping_old":
      return "stopping the old one";
    case "starting":
      return "starting";
    case "checking":
      return "checking health";
    case "promoting":
      return "promoting";
    case "restoring":
      return "going back";
  }
}
