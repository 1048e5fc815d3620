/** The Home tab: what is stuck, what waits for somebody, what moves, and what is live where. */
import type { KnownBlock } from "@slack/types";
import type { EnvironmentStatus } from "../core/facts.ts";
import type { RolloutState } from "../core/rollout-state.ts";
import { context, header, section } from "./blocks.ts";
import type { HomeView } from "./message.ts";
import { phaseSign, phaseWords } from "./phase.ts";
import { environmentText, troubleWords } from "./status.ts";
import { count, mention, safe, when } from "./words.ts";

const mostEnvironments = 60;
const mostRollouts = 10;

export function homeView(facts: { readonly board: readonly EnvironmentStatus[]; readonly now: number }): HomeView {
  const { board, now } = facts;
  const active = board.flatMap((env) => (env.active === null ? [] : [env.active]));
  const waiting = active.filter((state) => state.phase === "awaiting_approval");
  const moving = active.filter((state) => state.phase !== "awaiting_approval");
  return {
    blocks: [
      ...troubleBlocks(board),
      header("Waits for approval"),
      ...list(
        waiting,
        (state) => [section(`${line(state, now)}\nDecide on its card, or \`/gantry approve ${state.number}\`.`)],
        "Nothing waits.",
      ),
      header("Under way"),
      ...list(moving, (state) => [section(line(state, now))], "Nothing moves."),
      header("What is live"),
      ...boardBlocks(board, now),
      context(["To start: `/deploy`. To go back: `/rollback SERVICE ENVIRONMENT`. All words: `/gantry help`."]),
    ],
  };
}

/** Above everything else, and only when there is any. */
function troubleBlocks(board: readonly EnvironmentStatus[]): readonly KnownBlock[] {
  const stuck = board.flatMap((env) => (env.lastTrouble === null ? [] : [env.lastTrouble]));
  if (stuck.length === 0) return [];
  const line = (state: RolloutState) =>
    section(`${phaseSign("stuck")} *${safe(state.service)} → ${safe(state.environment)}* ${troubleWords(state)}`);
  return [header("Needs a person"), ...list(stuck, (state) => [line(state)], "")];
}

function list(
  states: readonly RolloutState[],
  blocks: (state: RolloutState) => readonly KnownBlock[],
  empty: string,
): KnownBlock[] {
  if (states.length === 0) return [section(empty)];
  const left = states.length - mostRollouts;
  const shown = states.slice(0, mostRollouts).flatMap(blocks);
  return left > 0 ? [...shown, section(`and ${left} more: \`/gantry status\``)] : shown;
}

function line(state: RolloutState, now: number): string {
  const place = `${safe(state.service)} → ${safe(state.environment)}`;
  const asked = `asked for by ${mention(state.requester)} ${when(state.requestedAt, now)}`;
  return `${phaseSign(state.phase)} *${place}* #${state.number}: ${state.kind} of r${state.release}, ${phaseWords(state)}, ${asked}`;
}

function boardBlocks(board: readonly EnvironmentStatus[], now: number): readonly KnownBlock[] {
  if (board.length === 0) return [section("No service is set up yet: put a file into the services folder.")];
  const shown = board.slice(0, mostEnvironments).map((env) => section(environmentText(env, now).mrkdwn));
  const left = board.length - shown.length;
  return left > 0 ? [...shown, section(`and ${count(left, "more environment")}: \`/gantry status SERVICE\``)] : shown;
}
