/** Reads the words and flags after a verb: tokens first, then each word to its place. */
import { closest } from "./closest.ts";
import type { Grammar, Word } from "./grammar.ts";
import { freeText } from "./normalise.ts";
import { flagText, usageNext } from "./render.ts";
import { type Fault, fault, isFault, nextToken, restOfLine, shown, type Token } from "./scan.ts";
import {
  type About,
  looksLikeRollout,
  readCount,
  readDuration,
  readName,
  readWord,
  serviceNames,
  type Vocabulary,
} from "./words.ts";

export type Values = Record<string, string | number | boolean | About | null>;

export type Reading = {
  readonly name: string;
  readonly grammar: Grammar;
  readonly line: string;
  readonly from: number;
  readonly vocabulary: Vocabulary;
  readonly verbs: readonly string[];
};

/** A word with the little word before it. */
type Piece = { readonly token: Token; readonly lead: string | null };

/** The values of a command's words and flags, those that are not there included, or the first thing that is wrong. */
export function readValues(reading: Reading): { readonly ok: true; readonly values: Values } | Fault {
  const taken = takeTokens(reading);
  if (isFault(taken)) return taken;
  const pieces = withPlaces(withLeads(taken.words, reading), reading);
  const values: Values = { ...noValues(reading.grammar), ...taken.values };
  return assign(pieces, values, reading) ?? missing(values, reading) ?? { ok: true, values };
}

function noValues(grammar: Grammar): Values {
  const words = grammar.words.map((w) => [w.name, null] as const);
  const flags = grammar.flags.map((f) => [f.name, f.kind === "switch" ? false : null] as const);
  return Object.fromEntries([...words, ...flags]);
}

/** All tokens of the line: words for later, flags and free text at once. */
function takeTokens(reading: Reading): { words: readonly Token[]; values: Values } | Fault {
  const { line, grammar } = reading;
  const textWord = grammar.words.findIndex((w) => w.kind === "text");
  const words: Token[] = [];
  const values: Values = {};
  let at = reading.from;
  for (;;) {
    const text = textWord >= 0 && isComplete(words, reading, textWord) ? grammar.words[textWord] : undefined;
    if (text !== undefined) return withText(at, { words, word: text, values }, reading);
    const token = nextToken(line, at);
    if (isFault(token)) return token;
    if (token.kind === "end") return { words, values };
    at = token.end;
    if (token.kind !== "flag") {
      words.push(token);
      continue;
    }
    const flag = takeFlag(token, values, reading);
    if (isFault(flag)) return flag;
    at = flag.end;
  }
}

/** All words before the text are there: the text begins. A place takes two words. */
function isComplete(words: readonly Token[], reading: Reading, textWord: number): boolean {
  const last = words.at(-1);
  if (last !== undefined && last.kind === "word" && leadsOf(reading.grammar).has(last.text.toLowerCase())) return false;
  return withPlaces(withLeads(words, reading), reading, "when whole").length === textWord;
}

type Taken = { readonly words: readonly Token[]; readonly word: Word; readonly values: Values };

/** The free text, and the flags around it. */
function withText(
  from: number,
  { words, word, values }: Taken,
  reading: Reading,
): { words: readonly Token[]; values: Values } | Fault {
  const { line } = reading;
  let at = from;
  for (;;) {
    const next = nextToken(line, at);
    if (isFault(next) || next.kind !== "flag") break;
    if (next.text === `--${word.flag}`) {
      at = next.end;
      break;
    }
    if (!reading.grammar.flags.some((f) => flagText(f) === next.text)) break;
    const flag = takeFlag(next, values, reading);
    if (isFault(flag)) return flag;
    at = flag.end;
  }
  const end = takeLastFlags(at, values, reading);
  if (isFault(end)) return end;
  const text = restOfLine(line.slice(0, end.at), at, { whole: true });
  if (isFault(text)) return text;
  return { words, values: { ...values, [word.name]: freeText(text.text) || null } };
}

