/** The kinds of words a command can have: what each accepts, and what is said when it does not. */
import { closest } from "./closest.ts";
import { mostLogLines } from "./logs.ts";
import type { ReasonCode } from "./reasons.ts";
import { type Fault, fault, shown } from "./scan.ts";

/** The closed sets. Names are lower case. */
export type Vocabulary = {
  readonly services: readonly { readonly name: string; readonly environments: readonly string[] }[];
};

export type WordKind =
  | "service"
  | "environment"
  | "ref"
  | "release"
  | "rollout"
  | "number"
  | "verb"
  | "host"
  /** A rollout by its number, or by the place where it is under way: `142`, `api prod`. */
  | "target"
  /** Anything that can be asked about: a target, or a host. */
  | "about"
  | "text";

export type Named = { readonly service: string; readonly environment: string };
export type Target = number | Named;
export type About = Target | { readonly host: string };

export type WordContext = {
  readonly vocabulary: Vocabulary;
  readonly verbs: readonly string[];
  /** The service that stands before it in the command, if any. */
  readonly service: string | null;
};

type Read = { readonly value: string | number | About } | Fault;

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
    case "host":
      return host(text, at);
    case "target":
      return target(text, context, at);
    case "about":
      return about(text, context, at);
  }
}

/** What a target or a subject looks like when it is one word: a rollout's number. */
export function looksLikeRollout(text: string): boolean {
  return /^#?[0-9]+$/.test(text);
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

/** As the agents name themselves; which of them exist is not the grammar's to say. */
function host(text: string, at: number | null): Read {
  if (/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/.test(text)) return { value: text };
  return fault("bad_word", `${shown(text)} is not the name of a host.`, at);
}

/** A place comes as two words with a blank between. */
function target(text: string, context: WordContext, at: number | null): Read {
  const [first = "", second] = text.split(" ");
  if (second !== undefined) return place(first, second, { context, at });
  if (looksLikeRollout(first) || !serviceNames(context.vocabulary).includes(first.toLowerCase())) return rollout(first, at);
  return fault("missing_word", `Which environment of ${first.toLowerCase()}?`, at);
}

function about(text: string, context: WordContext, at: number | null): Read {
  const [first = "", second] = text.split(" ");
  if (second !== undefined) return place(first, second, { context, at });
  if (looksLikeRollout(first)) return rollout(first, at);
  const named = host(first, at);
  return "value" in named ? { value: { host: String(named.value) } } : named;
}

function place(
  first: string,
  second: string,
  { context, at }: { readonly context: WordContext; readonly at: number | null },
): Read {
  const service = readWord("service", first, context, at);
  if (!("value" in service)) return service;
  const named = String(service.value);
  const wanted = readWord("environment", second, { ...context, service: named }, at);
  return "value" in wanted ? { value: { service: named, environment: String(wanted.value) } } : wanted;
}

const unitMs = { s: 1000, m: 60_000, min: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const longestMs = 30 * unitMs.d;

/** `90m`, `2h`, `1d12h`: from a minute to 30 days. */
export function readDuration(text: string, at: number | null): { readonly value: number } | Fault {
  const whole = text.toLowerCase();
  const parts = [...whole.matchAll(/([0-9]{1,6})(min|[smhd])/g)];
  const read = parts.map(([all]) => all).join("") === whole;
  const ms = parts.reduce((sum, [, digits, unit]) => sum + Number(digits) * unitMs[unit as keyof typeof unitMs], 0);
  if (read && ms >= unitMs.m && ms <= longestMs) return { value: ms };
  const what = read && ms > longestMs ? "is too long" : read && ms > 0 ? "is too short" : "is not a time";
  return fault("bad_word", `${shown(text)} ${what}: write \`90m\`, \`2h\` or \`1d\`, up to 30 days.`, at);
}

/** How many lines: from 1 to as many as are shown. */
export function readCount(text: string, at: number | null): { readonly value: number } | Fault {
  if (/^[1-9][0-9]{0,3}$/.test(text) && Number(text) <= mostLogLines) return { value: Number(text) };
  return fault("bad_word", `${shown(text)} is not a number from 1 to ${mostLogLines}.`, at);
}

/** A container as the service file names it. */
export function readName(text: string, at: number | null): { readonly value: string } | Fault {
  if (/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/.test(text)) return { value: text };
  return fault("bad_word", `${shown(text)} is not the name of a container.`, at);
}

/** The shortest text that reads as this time. */
export function durationText(ms: number): string {
  let left = Math.round(ms / 1000) * 1000;
  let text = "";
  for (const unit of ["d", "h", "m", "s"] as const) {
    const n = Math.floor(left / unitMs[unit]);
    left -= n * unitMs[unit];
    if (n > 0) text += `${n}${unit}`;
  }
  return text || "0s";
}

function number(text: string, at: number | null): Read {
  if (/^(?:[1-9][0-9]?|100)$/.test(text)) return { value: Number(text) };
  return fault("bad_word", `${shown(text)} is not a number from 1 to 100.`, at);
}
