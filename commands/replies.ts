/** From what the application answers to a Reply. */
import type { Decided, Gantry, Opened, Refused } from "../src/app/gantry.ts";
import { type Refusal, refuse } from "../src/core/reasons.ts";
import { note } from "../src/messages/blocks.ts";
import type { Message } from "../src/messages/message.ts";
import { refusalMessage } from "../src/messages/refusal.ts";
import { rolloutCard } from "../src/messages/rollout-card.ts";
import type { Reply } from "./command.ts";

export function privately(message: Message): Reply {
  return { kind: "private", message };
}

export function refusedWith(refusal: Refusal): Reply {
  return { kind: "private", message: refusalMessage(refusal), refused: true };
}

/** A button whose value Gantry did not write, or wrote long ago. */
export function staleClick(): Reply {
  return refusedWith(refuse("stale_click", "That button does not fit what is happening now. Nothing was changed."));
}

export function opened(gantry: Gantry, result: Opened | Refused): Reply {
  if (result.kind === "refused") return refusedWith(result.refusal);
  const facts = gantry.rollout(result.rollout);
  const message = facts === null ? note(`Rollout #${result.rollout} has begun.`) : rolloutCard(facts);
  return { kind: "card", rollout: result.rollout, message };
}

export function decided(result: Decided | Refused): Reply {
  if (result.kind === "refused") return refusedWith(result.refusal);
  return { kind: "card", rollout: result.facts.state.number, message: rolloutCard(result.facts) };
}
