import { note } from "../src/messages/blocks.ts";
import { rolloutMeant } from "./acts.ts";
import type { Command } from "./command.ts";
import { decided, privately, refusedWith, staleClick } from "./replies.ts";
import { someWhy, targetWord } from "./shared-words.ts";
import { isNothing, readDecision } from "./values.ts";

const grammar = { words: [targetWord, someWhy], flags: [] } as const;

/** Before anything was touched, or after it was put back. */
const stopped = ["cancelled", "restored"] as const;

export const cancel: Command<typeof grammar> = {
  name: "cancel",
  summary: "Stop a rollout, or leave the line. Hosts that were touched are put back to what they served.",
  grammar,
  examples: ["cancel 142", "cancel api prod", "cancel 142 the metrics look wrong"],
  permission: "the requester, and the deployers, approvers and oncall of the environment",
  changesState: true,

  async run({ args, actor, gantry }) {
    const rollout = rolloutMeant(gantry, args.rollout, "waiting too");
    if (typeof rollout !== "number") return refusedWith(rollout);
    return decided(await gantry.cancel({ rollout, why: args.why, actor }), stopped);
  },

  async press({ value, actor, gantry }) {
    if (isNothing(value)) return privately(note("Nothing was changed."));
    const decision = readDecision(value);
    const facts = decision === null ? null : gantry.rollout(decision.rollout);
    if (decision === null || facts === null || facts.state.planHash !== decision.planHash) return staleClick();
    return decided(await gantry.cancel({ rollout: decision.rollout, why: null, actor }), stopped);
  },
};
