import { historyMessage } from "../src/messages/history.ts";
import type { Command } from "./command.ts";
import { privately } from "./replies.ts";
import { someEnvironment, someService } from "./shared-words.ts";

const grammar = {
  words: [
    someService,
    someEnvironment,
    { kind: "number", name: "limit", need: "optional", summary: "how many; 10 when left out" },
  ],
  flags: [],
} as const;

export const history: Command<typeof grammar> = {
  name: "history",
  summary: "What happened, newest first.",
  grammar,
  examples: ["history", "history api", "history api prod 20", "history prod"],
  permission: "everyone",
  changesState: false,

  async run({ args, gantry }) {
    const lines = gantry.history({ service: args.service, environment: args.environment, limit: args.limit ?? 10 });
    return privately(historyMessage({ lines, now: gantry.now() }));
  },
};
