/** Why a rollout stands still: who stopped it, since when and why, what goes on meanwhile, and what its clocks do. */
import type { RolloutFacts } from "../core/facts.ts";
import { borneOf } from "../core/plan.ts";
import { type HostState, hasEnded, type Pause, type RolloutState } from "../core/rollout-state.ts";
import type { Line } from "./rollout-status.ts";
import { count, cutList, duration, mention, named, safe, said, utc, when } from "./words.ts";

export function pauseLines(facts: RolloutFacts): readonly Line[] {
  const { state, now } = facts;
  if (hasEnded(state) || state.pauses.length === 0) return [];
  const lines = state.pauses.map((pause) => pauseLine(pause, state, now));
  return [...lines, ...meanwhile(state)];
}

function pauseLine(pause: Pause, state: RolloutState, now: number): Line {
  const by = pause.by === null ? "" : ` by ${named(pause.by)}`;
  const slackBy = pause.by === null ? "" : ` by ${mention(pause.by)}`;
  const why = pauseWhy(pause, state);
  const what = pauseTitle(pause);
  return {
    text: `${what}${by} at ${utc(pause.at, now)}${why}`,
    mrkdwn: `:double_vertical_bar: *${what}*${slackBy} ${when(pause.at, now)}${why}`,
  };
}

function pauseTitle({ reason }: Pause): string {
  switch (reason) {
    case "paused":
      return "Paused";
    case "paused_on_failure":
      return "Paused because hosts failed";
    case "server_behind":
      return "Stands still, the server is behind";
    case "line_held":
      return "Held in line";
  }
}

function pauseWhy(pause: Pause, state: RolloutState): string {
  const why = said(pause.why, 300);
  switch (pause.reason) {
    case "paused":
      return why;
    case "paused_on_failure":
      // Who failed may have been taken out since.
      return failedHosts(state).length > 0 ? `: ${failureText(state)}` : why;
    case "server_behind":
      return `${why} Nothing goes on until \`gantry adopt\` (server_behind).`;
    case "line_held":
      return `${why} A person looks at what went wrong, then \`/gantry resume ${state.number}\`.`;
  }
}

/** `2 of 8 hosts failed, 1 is allowed` */
export function failureText(state: RolloutState): string {
  const failed = failedHosts(state);
  const allowed = borneOf(state.policy.maxFailed, state.hosts.length);
  // A first batch without a healthy host has failed, however many may.
  const isBadStart = failed.length <= allowed && state.pauses.some((p) => p.reason === "paused_on_failure");
  const rule = isBadStart ? "none of the first batch is healthy" : `${allowed} allowed`;
  return `${failed.length} of ${count(state.hosts.length, "host")} failed, ${rule}: ${hostNames(failed)}.`;
}

export function failedHosts(state: RolloutState): readonly HostState[] {
  return state.hosts.filter((h) => h.status === "failed");
}

export function hostNames(hosts: readonly { readonly host: string }[]): string {
  const names = hosts.map((h) => safe(h.host, 60));
  return cutList(names, { budget: 300, most: 8, rest: (left) => `${left} more` }).join(", ");
}

/** What goes on although it stands still, and what waits. */
function meanwhile(state: RolloutState): readonly Line[] {
  if (state.phase === "in_line") return [];
  const moving = state.hosts.filter((h) => h.status === "swapping" || h.status === "restoring");
  const finish = moving.length === 0 ? "No host is in mid-swap" : `${count(moving.length, "host")} in mid-swap will finish`;
  const soak = state.held?.soakMs ?? null;
  const clocks = soak === null ? "its clocks stand still" : `its clocks stand still, ${duration(soak)} of the soak left`;
  const owed = state.owed === null ? "" : ` What failed meanwhile is dealt with when it goes on (${state.owed.reason}).`;
  const text = `${finish}; no other begins; ${clocks}.${owed}`;
  return [{ text, mrkdwn: text }];
}
