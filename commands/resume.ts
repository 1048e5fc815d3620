import { pressedAct, typedAct } from "./acts.ts";
import type { Command } from "./command.ts";
import { targetWord } from "./shared-words.ts";

const grammar = { words: [targetWord], flags: [] } as const;

export const resume: Command<typeof grammar> = {
  name: "resume",
  summary: "Let a paused rollout, or a held line, go on.",
  grammar,
  examples: ["resume 142", "resume api prod"],
  permission:
    "the deployers, approvers and oncall of the environment; where people approve, the pause of another person only by oncall and the approvers",
  changesState: true,

  async run(call) {
    return typedAct(call, "held", call.gantry.resume);
  },

  async press(press) {
    return pressedAct(press, press.gantry.resume);
  },
};
