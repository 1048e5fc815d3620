import type { Command } from "./command.ts";
import { done } from "./replies.ts";
import { hostWord, someWhy } from "./shared-words.ts";

const grammar = { words: [hostWord, someWhy], flags: [] } as const;

export const drain: Command<typeof grammar> = {
  name: "drain",
  summary: "Cordon a host and stop what serves on it, as long as enough other hosts serve.",
  grammar,
  examples: ["drain prod-3", "drain prod-3 kernel upgrade tonight"],
  permission: "the deployers and the oncall of every environment that the host belongs to",
  changesState: true,

  async run({ args, actor, gantry }) {
    return done(await gantry.drain({ ...args, actor }));
  },
};
