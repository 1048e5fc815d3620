import type { Command } from "./command.ts";
import { done } from "./replies.ts";
import { hostWord, someWhy } from "./shared-words.ts";

const grammar = { words: [hostWord, someWhy], flags: [] } as const;

export const cordon: Command<typeof grammar> = {
  name: "cordon",
  summary: "Take a host out of plans: what serves on it goes on, it gets nothing new.",
  grammar,
  examples: ["cordon prod-3", "cordon prod-3 its disk is being replaced"],
  permission: "the deployers and the oncall of every environment that the host belongs to",
  changesState: true,

  async run({ args, actor, gantry }) {
    return done(await gantry.cordon({ ...args, actor }));
  },
};
