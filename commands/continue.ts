import { freeText, normalise } from "../src/core/normalise.ts";
import { refuse } from "../src/core/reasons.ts";
import { continueForm } from "../src/messages/forms.ts";
import { refusalMessage } from "../src/messages/refusal.ts";
import { continueValue } from "../src/messages/values.ts";
import { typedAct } from "./acts.ts";
import type { Command } from "./command.ts";
import { decided, refusedWith, staleClick } from "./replies.ts";
import { aWhy, targetWord } from "./shared-words.ts";
import { readContext, readContinue, readDecision } from "./values.ts";

const grammar = { words: [targetWord, aWhy], flags: [] } as const;

export const proceed: Command<typeof grammar> = {
  name: "continue",
  summary: "After a failure: leave the failed hosts as they are and go on with the others. Needs a reason.",
  grammar,
  examples: ["continue 142 prod-3 is being replaced", "continue api prod the check is wrong, the host is fine"],
  permission:
    "oncall and the approvers of the environment (not the requester, where the requester may not approve); without approvals also its deployers",
  changesState: true,

  async run(call) {
    return typedAct(call, "under way", call.gantry.proceed);
  },

  async press({ value, gantry }) {
    const decision = readDecision(value);
    const facts = decision === null ? null : gantry.rollout(decision.rollout);
    if (decision === null || facts === null || facts.state.planHash !== decision.planHash) return staleClick();
    const hasFailed = facts.state.hosts.some((h) => h.status === "failed");
    if (!hasFailed) return refusedWith(refuse("nothing_failed", `No host of #${decision.rollout} is failed any more.`));
    const typed = refuse("missing_word", "The reason is missing.", `Type \`/gantry continue ${decision.rollout} WHY\`.`);
    return {
      kind: "form",
      form: continueForm({ state: facts.state, context: JSON.stringify(continueValue(facts.state)) }),
      otherwise: refusalMessage(typed),
    };
  },

  async submit({ context, values, actor, gantry }) {
    const decision = readContinue(readContext(context));
    if (decision === null) return staleClick();
    const why = freeText(normalise(values["reason"] ?? ""));
    if (why === "") return refusedWith(refuse("missing_word", "The reason is missing.", "Press the button again and say why."));
    return decided(await gantry.proceed({ ...decision, why, actor }), ["succeeded"]);
  },
};