/** Takes the flags that stand at the end of the line, after the text. `at`: where the text ends. */
function takeLastFlags(from: number, values: Values, reading: Reading): { at: number } | Fault {
  const { line, grammar } = reading;
  for (const flag of grammar.flags) {
    const quoted = afterQuotes(line, from);
    const name = flagText(flag).slice(2);
    const found = new RegExp(`(?:^|\\s)(?:--|[\u2010-\u2015\u2212])${name}(?=[\\s=]|$)`, "i").exec(line.slice(quoted ?? from));
    if (found === null) continue;
    const start = (quoted ?? from) + found.index;
    const token = nextToken(line, start);
    if (isFault(token) || token.kind !== "flag") continue;
    const taken = takeFlag(token, values, reading);
    if (isFault(taken)) return taken;
    if (line.slice(taken.end).trim() === "") return { at: start };
    return fault(
      "bad_word",
      `${shown(token.text)} stands in the middle of the text.`,
      token.at,
      "Put it at the end, or quote the text.",
    );
  }
  return { at: line.length };
}

/** Where a text that is quoted as a whole ends; null when it is not quoted, or goes on after the quote. */
function afterQuotes(line: string, from: number): number | null {
  const first = nextToken(line, from);
  if (isFault(first) || first.kind !== "quoted" || line.charAt(first.at) !== '"') return null;
  const next = nextToken(line, first.end);
  return !isFault(next) && (next.kind === "end" || next.kind === "flag") ? first.end : null;
}

function takeFlag(token: Token, values: Values, reading: Reading): { end: number } | Fault {
  const { grammar, line } = reading;
  const flag = grammar.flags.find((f) => flagText(f) === token.text);
  if (flag === undefined) {
    const near = closest(token.text, grammar.flags.map(flagText));
    const guess = near === null ? "" : ` Did you mean \`${near}\`?`;
    return fault("unknown_flag", `\`${reading.name}\` has no option ${shown(token.text)}.${guess}`, token.at, usageNext(reading));
  }
  if (flag.name in values) return fault("bad_word", `${shown(token.text)} stands there twice.`, token.at);
  if (flag.kind === "switch") {
    if (token.hasValue) return fault("bad_word", `${shown(token.text)} takes no value: it is there or it is not.`, token.at);
    values[flag.name] = true;
    return { end: token.end };
  }
  if (flag.kind !== "text") return takeWord(token, { name: flag.name, kind: flag.kind }, { values, reading });
  const text = restOfLine(line, token.end, { whole: false });
  if (isFault(text)) return text;
  const value = freeText(text.text);
  if (value === "") return fault("missing_word", `The text after ${shown(token.text)} is missing.`, token.at, usageNext(reading));
  values[flag.name] = value;
  return { end: text.end };
}

const flagWords = { duration: "time", number: "number", name: "name" } as const;

function takeWord(
  token: Token,
  flag: { readonly name: string; readonly kind: keyof typeof flagWords },
  { values, reading }: { readonly values: Values; readonly reading: Reading },
): { end: number } | Fault {
  const { name, kind } = flag;
  const next = nextToken(reading.line, token.end);
  if (isFault(next)) return next;
  if (next.kind !== "word") {
    const text = `The ${flagWords[kind]} after ${shown(token.text)} is missing.`;
    return fault("missing_word", text, token.at, usageNext(reading));
  }
  const read = readFlagWord(kind, next);
  if (isFault(read)) return read;
  values[name] = read.value;
  return { end: next.end };
}

function readFlagWord(kind: keyof typeof flagWords, { text, at }: Token): { readonly value: string | number } | Fault {
  switch (kind) {
    case "duration":
      return readDuration(text, at);
    case "number":
      return readCount(text, at);
    case "name":
      return readName(text, at);
  }
}

function leadsOf(grammar: Grammar): ReadonlySet<string> {
  return new Set(grammar.words.flatMap((w) => w.after ?? []));
}

/**
 * Joins the two words of a place into one piece where a word of the grammar may be a place. With `when whole` the first word
 * of a place counts for nothing until the second is there.
 */
function withPlaces(pieces: readonly Piece[], reading: Reading, mode?: "when whole"): readonly Piece[] {
  const at = reading.grammar.words.findIndex((w) => w.kind === "target" || w.kind === "about");
  const [first, second] = [pieces[at], pieces[at + 1]];
  if (at < 0 || first === undefined || !mayBePlace(first, reading.grammar.words[at] as Word, reading)) return pieces;
  if (second === undefined) return mode === "when whole" ? pieces.slice(0, at) : pieces;
  if (first.token.kind === "mention" || second.token.kind === "mention") return pieces;
  const token = { ...first.token, text: `${first.token.text} ${second.token.text}`, end: second.token.end };
  return [...pieces.slice(0, at), { token, lead: second.lead ?? first.lead }, ...pieces.slice(at + 2)];
}

