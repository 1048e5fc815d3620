import type { Command } from "./command.ts";
import { done } from "./replies.ts";
import { hostWord } from "./shared-words.ts";

const grammar = { words: [hostWord], flags: [] } as const;

export const uncordon: Command<typeof grammar> = {
  name: "uncordon",
  summary: "Let a host take part again. It gets what is live.",
  grammar,
  examples: ["uncordon prod-3"],
  permission: "the deployers and the oncall of every environment that the host belongs to",
  changesState: true,

  async run({ args, actor, gantry }) {
    return done(await gantry.uncordon({ ...args, actor }));
  },
};
