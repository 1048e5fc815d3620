import { statusMessage } from "../src/messages/status.ts";
import type { Command } from "./command.ts";
import { privately } from "./replies.ts";
import { someEnvironment, someService } from "./shared-words.ts";

const grammar = { words: [someService, someEnvironment], flags: [] } as const;

export const status: Command<typeof grammar> = {
  name: "status",
  summary: "What is live where, since when and by whom, what moves, and how ready the way back is.",
  grammar,
  examples: ["status", "status api", "status api prod", "status prod"],
  permission: "everyone",
  changesState: false,

  async run({ args, gantry }) {
    return privately(statusMessage({ environments: gantry.status(args), now: gantry.now(), freeze: gantry.freeze() }));
  },
};
