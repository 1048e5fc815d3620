import type { PromoteValue } from "../src/messages/values.ts";
import type { Caller, Command, Reply } from "./command.ts";
import { openedOrInLine, staleClick } from "./replies.ts";
import { reasonFlag, serviceWord, waitFlag } from "./shared-words.ts";
import { readPromote } from "./values.ts";

const grammar = {
  words: [
    serviceWord,
    {
      kind: "environment",
      name: "from",
      need: "optional",
      summary: "where it soaked; the environment before, when left out",
      after: ["from"],
    },
    { kind: "environment", name: "to", need: "always", summary: "where it shall be live next", after: ["to"] },
  ],
  flags: [waitFlag, reasonFlag],
} as const;

export const promote: Command<typeof grammar> = {
  name: "promote",
  summary: "Make live in one environment what has soaked in the one before it: the same release, byte for byte.",
  grammar,
  examples: ["promote api prod", "promote api staging prod", "promote api from staging to prod --reason release day"],
  permission: "the deployers of the environment it goes to",
  changesState: true,

  async run({ args, actor, origin, gantry }) {
    const { service, from, to, wait, reason: why } = args;
    return ask({ gantry, actor, origin }, { service, from, to, wait, why });
  },

  /** "Wait in line" on a refusal: the same request again. */
  async press({ value, actor, origin, gantry }) {
    const asked = readPromote(value);
    return asked === null ? staleClick() : ask({ gantry, actor, origin }, { ...asked, wait: true });
  },
};

async function ask(
  { gantry, actor, origin }: Pick<Caller, "gantry" | "actor" | "origin">,
  asked: PromoteValue & { readonly wait: boolean },
): Promise<Reply> {
  const result = await gantry.promote({ ...asked, actor, origin });
  const { wait, ...asAsked } = asked;
  return openedOrInLine(gantry, result, { verb: "promote", asAsked, wait });
}
