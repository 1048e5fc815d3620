import { diffMessage } from "../src/messages/shown.ts";
import type { Command } from "./command.ts";
import { privately, refusedWith } from "./replies.ts";
import { environmentWord, serviceWord, someBuild } from "./shared-words.ts";

const grammar = { words: [serviceWord, environmentWord, someBuild], flags: [] } as const;

export const diff: Command<typeof grammar> = {
  name: "diff",
  summary: "What would change against what is live: with a build, with a release, or with the service file as it is now.",
  grammar,
  examples: ["diff api prod", "diff api prod main", "diff api prod r41"],
  permission: "everyone",
  changesState: false,

  async run({ args, gantry }) {
    const result = await gantry.diff({ service: args.service, environment: args.environment, what: args.build });
    return "kind" in result ? refusedWith(result.refusal) : privately(diffMessage(result));
  },
};
