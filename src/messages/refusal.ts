/** Why something was not done: what and why, the next step, and the reason code in small print. */
import { type Refusal, reasons } from "../core/reasons.ts";
import { actions, type ButtonFacts, context, message, section } from "./blocks.ts";
import type { Message } from "./message.ts";
import { sentence } from "./words.ts";

/** A way on that is one press away, and how to type it. */
export type Offer = { readonly text: string; readonly button: ButtonFacts };

export function refusalMessage(refusal: Refusal, offer: Offer | null = null): Message {
  const what = sentence(refusal.text || reasons[refusal.reason].title);
  const next = sentence(refusal.next);
  return message({
    text: `${what}\n${next}\n${offer === null ? "" : `${offer.text}\n`}Reason: ${refusal.reason}`,
    name: `refusal.${refusal.reason}`,
    blocks: [
      section(`:no_entry: ${what}\n${next}`),
      ...(offer === null ? [] : [actions([offer.button])]),
      context([`Reason: \`${refusal.reason}\``]),
    ],
  });
}
