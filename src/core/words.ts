/** The kinds of words a command can have: what each accepts, and what is said when it does not. */
import { closest } from "./closest.ts";
import type { ReasonCode } from "./reasons.ts";
import { type Fault, fault, shown } from "./scan.ts";

/** The closed sets. Names are lower case. */
export type Vocabulary = {
  readonly services: readonly { readonly name: string; readonly environments: readonly string[] }[];
};

export type WordKind = "service" | "environment" | "ref" | "release" | "rollout" | "number" | "verb" | "text";

export type WordContext = {
  readonly vocabulary: Vocabulary;
  readonly verbs: readonly string[];
  /** The service that stands before it in the command, if any. */
  readonly service: string | null;
};

type Read = { readonly value: string | number } | Fault;

/** Reads one word. `at` is its place in the line, for the error; null when it came from a form. */
export function readWord(kind: Exclude<WordKind, "text">, text: string, context: WordContext, at: number | null): Read {
  switch (kind) {
    case "service":
      return ofSet(text, serviceNames(context.vocabulary), at, { reason: "unknown_service", noun: "service", where: "" });
    case "environment":
      return environment(text, context, at);
    case "verb":
      return ofSet(text, context.verbs, at, { reason: "unknown_verb", noun: "command", where: "" });
    case "ref":
      return ref(text, at);
    case "release":
      return release(text, at);
    case "rollout":
      return rollout(text, at);
    case "number":
      return number(text, at);
  }
}

export function serviceNames(vocabulary: Vocabulary): readonly string[] {
  return vocabulary.services.map((s) => s.name);
}

/** Those of one service, or of all when `service` is null. */
function environmentNames(vocabulary: Vocabulary, service: string | null): readonly string[] {
  const chosen = vocabulary.services.filter((s) => service === null || s.name === service);
  return [...new Set(chosen.flatMap((s) => s.environments))];
}

function environment(text: string, context: WordContext, at: number | null): Read {
  const known = environmentNames(context.vocabulary, context.service);
  const where = context.service === null ? "" : ` of ${context.service}`;
  return ofSet(text, known, at, { reason: "unknown_environment", noun: "environment", where });
}

function ofSet(
  text: string,
  known: readonly string[],
  at: number | null,
  set: { readonly reason: ReasonCode; readonly noun: string; readonly where: string },
): Read {
  const wanted = text.toLowerCase();
  if (known.includes(wanted)) return { value: wanted };
  const near = closest(text, known);
  const what = `There is no ${set.noun} ${shown(text)}${set.where}.`;
  if (near !== null) return fault(set.reason, `${what} Did you mean \`${near}\`?`, at);
  return fault(set.reason, `${what} ${listed(set.noun, known)}`, at);
}

function listed(noun: string, known: readonly string[]): string {
  if (known.length === 0) return `There is no ${noun} at all yet.`;
  const first = known.slice(0, 12).map((name) => `\`${name}\``);
  const more = known.length > first.length ? ` and ${known.length - first.length} more` : "";
  return `There ${known.length === 1 ? "is" : "are"} ${first.join(", ")}${more}.`;
}

/** A commit, tag or branch. Narrower than Git allows, so that it is safe in a URL, a path and a sentence. */
function ref(text: string, at: number | null): Read {
  if (text.startsWith("sha256:")) {
    return fault("bad_word", `${shown(text)} is a digest. Name the commit it was built from.`, at);
  }
  if (text.length > 100)
    return fault("bad_word", `${shown(text)} is too long for a commit, tag or branch: 100 characters at most.`, at);
  const ok = /^[A-Za-z0-9._/-]+$/.test(text) && !text.startsWith("-") && !text.includes("..");
  if (ok) return { value: text };
  return fault(
    "bad_word",
    `${shown(text)} is not a commit, tag or branch: letters, digits, \`.\`, \`_\`, \`/\` and \`-\` only.`,
    at,
  );
}

function release(text: string, at: number | null): Read {
  const digits = /^r([1-9][0-9]{0,8})$/i.exec(text)?.[1];
  if (digits !== undefined) return { value: Number(digits) };
  return fault("bad_word", `${shown(text)} is not a release: those look like \`r41\`.`, at);
}

function rollout(text: string, at: number | null): Read {
  const digits = /^#?([1-9][0-9]{0,8})$/.exec(text)?.[1];
  if (digits !== undefined) return { value: Number(digits) };
  return fault("bad_word", `${shown(text)} is not a rollout: those look like \`142\`.`, at);
}

function number(text: string, at: number | null): Read {
  if (/^(?:[1-9][0-9]?|100)$/.test(text)) return { value: Number(text) };
  return fault("bad_word", `${shown(text)} is not a number from 1 to 100.`, at);
}
