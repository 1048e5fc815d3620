/** Each phase and host state in words and with its sign. Signs never stand alone. */
import {
  type HostState,
  type HostStatus,
  hasEnded,
  type PauseReason,
  type Phase,
  type RolloutState,
} from "../core/rollout-state.ts";
import type { SlotStep } from "../core/slot.ts";

export function phaseSign(phase: Phase): string {
  switch (phase) {
    case "in_line":
      return ":vertical_traffic_light:";
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
    case "incomplete":
      return ":warning:";
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

/** Two or three words for lists. A rollout that stands still says so, and why, before anything else. */
export function phaseWords(state: RolloutState): string {
  return pauseWords(state) ?? plainWords(state);
}

/** What holds it, strongest first; null when nothing does. */
function pauseWords(state: RolloutState): string | null {
  if (hasEnded(state)) return null;
  const held = pauseOrder.find((reason) => state.pauses.some((p) => p.reason === reason));
  return held === undefined ? null : pauseNames[held];
}

const pauseOrder: readonly PauseReason[] = ["server_behind", "paused_on_failure", "paused", "line_held"];
const pauseNames: Readonly<Record<PauseReason, string>> = {
  server_behind: "stands still, the server is behind",
  paused_on_failure: "paused, hosts failed",
  paused: "paused",
  line_held: "held in line",
};

function plainWords(state: RolloutState): string {
  switch (state.phase) {
    case "in_line":
      return "waits in line";
    case "awaiting_approval":
      return `waits for approval (${state.approvals.length} of ${state.approvalsRequired})`;
    case "queued":
      return queuedWords(state);
    case "rolling":
      return rollingWords(state);
    case "soaking":
      return "soaking";
    case "succeeded":
      return succeededWords(state);
    case "incomplete":
      return `${succeededWords(state)}, not everywhere`;
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

function queuedWords({ reason }: RolloutState): string {
  if (reason === "awaiting_service") return "waits for a service that it stands on";
  return reason === "awaiting_images" || reason === null ? "waits for images" : "waits for hosts";
}

function rollingWords(state: RolloutState): string {
  if (state.kind === "adopt") return "being adopted";
  if (state.kind === "rollback") return "rolling back";
  return state.kind === "restart" ? "restarting" : "rolling out";
}

function succeededWords(state: RolloutState): string {
  if (state.kind === "adopt") return "adopted";
  if (state.kind === "rollback") return "rolled back";
  return state.kind === "restart" ? "restarted" : "live";
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
    case "returning":
      return ":white_circle:";
    case "skipped":
      return ":heavy_minus_sign:";
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
    case "skipped":
      return "left out, nobody heard of it";
    case "returning":
      return "waits to go back";
    case "restoring":
      return "going back";
    case "restored":
      return host.back === null ? "emptied again" : `put back to r${host.back}`;
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