/** A number is a rollout by itself; a word that may also be a host is a place when it is a service. */
function mayBePlace({ token }: Piece, word: Word, reading: Reading): boolean {
  if (looksLikeRollout(token.text)) return false;
  return word.kind === "target" || serviceNames(reading.vocabulary).includes(token.text.toLowerCase());
}

/** Joins little words to the word they stand before. A quoted one, or the last one of the line, is a word itself. */
function withLeads(words: readonly Token[], reading: Reading): readonly Piece[] {
  const leads = leadsOf(reading.grammar);
  const pieces: Piece[] = [];
  for (let i = 0; i < words.length; i++) {
    const token = words[i] as Token;
    const next = words[i + 1];
    const text = token.text.toLowerCase();
    if (token.kind === "word" && next !== undefined && leads.has(text)) {
      pieces.push({ token: next, lead: text });
      i++;
    } else pieces.push({ token, lead: null });
  }
  return pieces;
}

/** Gives every piece to a word, in order. Optional words are skipped when the piece is not theirs but a later word's. */
function assign(pieces: readonly Piece[], values: Values, reading: Reading): Fault | null {
  const words = reading.grammar.words.filter((w) => w.kind !== "text");
  let next = 0;
  for (let i = 0; i < pieces.length; i++) {
    const piece = pieces[i] as Piece;
    if (piece.token.kind === "mention") return mentionFault(piece.token);
    while (values[words[next]?.name ?? ""] != null) next++;
    next = skipOptional({ words, next, piece, left: pieces.length - i }, values, reading);
    const word = words[next];
    if (word === undefined) {
      const text = `${shown(piece.token.text)} is one word too many.`;
      return fault("too_many_words", text, piece.token.at, usageNext(reading));
    }
    const wrong = take(word, piece, values, reading);
    if (wrong !== null) return wrong;
    next++;
  }
  return null;
}

function skipOptional(
  facts: { readonly words: readonly Word[]; readonly next: number; readonly piece: Piece; readonly left: number },
  values: Values,
  reading: Reading,
): number {
  const { words, piece, left } = facts;
  let { next } = facts;
  for (; words[next]?.need === "optional"; next++) {
    const later = words.slice(next + 1);
    const needed = later.filter((w) => w.need === "always").length;
    if (left <= needed) continue;
    const fitsLater = later.some((w) => fits(w, piece, values, reading));
    if (fits(words[next] as Word, piece, values, reading) || !fitsLater) return next;
  }
  return next;
}

function fits(word: Word, piece: Piece, values: Values, reading: Reading): boolean {
  if (word.kind === "text" || (piece.lead !== null && !word.after?.includes(piece.lead))) return false;
  return !isFault(readWord(word.kind, piece.token.text, contextOf(values, reading), 0));
}

function take(word: Word, piece: Piece, values: Values, reading: Reading): Fault | null {
  const { token, lead } = piece;
  if (word.kind === "text") return null;
  if (lead !== null && !word.after?.includes(lead)) {
    return fault("bad_word", `${shown(lead)} does not belong before the ${word.name}.`, token.at, usageNext(reading));
  }
  const joined = word.joins === undefined ? null : /^([^@:]*)[@:](.*)$/.exec(token.text);
  const value = readWord(word.kind, joined?.[1] ?? token.text, contextOf(values, reading), token.at);
  if (isFault(value)) return value;
  values[word.name] = value.value;
  if (joined === null || word.joins === undefined) return null;
  const ref = readWord("ref", joined[2] ?? "", contextOf(values, reading), token.at);
  if (isFault(ref)) return ref;
  values[word.joins] = ref.value;
  return null;
}

function contextOf(values: Values, reading: Reading) {
  const service = typeof values["service"] === "string" ? values["service"] : null;
  return { vocabulary: reading.vocabulary, verbs: reading.verbs, service };
}

function mentionFault(token: Token): Fault {
  const what = token.text.startsWith("<#") ? "a channel" : "a person or a group";
  return fault("bad_word", `${shown(freeText(token.text))} is ${what}; a plain word is needed there.`, token.at);
}

function missing(values: Values, reading: Reading): Fault | null {
  const word = reading.grammar.words.find((w) => w.need === "always" && values[w.name] === null);
  if (word === undefined) return null;
  return fault("missing_word", `A word is missing: ${word.summary}.`, null, usageNext(reading));
}
