/** From a normalised line to tokens, one at a time: whoever asks for free text gets the rest of the line unscanned. */
import { type ReasonCode, type Refusal, refuse } from "./reasons.ts";

export type Fault = {
  readonly ok: false;
  readonly refusal: Refusal /** Character of the line, from 1. */;
  readonly at: number | null;
};

export type Token = {
  readonly kind: "word" | "quoted" | "mention" | "flag" | "end";
  readonly text: string;
  /** Where it begins and ends, from 0. For a flag with `=`, `end` is where its value begins. */
  readonly at: number;
  readonly end: number;
  /** A flag that was written with `=`. */
  readonly hasValue: boolean;
};

export function fault(reason: ReasonCode, text: string, at: number | null, next?: string): Fault {
  return { ok: false, refusal: refuse(reason, text, next), at: at === null ? null : at + 1 };
}

export function isFault(result: object): result is Fault {
  return "ok" in result && result.ok === false;
}

/** A person's word, safe to show inside a sentence: short, on one line, marked as code. */
export function shown(word: string): string {
  const plain = [...word.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, "").replaceAll("`", "'")];
  return `\`${plain.length > 40 ? `${plain.slice(0, 40).join("")}…` : plain.join("")}\``;
}

/** Tab, newline and carriage return are dealt with where they stand; everything else of this kind was not typed by a person. */
const control = /(?![\t\n\r])\p{Cc}/u;

export function controlFault(line: string): Fault | null {
  const at = line.search(control);
  return at < 0 ? null : fault("bad_word", `There is an unreadable control character at character ${at + 1}.`, at);
}

const dashes = "-\u2010\u2011\u2012\u2013\u2014\u2015\u2212";

export function startsLikeFlag(text: string): boolean {
  return text !== "" && dashes.includes(text.charAt(0));
}

export function nextToken(line: string, from: number): Token | Fault {
  const at = skipSpaces(line, from);
  const first = line.charAt(at);
  if (first === "") return { kind: "end", text: "", at, end: at, hasValue: false };
  if (first === "\n" || first === "\r") {
    return fault("bad_word", `A command is one line, and there is a second one at character ${at + 1}.`, at);
  }
  if (first === '"' || first === "'") return quoted(line, at);
  if (/^<[@#!]/.test(line.slice(at, at + 2))) return mentioned(line, at);
  if (startsLikeFlag(first)) return flag(line, at);
  const end = wordEnd(line, at);
  return { kind: "word", text: cleanWord(line.slice(at, end)), at, end, hasValue: false };
}

/**
 * Free text: what stands between double quotes, else the rest of the line as it is. With `whole`, quotes count only when
 * they hold all of it: `"api" is wrong` is three words of a sentence.
 */
export function restOfLine(
  line: string,
  from: number,
  facts: { readonly whole: boolean },
): { text: string; end: number } | Fault {
  const at = skipSpaces(line, from);
  const rest = line.slice(at);
  if (!rest.startsWith('"')) return { text: rest, end: line.length };
  const closes = rest.indexOf('"', 1) > 0;
  const piece = quoted(line, at);
  if (facts.whole && closes && (isFault(piece) || line.slice(piece.end).trim() !== "")) return { text: rest, end: line.length };
  return isFault(piece) ? piece : { text: piece.text, end: piece.end };
}

function skipSpaces(line: string, from: number): number {
  let at = from;
  while (line.charAt(at) === " " || line.charAt(at) === "\t") at++;
  return at;
}

function wordEnd(line: string, from: number): number {
  let at = from;
  while (at < line.length && !/\s/.test(line.charAt(at))) at++;
  return at;
}

/** Without the backticks around it and the full stop or exclamation mark after it; neither means anything here. */
export function cleanWord(word: string): string {
  return word.replace(/^`+/, "").replace(/[`.,;:!?\u2026]+$/, "") || word;
}

function quoted(line: string, at: number): Token | Fault {
  const mark = line.charAt(at);
  let text = "";
  for (let i = at + 1; i < line.length; i++) {
    const c = line.charAt(i);
    if (c === mark) {
      const after = line.charAt(i + 1);
      if (after !== "" && !/\s/.test(after))
        return fault("bad_word", `A space is missing after the quote at character ${i + 1}.`, i);
      return { kind: "quoted", text, at, end: i + 1, hasValue: false };
    }
    const escaped = c === "\\" && (line.charAt(i + 1) === mark || line.charAt(i + 1) === "\\");
    if (escaped) i++;
    text += line.charAt(i);
  }
  return fault("bad_word", `The quote at character ${at + 1} is never closed.`, at, "Close the quote, or leave it out.");
}

function mentioned(line: string, at: number): Token {
  const close = line.indexOf(">", at);
  const end = close < 0 ? wordEnd(line, at) : close + 1;
  return { kind: "mention", text: line.slice(at, end), at, end, hasValue: false };
}

/** Any run of dashes: keyboards turn `--` into one long dash. A single hyphen stays visible, for the error to name. */
function flag(line: string, at: number): Token {
  const stop = wordEnd(line, at);
  const written = line.slice(at, stop);
  const equals = written.indexOf("=");
  const end = equals < 0 ? stop : at + equals + 1;
  const raw = equals < 0 ? cleanWord(written) : written.slice(0, equals);
  const bare = raw.replace(/^[-\u2010-\u2015\u2212]+/, "");
  const single = raw.length - bare.length === 1 && raw.startsWith("-");
  return { kind: "flag", text: `${single ? "-" : "--"}${bare}`, at, end, hasValue: equals >= 0 };
}
