import { helpMessage, verbHelp } from "../src/messages/help.ts";
import type { Command } from "./command.ts";
import { privately } from "./replies.ts";

const grammar = {
  words: [{ kind: "verb", name: "verb", need: "optional", summary: "the command to explain" }],
  flags: [],
} as const;

export const help: Command<typeof grammar> = {
  name: "help",
  summary: "What can be said to Gantry.",
  grammar,
  examples: ["help", "help rollback"],
  permission: "everyone",
  changesState: false,

  async run({ args, commands }) {
    const one = commands.find((command) => command.name === args.verb);
    return privately(one === undefined ? helpMessage(commands) : verbHelp(one));
  },
};
