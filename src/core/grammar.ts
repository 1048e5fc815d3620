/**
 * The grammar of Gantry's commands. A command declares its words and flags; from that one declaration come the parser,
 * the usage line, the help and the canonical text. Words are positional and most of them come from closed sets, so that
 * a mistyped word is an error with a suggestion and never a guess. Nothing in here throws for what a person typed.
 *
 * Free text (a reason) is the last word, or the value of a flag: it is quoted, or it is the rest of the line. It is never
 * looked into for flags, so no sentence can turn into an order.
 */
import { closest } from "./closest.ts";
import { normalise } from "./normalise.ts";
import { readValues } from "./read-values.ts";
import { controlFault, type Fault, fault, isFault, nextToken, shown, type Token } from "./scan.ts";
import { type About, serviceNames, type Target, type Vocabulary, type WordKind } from "./words.ts";

export type Word = {
  readonly kind: WordKind;
  /** The key of its value. */
  readonly name: string;
  readonly summary: string;
  /** `always`; `form`: the command asks for it with a form when it is missing; `optional`: it may be left out, and skipped. */
  readonly need: "always" | "form" | "optional";
  /** Little words that may stand in front of it: "to", "on". */
  readonly after?: readonly string[];
  /** A service that may carry this other word with it: `api@abc123` or `api:abc123`. */
  readonly joins?: string;
  /** A text that may also be given as a flag of this name. */
  readonly flag?: string;
};

export type Flag = {
  /** The key of its value; `allowBad` is typed `--allow-bad`. */
  readonly name: string;
  /** `number`: up to the most lines that are shown; `name`: of a container, in the service file. */
  readonly kind: "switch" | "text" | "duration" | "number" | "name";
  readonly summary: string;
};

/**
 * A grammar with a text word has no flags but durations: the text would swallow them. A duration is read where nobody can
 * mean anything else by it: before the text, after a quoted one, or as the last two words of the line. Anywhere else it is refused.
 */
export type Grammar = { readonly words: readonly Word[]; readonly flags: readonly Flag[] };

type ValueOf<K extends WordKind> = K extends "release" | "rollout" | "number"
  ? number
  : K extends "target"
    ? Target
    : K extends "about"
      ? About
      : string;
type FlagValueOf<K extends Flag["kind"]> = K extends "switch"
  ? boolean
  : K extends "duration" | "number"
    ? number | null
    : string | null;

/** The values of a grammar's words and flags. A word that may be missing is null then. */
export type Parsed<G extends Grammar> = {
  readonly [W in G["words"][number] as W["name"]]: W["need"] extends "always" ? ValueOf<W["kind"]> : ValueOf<W["kind"]> | null;
} & { readonly [F in G["flags"][number] as F["name"]]: FlagValueOf<F["kind"]> };

/** A verb, as far as the grammar is concerned. */
export type Declared = { readonly name: string; readonly grammar: Grammar };

export type Understood<G extends Grammar> = { readonly ok: true; readonly args: Parsed<G> };

const longestCommand = 1000;

/** Reads the words after a verb. */
export function parse<G extends Grammar>(facts: {
  readonly name: string;
  readonly grammar: G;
  readonly text: string;
  readonly vocabulary: Vocabulary;
  readonly verbs?: readonly string[];
}): Understood<G> | Fault {
  const line = lineOf(facts.text);
  if (typeof line !== "string") return line;
  const values = readValues({ ...facts, line, from: 0, verbs: facts.verbs ?? [] });
  return values.ok ? { ok: true, args: values.values as Parsed<G> } : values;
}

/**
 * Picks the verb and reads the words after it. The first word must be a verb: anything else is an error, never a deploy.
 * `deploy status …` (typed as `/deploy status …`) is `status …`; `promote help` is `help promote`; nothing at all is `help`.
 */
export function parseCommand<C extends Declared>(facts: {
  readonly text: string;
  readonly commands: readonly C[];
  readonly vocabulary: Vocabulary;
}): { readonly ok: true; readonly command: C; readonly args: Parsed<Grammar> } | (Fault & { readonly command: C | null }) {
  const line = lineOf(facts.text);
  if (typeof line !== "string") return { ...line, command: null };
  const verbs = facts.commands.map((c) => c.name);
  const picked = pickVerb(line, facts);
  if (isFault(picked)) return { ...picked, command: null };
  const { command } = picked;
  const { vocabulary } = facts;
  const { name, grammar } = command;
  const result = readValues({ name, grammar, line: picked.line, from: picked.from, vocabulary, verbs });
  return result.ok ? { ok: true, command, args: result.values as Parsed<Grammar> } : { ...result, command };
}

function lineOf(text: string): string | Fault {
  if (text.length > longestCommand) return fault("too_long", `The command has ${text.length} characters.`, null);
  const line = normalise(text);
  return controlFault(line) ?? line;
}

function pickVerb<C extends Declared>(
  line: string,
  { commands, vocabulary }: { readonly commands: readonly C[]; readonly vocabulary: Vocabulary },
): { command: C; line: string; from: number } | Fault {
  const named = (name: string) => commands.find((c) => c.name === name);
  const help = named("help");
  const first = firstToken(line);
  if (isFault(first)) return first;
  if (first.kind === "end" && help !== undefined) return { command: help, line, from: first.end };
  const verb = first.text.toLowerCase().replace(/^\//, "");
  const command = first.kind === "word" ? named(verb) : undefined;
  if (command === undefined) return unknownVerb(first, commands, vocabulary);
  const second = nextToken(line, first.end);
  if (isFault(second) || second.kind !== "word") return { command, line, from: first.end };
  const word = second.text.toLowerCase();
  if (word === "help" && help !== undefined && command !== help && isLast(line, second)) {
    return { command: help, line: `help ${command.name}`, from: 4 };
  }
  const inner = verb === "deploy" ? named(word) : undefined;
  return inner === undefined ? { command, line, from: first.end } : { command: inner, line, from: second.end };
}

/** A command in a thread begins by calling the bot: `@gantry status`. */
function firstToken(line: string): Token | Fault {
  const first = nextToken(line, 0);
  return !isFault(first) && first.kind === "mention" && first.text.startsWith("<@") ? nextToken(line, first.end) : first;
}

function isLast(line: string, token: Token): boolean {
  return line.slice(token.end).trim() === "";
}

function unknownVerb(token: Token, commands: readonly Declared[], vocabulary: Vocabulary): Fault {
  const word = token.text.toLowerCase();
  if (serviceNames(vocabulary).includes(word)) {
    const what = `${shown(word)} is a service. Say what to do with it: \`deploy ${word} …\`, \`status ${word}\` …`;
    return fault("unknown_verb", what, token.at);
  }
  const verbs = commands.map((c) => c.name);
  const near = closest(word.replace(/^\//, ""), verbs);
  const guess = near === null ? "" : ` Did you mean \`${near}\`?`;
  return fault("unknown_verb", `${shown(token.text)} is not a command.${guess}`, token.at);
}
