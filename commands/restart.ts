import type { Command } from "./command.ts";
import { opened } from "./replies.ts";
import { environmentWord, reasonFlag, serviceWord } from "./shared-words.ts";

const grammar = { words: [serviceWord, environmentWord], flags: [reasonFlag] } as const;

export const restart: Command<typeof grammar> = {
  name: "restart",
  summary: "New containers of the release that is live, host by host, as careful as a deploy.",
  grammar,
  examples: ["restart api prod", "restart api prod --reason new certificates"],
  permission: "the deployers of the environment",
  changesState: true,

  async run({ args, actor, origin, gantry }) {
    const { service, environment, reason: why } = args;
    return opened(gantry, await gantry.restart({ service, environment, why, actor, origin }));
  },
};
