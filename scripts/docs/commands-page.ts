/** docs/reference/commands.md, from the declarations in commands/. */
import type { Command } from "../../commands/command.ts";
import { commands } from "../../commands/index.ts";
import type { Word } from "../../src/core/grammar.ts";
import { flagUsage, usage } from "../../src/core/render.ts";
import { slashCommands } from "../../src/slack/scopes.ts";
import { block, code, generated, page, table } from "./markdown.ts";

export function commandsPage(): string {
  return page([
    generated("`commands/`"),
    "# Commands",
    [
      "Every verb can be typed in four ways, with the same words after it:",
      "",
      `- as a slash command: ${slashCommands.map((c) => code(c)).join(", ")}; verbs without one of their own follow \`/gantry\` (\`/gantry status api\`)`,
      "- by mention, also in a thread: `@gantry status api`",
      "- in a terminal on the server's machine: `gantry status api` (see [cli.md](cli.md))",
      "- as a button or a form, where a card or an answer offers one",
    ].join("\n"),
    "Words in capitals are to be replaced; words in brackets may be left out. A word that is not understood is an error with a suggestion, never a guess.",
    table(
      ["verb", "what it does", "who may"],
      commands.map((c) => [`[${code(c.name)}](#${c.name})`, c.summary, c.permission]),
    ),
    ...commands.map(section),
  ]);
}

function section(command: Command): string {
  const { grammar, summary, examples, permission, changesState } = command;
  const words = grammar.words.map((word) => [wordName(word), needOf(word), describe(word)]);
  const flags = grammar.flags.map((flag) => [code(flagUsage(flag)), "may be left out", flag.summary]);
  return [
    `## ${command.name}`,
    summary,
    block("text", usage(command)),
    ...(words.length + flags.length === 0 ? [] : [table(["word", "needed", "meaning"], [...words, ...flags])]),
    `Who may: ${permission}. ${changesState ? "Changes what runs, or what is decided." : "Changes nothing; only you see the answer."}`,
    block("text", examples.join("\n")),
  ].join("\n\n");
}

function wordName(word: Word): string {
  return code(word.name.toUpperCase());
}

function needOf(word: Word): string {
  switch (word.need) {
    case "always":
      return "always";
    case "form":
      return "a form asks when it is missing";
    case "optional":
      return "may be left out";
  }
}

function describe(word: Word): string {
  const after = (word.after ?? []).map((lead) => code(lead)).join(" or ");
  const joins = word.joins === undefined ? [] : [`may carry the ${word.joins}: \`api@abc1234\``];
  const lead = after === "" ? [] : [`${after} may stand before it`];
  const flag = word.flag === undefined ? [] : [`also as \`--${word.flag} TEXT\``];
  return [word.summary, ...joins, ...lead, ...flag].join("; ");
}
