import { freeText, normalise } from "../src/core/normalise.ts";
import { type Refusal, refuse } from "../src/core/reasons.ts";
import { usage } from "../src/core/render.ts";
import { cleanWord, isFault } from "../src/core/scan.ts";
import type { Vocabulary } from "../src/core/words.ts";
import { readWord } from "../src/core/words.ts";
import { deployForm } from "../src/messages/forms.ts";
import { refusalMessage } from "../src/messages/refusal.ts";
import type { DeployValue } from "../src/messages/values.ts";
import type { Call, Caller, Command, Reply, Submission } from "./command.ts";
import { openedOrInLine, refusedWith, staleClick } from "./replies.ts";
import { environmentWord, reasonFlag, serviceWord, vocabularyOf, waitFlag } from "./shared-words.ts";
import { readContext, readDeploy, recordOf } from "./values.ts";

const grammar = {
  words: [
    { ...serviceWord, need: "form", joins: "ref" },
    { ...environmentWord, need: "form" },
    { kind: "ref", name: "ref", need: "form", summary: "the commit, tag or branch; its image must have been pushed" },
  ],
  flags: [
    { kind: "switch", name: "allowBad", summary: "ask again for a release that was judged bad; a second person decides" },
    waitFlag,
    reasonFlag,
  ],
} as const;

export const deploy: Command<typeof grammar> = {
  name: "deploy",
  summary: "Make a commit live: plan it, have it approved, swap the containers. Without all words it opens a form.",
  grammar,
  examples: [
    "deploy api prod 3f9c1e2",
    "deploy api@main to staging",
    'deploy api prod v1.4.0 --reason "fixes the login"',
    "deploy api prod 3f9c1e2 --allow-bad --reason the alarm was false",
    "deploy api",
    "deploy",
  ],
  permission: "the deployers of the environment",
  changesState: true,

  async run({ args, actor, origin, gantry }) {
    const { service, environment, ref, allowBad, wait, reason: why } = args;
    if (service === null || environment === null || ref === null) return form({ args, origin, gantry });
    return ask({ gantry, actor, origin }, { service, environment, ref, allowBad, wait, why });
  },

  /** "Wait in line" on a refusal: the same request again. */
  async press({ value, actor, origin, gantry }) {
    const asked = readDeploy(value);
    return asked === null ? staleClick() : ask({ gantry, actor, origin }, { ...asked, wait: true });
  },

  async submit(call) {
    const context = contextOf(call.context);
    if (context === null) return staleClick();
    const { actor, gantry } = call;
    const words = wordsOf(call, vocabularyOf(gantry.config));
    if ("next" in words) return refusedWith(words);
    // A modal does not know the channel it was opened in; the form carries it.
    const origin = { ...call.origin, channel: context.channel ?? call.origin.channel };
    const { allowBad, wait } = context;
    return ask({ gantry, actor, origin }, { ...words, allowBad, wait });
  },
};

async function ask(
  { gantry, actor, origin }: Pick<Caller, "gantry" | "actor" | "origin">,
  asked: DeployValue & { readonly wait: boolean },
): Promise<Reply> {
  const result = await gantry.deploy({ ...asked, actor, origin });
  const { wait, ...asAsked } = asked;
  return openedOrInLine(gantry, result, { verb: "deploy", asAsked, wait });
}

function form({ args, origin, gantry }: Pick<Call<typeof grammar>, "args" | "origin" | "gantry">): Reply {
  const { services } = vocabularyOf(gantry.config);
  if (services.length === 0)
    return refusedWith(refuse("unknown_service", "No service is set up yet.", "Put a file into the services folder."));
  const context = JSON.stringify({ channel: origin.channel, allowBad: args.allowBad, wait: args.wait });
  const missing = [args.service === null ? "service" : null, args.environment === null ? "environment" : null, "ref"];
  const words = missing.filter((word) => word !== null).join(", ");
  const otherwise = refuse(
    "missing_word",
    `These words are missing: ${words}.`,
    `Usage: \`${usage({ name: "deploy", grammar })}\``,
  );
  return {
    kind: "form",
    form: deployForm({ ...args, services, why: args.reason, context }),
    otherwise: refusalMessage(otherwise),
  };
}

function contextOf(text: string): { channel: string | null; allowBad: boolean; wait: boolean } | null {
  const record = recordOf(readContext(text), ["channel", "allowBad", "wait"]);
  if (record === null) return null;
  const { channel, allowBad, wait } = record;
  const channelOk = channel === null || (typeof channel === "string" && /^[A-Za-z0-9:_-]{1,64}$/.test(channel));
  return channelOk && typeof allowBad === "boolean" && typeof wait === "boolean" ? { channel, allowBad, wait } : null;
}

type Words = { readonly service: string; readonly environment: string; readonly ref: string; readonly why: string | null };

/** The form's values pass through the same checks as typed words. */
function wordsOf({ values }: Submission, vocabulary: Vocabulary): Words | Refusal {
  const read = (kind: "service" | "environment" | "ref", service: string | null) => {
    const text = cleanWord(normalise(values[kind] ?? ""));
    return readWord(kind, text, { vocabulary, verbs: [], service }, null);
  };
  const service = read("service", null);
  if (isFault(service)) return service.refusal;
  const environment = read("environment", String(service.value));
  if (isFault(environment)) return environment.refusal;
  const ref = read("ref", null);
  if (isFault(ref)) return ref.refusal;
  const why = freeText(normalise(values["reason"] ?? "")) || null;
  return { service: String(service.value), environment: String(environment.value), ref: String(ref.value), why };
}
