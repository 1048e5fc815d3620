/** The reference page of all verbs, made from their declarations. */
import { flagUsage, usage } from "../src/core/render.ts";
import { slash } from "../src/messages/help.ts";
import type { Command } from "./command.ts";

/** A Markdown page. Generated: nobody edits it. */
export function docsOf(commands: readonly Command[]): string {
  const intro = [
    "# Commands",
    "",
    "Made from the declarations in `commands/`; do not edit.",
    "",
    "The same words work as a slash command, after `@gantry` (also in threads), and in a terminal as `gantry …`. Words in",
    "capitals are yours to fill in; those in square brackets may be left out. Free text is quoted or is the rest of the line.",
    "",
    "| command | what it does | who may |",
    "|---|---|---|",
    ...commands.map((c) => `| [\`${c.name}\`](#${c.name}) | ${cell(c.summary)} | ${cell(c.permission)} |`),
  ];
  return `${[...intro, ...commands.flatMap(section)].join("\n")}\n`;
}

function section(command: Command): string[] {
  const { grammar, examples } = command;
  const words = grammar.words.map((w) => `| \`${w.name.toUpperCase()}\` | ${cell(w.summary)}${needText(w.need)} |`);
  const flags = grammar.flags.map((f) => `| \`${flagUsage(f)}\` | ${cell(f.summary)} |`);
  const table = words.length + flags.length === 0 ? [] : ["", "| word | meaning |", "|---|---|", ...words, ...flags];
  return [
    "",
    `## ${command.name}`,
    "",
    command.summary,
    "",
    `    ${slash(usage(command))}`,
    ...table,
    "",
    "Examples:",
    "",
    ...examples.map((example) => `    ${slash(example)}`),
    "",
    `Who may: ${command.permission}. ${command.changesState ? "It shows in the channel, on the rollout's card." : "Only you see the answer."}`,
  ];
}

function needText(need: "always" | "form" | "optional"): string {
  switch (need) {
    case "always":
      return "";
    case "form":
      return "; asked for by a form when left out";
    case "optional":
      return " (may be left out)";
  }
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|");
}
