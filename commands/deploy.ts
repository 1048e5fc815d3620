import { freeText, normalise } from "../src/core/normalise.ts";
import { type Refusal, refuse } from "../src/core/reasons.ts";
import { usage } from "../src/core/render.ts";
import { cleanWord, isFault } from "../src/core/scan.ts";
import type { Vocabulary } from "../src/core/words.ts";
import { readWord } from "../src/core/words.ts";
import { deployForm } from "../src/messages/forms.ts";
import { refusalMessage } from "../src/messages/refusal.ts";
import type { Call, Command, Reply, Submission } from "./command.ts";
import { opened, refusedWith, staleClick } from "./replies.ts";
import { environmentWord, reasonFlag, serviceWord, vocabularyOf, waitFlag } from "./shared-words.ts";
import { readContext, recordOf } from "./values.ts";

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
    return opened(gantry, await gantry.deploy({ service, environment, ref, allowBad, wait, why, actor, origin }));
  },

  async submit(call) {
    const context = contextOf(call.context);
    if (context === null) return staleClick();
    const { actor, gantry } = call;
    const words = wordsOf(call, vocabularyOf(gantry.config));
    if ("next" in words) return refusedWith(words);
    // A modal does not know the channel it was opened in; the form carries it.
    const origin = { ...call.origin, channel: context.channel ?? call.origin.channel };
    return opened(gantry, await gantry.deploy({ ...words, allowBad: context.allowBad, wait: context.wait, actor, origin }));
  },
};

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
