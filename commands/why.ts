import type { About } from "../src/core/words.ts";
import { whyMessage } from "../src/messages/why.ts";
import type { Command } from "./command.ts";
import { privately, refusedWith } from "./replies.ts";

const grammar = {
  words: [
    {
      kind: "about",
      name: "about",
      need: "always",
      summary: "a rollout by its number, a host by its name, or service and environment",
      after: ["on", "in"],
    },
  ],
  flags: [],
} as const;

export const why: Command<typeof grammar> = {
  name: "why",
  summary: "What something waits for, since when, and what would end it; and what led to where it stands.",
  grammar,
  examples: ["why #142", "why 142", "why prod-3", "why api prod"],
  permission: "everyone",
  changesState: false,

  async run({ args, gantry }) {
    const result = gantry.why(wordsOf(args.about));
    return "kind" in result ? refusedWith(result.refusal) : privately(whyMessage(result));
  },
};

function wordsOf(about: About): readonly string[] {
  if (typeof about === "number") return [`#${about}`];
  return "host" in about ? [about.host] : [about.service, about.environment];
}
