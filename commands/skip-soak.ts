import { typedAct } from "./acts.ts";
import type { Command } from "./command.ts";
import { decided, staleClick } from "./replies.ts";
import { someWhy, targetWord } from "./shared-words.ts";
import { readSkipSoak } from "./values.ts";

const grammar = { words: [targetWord, someWhy], flags: [] } as const;

export const skipSoak: Command<typeof grammar> = {
  name: "skip-soak",
  summary: "End the soak now. Hosts must still prove that they are well; the release is called good later.",
  grammar,
  examples: ["skip-soak 142", "skip-soak api prod the fix is urgent"],
  permission:
    "oncall and the approvers of the environment (not the requester, where the requester may not approve); without approvals also its deployers",
  changesState: true,

  async run(call) {
    return typedAct(call, "under way", call.gantry.skipSoak);
  },

  async press({ value, actor, gantry }) {
    const soak = readSkipSoak(value);
    return soak === null ? staleClick() : decided(await gantry.skipSoak({ ...soak, why: null, actor }), ["succeeded"]);
  },
};
