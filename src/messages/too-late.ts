/** A command that a stopped server had accepted, and that nobody wants done any more when the next one starts. */
import { refuse } from "../core/reasons.ts";
import type { Message } from "./message.ts";
import { refusalMessage } from "./refusal.ts";
import { duration, oneLine } from "./words.ts";

export function tooLate(facts: {
  readonly act:
    | { readonly kind: "command"; readonly text: string }
    | { readonly kind: "press"; readonly action: string }
    | { readonly kind: "form"; readonly form: string }
    | { readonly kind: "home" };
  readonly receivedAt: number;
  readonly now: number;
}): Message {
  const { act, receivedAt, now } = facts;
  const ago = duration(now - receivedAt);
  const why = `was not done: Gantry was stopped before it came to it, ${ago} ago`;
  return refusalMessage(refuse("too_late", `${whatItWas(act)} ${why}.`));
}

function whatItWas(act: Parameters<typeof tooLate>[0]["act"]): string {
  switch (act.kind) {
    case "command":
      return `Your ${quoted(act.text)}`;
    case "press":
      return `Your press of ${quoted(act.action.replace(/^verb:/, ""))}`;
    case "form":
      return `Your form for ${quoted(act.form)}`;
    case "home":
      return "Your look at Home";
  }
}

function quoted(words: string): string {
  return `\`${oneLine(words.replaceAll("`", "'"), 80)}\``;
}
