import type { Command } from "./command.ts";
import { decided, staleClick } from "./replies.ts";
import { rolloutWord } from "./shared-words.ts";
import { readDecision } from "./values.ts";

const grammar = { words: [rolloutWord], flags: [] } as const;

export const approve: Command<typeof grammar> = {
  name: "approve",
  summary: "Say yes to a rollout that waits. The same as the button on its card.",
  grammar,
  examples: ["approve 142", "approve #142"],
  permission: "the approvers that the service file names; not the requester when it says so",
  changesState: true,

  async run({ args, actor, gantry }) {
    return decided(await gantry.approve({ rollout: args.rollout, planHash: null, actor }), ["succeeded"]);
  },

  async press({ value, actor, gantry }) {
    const decision = readDecision(value);
    return decision === null ? staleClick() : decided(await gantry.approve({ ...decision, actor }), ["succeeded"]);
  },
};
