/** Why something was not done: what and why, the next step, and the reason code in small print. */
import { type Refusal, reasons, refuse } from "../core/reasons.ts";
import { context, message, section } from "./blocks.ts";
import type { Message } from "./message.ts";
import { sentence } from "./words.ts";

export function refusalMessage(refusal: Refusal): Message {
  const what = sentence(refusal.text || reasons[refusal.reason].title);
  const next = sentence(refusal.next);
  return message({
    text: `${what}\n${next}\nReason: ${refusal.reason}`,
    name: `refusal.${refusal.reason}`,
    blocks: [section(`:no_entry: ${what}\n${next}`), context([`Reason: \`${refusal.reason}\``])],
  });
}

/** Something broke inside Gantry. The id leads to the log; the fault itself is nobody's to read in chat. */
export function faultMessage(id: string): Message {
  return refusalMessage(
    refuse("internal", `That failed inside Gantry (id ${id}). Look before trying again: it may have happened.`),
  );
}
