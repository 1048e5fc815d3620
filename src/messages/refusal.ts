/** Why something was not done: what and why, the next step, and the reason code in small print. */
import { type Refusal, reasons } from "../core/reasons.ts";
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
