import { freeText, normalise } from "../src/core/normalise.ts";
import { refuse } from "../src/core/reasons.ts";
import { rejectForm } from "../src/messages/forms.ts";
import { refusalMessage } from "../src/messages/refusal.ts";
import type { Command } from "./command.ts";
import { decided, refusedWith, staleClick } from "./replies.ts";
import { aWhy, rolloutWord } from "./shared-words.ts";
import { readContext, readDecision } from "./values.ts";

const grammar = {
  words: [rolloutWord, aWhy],
  flags: [],
} as const;

export const reject: Command<typeof grammar> = {
  name: "reject",
  summary: "Say no to a rollout that waits, and why. The same as the button on its card.",
  grammar,
  examples: ["reject 142 wrong commit", 'reject 142 --reason "wait for the fix"'],
  permission: "the approvers that the service file names",
  changesState: true,

  async run({ args, actor, gantry }) {
    return decided(await gantry.reject({ rollout: args.rollout, planHash: null, why: args.why, actor }), ["rejected"]);
  },

  async press({ value, gantry }) {
    const decision = readDecision(value);
    const facts = decision === null ? null : gantry.rollout(decision.rollout);
    if (decision === null || facts === null || facts.state.planHash !== decision.planHash) return staleClick();
    const { number: rollout, service, environment } = facts.state;
    const typed = refuse("missing_word", "The reason is missing.", `Type \`/gantry reject ${rollout} WHY\`.`);
    return {
      kind: "form",
      form: rejectForm({ rollout, service, environment, context: JSON.stringify(decision) }),
      otherwise: refusalMessage(typed),
    };
  },

  async submit({ context, values, actor, gantry }) {
    const decision = readDecision(readContext(context));
    if (decision === null) return staleClick();
    const why = freeText(normalise(values["reason"] ?? ""));
    if (why === "") return refusedWith(refuse("missing_word", "The reason is missing.", "Press Reject again and say why."));
    return decided(await gantry.reject({ ...decision, why, actor }), ["rejected"]);
  },
};
