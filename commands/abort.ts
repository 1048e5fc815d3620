import type { Gantry } from "../src/app/gantry.ts";
import type { Actor } from "../src/app/ports.ts";
import type { Phase } from "../src/core/rollout-state.ts";
import { note } from "../src/messages/blocks.ts";
import { rolloutMeant } from "./acts.ts";
import type { Command, Reply } from "./command.ts";
import { decided, privately, refusedWith, staleClick } from "./replies.ts";
import { someWhy, targetWord } from "./shared-words.ts";
import { readDecision } from "./values.ts";

const grammar = { words: [targetWord, someWhy], flags: [] } as const;

/** Nothing was touched yet, so there is nothing to put back. */
const untouched: readonly Phase[] = ["in_line", "awaiting_approval", "queued"];

export const abort: Command<typeof grammar> = {
  name: "abort",
  summary: "Stop a rollout under way and put its hosts back to what they served before, also out of a pause.",
  grammar,
  examples: ["abort 142", "abort api prod the metrics look wrong"],
  permission: "the requester, and the deployers, approvers and oncall of the environment",
  changesState: true,

  async run({ args, actor, gantry }) {
    const rollout = rolloutMeant(gantry, args.rollout, "under way");
    if (typeof rollout !== "number") return refusedWith(rollout);
    return stop({ gantry, actor, rollout, why: args.why });
  },

  async press({ value, actor, gantry }) {
    const decision = readDecision(value);
    const facts = decision === null ? null : gantry.rollout(decision.rollout);
    if (decision === null || facts === null || facts.state.planHash !== decision.planHash) return staleClick();
    return stop({ gantry, actor, rollout: decision.rollout, why: null });
  },
};

async function stop(facts: {
  readonly gantry: Gantry;
  readonly actor: Actor;
  readonly rollout: number;
  readonly why: string | null;
}): Promise<Reply> {
  const { gantry, actor, rollout, why } = facts;
  const before = gantry.rollout(rollout)?.state.phase;
  const result = await gantry.cancel({ rollout, why, actor });
  if (result.kind === "refused" || before === undefined || !untouched.includes(before)) {
    return decided(result, ["restored", "cancelled"]);
  }
  return privately(note(`#${rollout} had not begun: no host was touched. It is cancelled.`));
}
