/** Splits a command line into words as Compose does (POSIX quoting; nothing is expanded). */
import type { Complaint } from "./raw.ts";

/** The words, or what is wrong. There is no shell: an operator outside quotes is an error, where Compose cuts the line off in silence. */
export function shellWords(line: string): { readonly value: readonly string[] } | Complaint {
  const words: string[] = [];
  let word: string | null = null;
  for (let at = 0; at < line.length; at++) {
    const char = line[at] as string;
    if (/\s/.test(char)) {
      if (word !== null) words.push(word);
      word = null;
    } else if (char === "'" || char === '"') {
      const quoted = quotedPart(line, at);
      if (quoted === null)
        return { what: `the quote (${char}) at character ${at + 1} is never closed`, fix: "close it, or write a list of words" };
      word = (word ?? "") + quoted.text;
      at = quoted.end;
    } else if (char === "\\") {
      at++;
      if (at === line.length) return { what: "a backslash with nothing after it", fix: "remove it" };
      word = (word ?? "") + line[at];
    } else if ("|&;<>`()".includes(char)) {
      return {
        what: `${char} means something only to a shell, and there is none`,
        fix: 'write ["sh", "-c", "…"], or put it between quotes',
      };
    } else word = (word ?? "") + char;
  }
  if (word !== null) words.push(word);
  return { value: words };
}

/** What stands between the quote at `start` and its partner at `end`. */
function quotedPart(line: string, start: number): { text: string; end: number } | null {
  const mark = line[start];
  let text = "";
  for (let at = start + 1; at < line.length; at++) {
    const char = line[at] as string;
    if (char === mark) return { text, end: at };
    const escapes = mark === '"' && char === "\\" && '"\\$`'.includes(line[at + 1] ?? " ");
    if (escapes) at++;
    text += line[at];
  }
  return null;
}
