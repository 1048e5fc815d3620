/** The direct message to a requester whose rollout waits in line, when something about its turn changes. */
import type { RolloutFacts } from "../core/facts.ts";
import { shortCommit } from "../core/release.ts";
import { message, section } from "./blocks.ts";
import { placeLines } from "./locks.ts";
import type { Message } from "./message.ts";
import { code, safe, said, sentence } from "./words.ts";

export type Turn = "next" | "turn" | "held";

export function turnNotice(facts: RolloutFacts, turn: Turn): Message {
  const { state, release } = facts;
  const sha = shortCommit(release.commit);
  const place = `${safe(state.service)} ${safe(state.environment)}`;
  const words = turnText(facts, turn);
  return message({
    text: `${place} ${safe(sha)} (#${state.number}): ${words}`,
    name: `turn.${state.number}`,
    blocks: [section(`:vertical_traffic_light: ${place} ${code(sha)} #${state.number}: ${words}`)],
  });
}

/** Why it does although it was approved in line, and who may. */
function askedAnew({ state, approvers, notRequester }: RolloutFacts): string {
  if (state.detail === null) return ".";
  const roles = approvers.map((role) => safe(role, 40)).join(" or ");
  const except = notRequester ? ", not the requester" : "";
  return `${said(state.detail)} To decide: ${roles}${except}, with \`/gantry approve ${state.number}\`.`;
}

function turnText(facts: RolloutFacts, turn: Turn): string {
  const { state } = facts;
  switch (turn) {
    case "next": {
      const [place] = placeLines(facts);
      return `you are next in line. ${place?.text ?? ""}`.trim();
    }
    case "turn":
      return state.phase === "awaiting_approval"
        ? `its turn has come, and it waits for approval${askedAnew(facts)}`
        : "its turn has come, and it has begun.";
    case "held": {
      const why = state.pauses.find((p) => p.reason === "line_held")?.why ?? null;
      const said = why === null ? "" : ` ${sentence(why.replaceAll("\n", " "), 300)}`;
      return `the line is held.${said} Look at what went wrong; \`/gantry resume ${state.number}\` lets it go on.`;
    }
  }
}
