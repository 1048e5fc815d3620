/**
 * What must be known of a text before the yaml package may see it: deep nesting can abort the process (no exception to
 * catch), and some kinds of rubbish cost it seconds. The counts err on the side of refusing; no file that anyone writes comes near.
 */
import type { Complaint } from "./raw.ts";

export const maxDepth = 20;
const maxLines = 3000;
/** All of `[ ] { }`. Bounds the real nesting even where quotes lead the count of levels astray. */
const maxBrackets = 2000;
/** `- - - -` nests without brackets, and so do tags and anchors in a row. */
const maxIndicatorsPerLine = 20;

export type Trouble = Complaint & { readonly at: number };

export const tooDeep: Complaint = {
  what: `nested deeper than ${maxDepth} levels`,
  fix: "write it flat: no Gantry file needs more than 10 levels",
};

/** The first thing because of which the text may not be parsed, or null. */
export function troubleIn(text: string): Trouble | null {
  return forbiddenCharacter(text) ?? bracketTrouble(text) ?? lineTrouble(text);
}

function forbiddenCharacter(text: string): Trouble | null {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
  const at = text.search(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/);
  if (at < 0) return null;
  const code = text.charCodeAt(at).toString(16).padStart(4, "0");
  return { at, what: `a control character (U+${code.toUpperCase()})`, fix: "save the file as plain UTF-8 text" };
}

function bracketTrouble(text: string): Trouble | null {
  let depth = 0;
  let count = 0;
  for (let at = 0; at < text.length; at++) {
    const char = text.charAt(at);
    if (!"[]{}".includes(char)) continue;
    depth = char === "[" || char === "{" ? depth + 1 : Math.max(0, depth - 1);
    if (depth > maxDepth) return { at, ...tooDeep };
    if (++count > maxBrackets)
      return { at, what: `more than ${maxBrackets} brackets`, fix: "write lists and maps over several lines" };
  }
  return null;
}

function lineTrouble(text: string): Trouble | null {
  let at = 0;
  for (const [index, line] of text.split("\n").entries()) {
    if (index === maxLines) return { at, what: `more than ${maxLines} lines`, fix: "split it: one file per service" };
    const nesting = /^\s*[-?:&![{]/.test(line) ? (line.match(/(?<=^|[\s[{,])(?:[-?:](?=\s|$)|[&!](?=\w))/g) ?? []) : [];
    if (nesting.length > maxIndicatorsPerLine) return { at, ...tooDeep };
    at += line.length + 1;
  }
  return null;
}
