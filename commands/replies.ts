/** From what the application answers to a Reply. */
import type { Decided, Done, Gantry, Opened, Refused } from "../src/app/gantry.ts";
import { type Refusal, refuse } from "../src/core/reasons.ts";
import type { Phase } from "../src/core/rollout-state.ts";
import { note } from "../src/messages/blocks.ts";
import type { Message } from "../src/messages/message.ts";
import { type Offer, refusalMessage } from "../src/messages/refusal.ts";
import { rolloutCard } from "../src/messages/rollout-card.ts";
import { waitInLine } from "../src/messages/wait-in-line.ts";
import { sentence } from "../src/messages/words.ts";
import type { Reply } from "./command.ts";

export function privately(message: Message): Reply {
  return { kind: "private", message };
}

/** `offer`: a button that is a way on. */
export function refusedWith(refusal: Refusal, offer: Offer | null = null): Reply {
  return { kind: "private", message: refusalMessage(refusal, offer), refused: true };
}

export function done(result: Done | Refused): Reply {
  return result.kind === "refused" ? refusedWith(result.refusal) : privately(note(sentence(result.text)));
}

/** A button whose value Gantry did not write, or wrote long ago. */
export function staleClick(): Reply {
  return refusedWith(refuse("stale_click", "That button does not fit what is happening now. Nothing was changed."));
}

/** What was asked for has come true when the rollout has succeeded; or, when a deploy was stopped, when its hosts are put back. */
export function opened(gantry: Gantry, result: Opened | Refused, verb: "go on" | "go back" = "go on"): Reply {
  if (result.kind === "refused") return refusedWith(result.refusal);
  const facts = gantry.rollout(result.rollout);
  const message = facts === null ? note(`Rollout #${result.rollout} has begun.`) : rolloutCard(facts);
  const stopped = verb === "go back" && facts !== null && facts.state.kind !== "rollback";
  return { kind: "card", rollout: result.rollout, message, aims: stopped ? ["restored"] : ["succeeded"] };
}

/** A request that found its environment busy or locked may wait in line: `asAsked` is the button's value, null when it is too long. */
export function openedOrInLine(
  gantry: Gantry,
  result: Opened | Refused,
  asked: { readonly verb: "deploy" | "promote"; readonly asAsked: object; readonly wait: boolean },
): Reply {
  if (result.kind !== "refused" || asked.wait) return opened(gantry, result);
  const { refusal } = result;
  const mayWait = refusal.reason === "busy" || refusal.reason === "locked";
  return refusedWith(refusal, mayWait ? waitInLine(asked.verb, asked.asAsked) : null);
}

export function decided(result: Decided | Refused, aims: readonly Phase[]): Reply {
  if (result.kind === "refused") return refusedWith(result.refusal);
  return { kind: "card", rollout: result.facts.state.number, message: rolloutCard(result.facts), aims };
}
