import { pressedAct, typedAct } from "./acts.ts";
import type { Command } from "./command.ts";
import { targetWord } from "./shared-words.ts";

const grammar = { words: [targetWord], flags: [] } as const;

export const retry: Command<typeof grammar> = {
  name: "retry",
  summary: "After a failure: swap the failed hosts again, and no others.",
  grammar,
  examples: ["retry 142", "retry api prod"],
  permission: "the deployers, approvers and oncall of the environment",
  changesState: true,

  async run(call) {
    return typedAct(call, "under way", call.gantry.retry);
  },

  async press(press) {
    return pressedAct(press, press.gantry.retry);
  },
};
