/** From a declaration and its values back to text: the usage line and the canonical command. */
import type { Declared, Flag, Grammar, Parsed, Word } from "./grammar.ts";
import type { Values } from "./read-values.ts";
import { startsLikeFlag } from "./scan.ts";
import { durationText } from "./words.ts";

/** `deploy SERVICE ENVIRONMENT REF [--reason TEXT]` */
export function usage(command: Declared): string {
  const words = command.grammar.words.map((w) => {
    const upper = w.name.toUpperCase();
    return w.need === "optional" ? `[${upper}]` : upper;
  });
  const flags = command.grammar.flags.map((f) => `[${flagUsage(f)}]`);
  return [command.name, ...words, ...flags].join(" ");
}

export function usageNext(command: Declared): string {
  return `Usage: \`${usage(command)}\``;
}

/** `allowBad` is typed `--allow-bad`. */
export function flagText(flag: Flag): string {
  return `--${flag.name.replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`)}`;
}

/** The flag with what follows it: `--reason TEXT`, `--for TIME`, `--now`. */
export function flagUsage(flag: Flag): string {
  switch (flag.kind) {
    case "switch":
      return flagText(flag);
    case "text":
      return `${flagText(flag)} TEXT`;
    case "duration":
      return `${flagText(flag)} TIME`;
    case "number":
      return `${flagText(flag)} NUMBER`;
    case "name":
      return `${flagText(flag)} NAME`;
  }
}

/** The canonical text of a command: parsing it gives the same values. */
export function render<G extends Grammar>(command: { readonly name: string; readonly grammar: G }, args: Parsed<G>): string {
  const values = args as Readonly<Values>;
  const parts: string[] = [command.name];
  let skipped = false;
  for (const word of command.grammar.words) {
    const value = values[word.name] ?? null;
    if (value === null) skipped = true;
    else {
      const lead = skipped && word.kind !== "text" ? word.after?.[0] : undefined;
      parts.push(...(lead === undefined ? [] : [lead]), wordText(word, value, command.grammar));
    }
  }
  for (const flag of command.grammar.flags) {
    const value = values[flag.name];
    if (value === true) parts.push(flagText(flag));
    if (typeof value === "string") parts.push(flagText(flag), flag.kind === "name" ? value : quote(value));
    if (typeof value === "number") parts.push(flagText(flag), flag.kind === "number" ? String(value) : durationText(value));
  }
  return parts.join(" ");
}

function wordText(word: Word, value: NonNullable<Values[string]>, grammar: Grammar): string {
  if (typeof value === "object") {
    if ("host" in value) return wordText({ ...word, kind: "host" }, value.host, grammar);
    const { service, environment } = value;
    return `${wordText({ ...word, kind: "service" }, service, grammar)} ${wordText({ ...word, kind: "environment" }, environment, grammar)}`;
  }
  const text = String(value);
  if (word.kind === "text" && grammar.flags.length > 0) return quote(text);
  if (word.kind === "release") return `r${text}`;
  if (word.kind === "text") return text.startsWith('"') || startsLikeFlag(text) ? quote(text) : escapeMarkup(text);
  const isLead = grammar.words.some((w) => w.after?.includes(text.toLowerCase()));
  const isTrimmed = /[.]$/.test(text);
  return isLead || isTrimmed ? `"${text}"` : text;
}

function quote(text: string): string {
  return `"${escapeMarkup(text).replace(/["\\]/g, "\\$&")}"`;
}

/** What `normalise` would take for Slack's markup. */
function escapeMarkup(text: string): string {
  return text.replace(/&(?=(?:amp|lt|gt);)/g, "&amp;").replaceAll("<", "&lt;");
}
