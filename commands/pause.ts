import { pressedAct, typedAct } from "./acts.ts";
import type { Command } from "./command.ts";
import { someWhy, targetWord } from "./shared-words.ts";

const grammar = { words: [targetWord, someWhy], flags: [] } as const;

export const pause: Command<typeof grammar> = {
  name: "pause",
  summary: "Stop a rollout where it stands: hosts in mid-swap finish, no other begins, and its clocks stand still.",
  grammar,
  examples: ["pause 142", "pause api prod", "pause #142 the metrics look odd"],
  permission: "the requester, and the deployers, approvers and oncall of the environment",
  changesState: true,

  async run(call) {
    return typedAct(call, "under way", call.gantry.pause);
  },

  async press(press) {
    return pressedAct(press, press.gantry.pause);
  },
};
