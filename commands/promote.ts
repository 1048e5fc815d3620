import type { Command } from "./command.ts";
import { opened } from "./replies.ts";
import { reasonFlag, serviceWord, waitFlag } from "./shared-words.ts";

const grammar = {
  words: [
    serviceWord,
    {
      kind: "environment",
      name: "from",
      need: "optional",
      summary: "where it soaked; the environment before, when left out",
      after: ["from"],
    },
    { kind: "environment", name: "to", need: "always", summary: "where it shall be live next", after: ["to"] },
  ],
  flags: [waitFlag, reasonFlag],
} as const;

export const promote: Command<typeof grammar> = {
  name: "promote",
  summary: "Make live in one environment what has soaked in the one before it: the same release, byte for byte.",
  grammar,
  examples: ["promote api prod", "promote api staging prod", "promote api from staging to prod --reason release day"],
  permission: "the deployers of the environment it goes to",
  changesState: true,

  async run({ args, actor, origin, gantry }) {
    const { service, from, to, wait, reason: why } = args;
    return opened(gantry, await gantry.promote({ service, from, to, wait, why, actor, origin }));
  },
};
