import type { Command } from "./command.ts";
import { done } from "./replies.ts";
import { aWhy, environmentWord, serviceWord } from "./shared-words.ts";

const grammar = {
  words: [serviceWord, environmentWord, aWhy],
  flags: [{ kind: "duration", name: "for", summary: "how long, such as 90m, 2h or 1d; until it is unlocked, when left out" }],
} as const;

export const lock: Command<typeof grammar> = {
  name: "lock",
  summary: "Keep an environment as it is: nothing new begins there until the lock is gone. A rollback always may.",
  grammar,
  examples: [
    "lock api prod database migration",
    "lock api prod --for 2h database migration",
    'lock api prod "database migration" --for 2h',
    "lock api on prod we look into the errors --for 90m",
  ],
  permission: "the deployers, approvers and oncall of the environment",
  changesState: true,

  async run({ args, actor, gantry }) {
    const { service, environment, why } = args;
    return done(await gantry.lock({ service, environment, why, forMs: args.for, actor }));
  },
};
