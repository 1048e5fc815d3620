/** What can be said to Gantry: all verbs at a glance, or one of them at length. */

import type { Declared } from "../core/grammar.ts";
import { flagUsage, usage } from "../core/render.ts";
import { context, message, section } from "./blocks.ts";
import type { Message } from "./message.ts";
import { sentence } from "./words.ts";

export type VerbFacts = Declared & {
  readonly summary: string;
  readonly examples: readonly string[];
  readonly permission: string;
};

/** How a person types it in Slack: three verbs have a command of their own. */
export function slash(text: string): string {
  return /^(deploy|promote|rollback)\b/.test(text) ? `/${text}` : `/gantry ${text}`;
}

export function helpMessage(verbs: readonly VerbFacts[]): Message {
  const lines = verbs.map((verb) => ({ usage: slash(usage(verb)), summary: sentence(verb.summary, 200) }));
  const end = "In a thread, and anywhere else: the same words after `@gantry`. More about one: `/gantry help VERB`.";
  return message({
    text: [...lines.map((line) => `${line.usage}\n    ${line.summary}`), end].join("\n"),
    name: "help",
    blocks: [...lines.map((line) => section(`\`${line.usage}\`\n${line.summary}`)), context([end])],
  });
}

export function verbHelp(verb: VerbFacts): Message {
  const words = verb.grammar.words.map((w) => `\`${w.name.toUpperCase()}\` ${sentence(w.summary, 200)}`);
  const flags = verb.grammar.flags.map((f) => `\`${flagUsage(f)}\` ${sentence(f.summary, 200)}`);
  const examples = verb.examples.map((example) => `\`${slash(example)}\``);
  const head = `\`${slash(usage(verb))}\`\n${sentence(verb.summary, 200)}`;
  const parts = [head, [...words, ...flags].join("\n"), `For example:\n${examples.join("\n")}`].filter((part) => part !== "");
  const who = `Who may: ${sentence(verb.permission, 200)}`;
  return message({
    text: [...parts, who].join("\n"),
    name: `help.${verb.name}`,
    blocks: [...parts.map(section), context([who])],
  });
}
