/** The Home tab: what is stuck, what waits for somebody, what moves, and what is live where. */
import type { KnownBlock } from "@slack/types";
import type { EnvironmentStatus, FreezeFacts } from "../core/facts.ts";
import type { RolloutState } from "../core/rollout-state.ts";
import { context, header, section } from "./blocks.ts";
import type { HomeView } from "./message.ts";
import { phaseSign, phaseWords } from "./phase.ts";
import { environmentText, freezeLine, troubleWords } from "./status.ts";
import { count, mention, safe, when } from "./words.ts";

const mostEnvironments = 60;
const mostRollouts = 10;

export function homeView(facts: {
  readonly board: readonly EnvironmentStatus[];
  readonly now: number;
  readonly freeze?: FreezeFacts | null;
}): HomeView {
  const { board, now, freeze = null } = facts;
  const inLine = board.flatMap((env) => env.line);
  const active = board.flatMap((env) => (env.active === null ? [] : [env.active]));
  const waiting = active.filter((state) => state.phase === "awaiting_approval");
  const moving = active.filter((state) => state.phase !== "awaiting_approval");
  return {
    blocks: [
      ...(freeze === null ? [] : [section(freezeLine(freeze, now).mrkdwn)]),
      ...troubleBlocks(board, now),
      header("Waits for approval"),
      ...list(
        waiting,
        (state) => [section(`${line(state, now)}\nDecide on its card, or \`/gantry approve ${state.number}\`.`)],
        "Nothing waits.",
      ),
      header("Under way"),
      ...list(moving, (state) => [section(line(state, now))], "Nothing moves."),
      ...(inLine.length === 0
        ? []
        : [header("In line"), ...list(inLine, (state) => [section(line(state, now))], "Nobody waits in line.")]),
      header("What is live"),
      ...boardBlocks(board, now),
      context(["To start: `/deploy`. To go back: `/rollback SERVICE ENVIRONMENT`. All words: `/gantry help`."]),
    ],
  };
}

/** Above everything else, and only when there is any. */
function troubleBlocks(board: readonly EnvironmentStatus[], now: number): readonly KnownBlock[] {
  const stuck = board.flatMap((env) => (env.lastTrouble === null ? [] : [env.lastTrouble]));
  if (stuck.length === 0) return [];
  const line = (state: RolloutState) =>
    section(`${phaseSign("stuck")} *${safe(state.service)} → ${safe(state.environment)}* ${troubleWords(state, now)}`);
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
