import type { Command } from "./command.ts";
import { done } from "./replies.ts";
import { environmentWord, serviceWord } from "./shared-words.ts";

const grammar = { words: [serviceWord, environmentWord], flags: [] } as const;

export const unlock: Command<typeof grammar> = {
  name: "unlock",
  summary: "Take the lock of an environment away. Whoever waits in line comes to its turn.",
  grammar,
  examples: ["unlock api prod"],
  permission: "whoever locked it, and the approvers and oncall of the environment",
  changesState: true,

  async run({ args, actor, gantry }) {
    return done(await gantry.unlock({ ...args, actor }));
  },
};
