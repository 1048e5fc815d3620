/** Text from outside made ready to be shown, and the small words all messages share. */

import type { ReleaseFacts } from "../core/facts.ts";
import { withoutInvisible } from "../core/normalise.ts";
import { releaseName, shortCommit } from "../core/release.ts";
import type { Person } from "../core/rollout-state.ts";
import { escapeMrkdwn } from "./message.ts";

// biome-ignore lint/suspicious/noControlCharactersInRegex: an ANSI sequence begins with the escape character
const ansi = /\u001B(?:\[[0-9;?]*[ -/]*[@-~]|\][^\u0007\u001B]*(?:\u0007|\u001B\\)?|[@-Z\\-_])/g;

/** Words as most are: printable ASCII, and our own arrow, with single spaces. Nothing of what follows would change them. */
const tame = /^[!-~→]+(?: [!-~→]+)*$/;

/** One line of plain text: no ANSI, control, zero-width or bidi characters, at most `max` UTF-16 units. Not escaped yet. */
export function oneLine(text: string, max: number): string {
  if (text.length <= max && tame.test(text)) return text;
  const line = withoutInvisible(text.slice(0, 20 * max).replace(ansi, ""))
    .replace(/[\p{Cc}\s]+/gu, " ")
    // Accents that climb over their neighbours' lines.
    .replace(/(\p{M}{3})\p{M}+/gu, "$1")
    .trim();
  if (line.length <= max) return line;
  // Never half of a pair, nor an accent without its letter.
  const cut = line.slice(0, max - 1).replace(/[\uD800-\uDBFF]$/, "");
  return `${cut}…`;
}

/** Outside text for a sentence. */
export function safe(text: string, max = 80): string {
  return escapeMrkdwn(withoutFences(oneLine(text, max)));
}

/** Three backticks would open, or close, a code block. */
function withoutFences(text: string): string {
  if (!text.includes("```")) return text;
  return text.replace(/`{3,}/g, (ticks) => "'".repeat(ticks.length));
}

/** Outside text in code type. */
export function code(text: string, max = 60): string {
  return `\`${safe(text.replaceAll("`", "'"), max) || " "}\``;
}

/** The newest of some outside lines in a code block; no line of them can close it. */
export function codeBlock(lines: readonly string[]): string {
  const clean = lines.slice(-10).map((line) => safe(line, 160));
  const kept = cutList(clean.reverse(), { budget: 1100, rest: () => "…" }).reverse();
  return `\`\`\`\n${kept.join("\n")}\n\`\`\``;
}

/** Sentences of Gantry itself that carry outside words: code type is kept, markup is not. */
export function sentence(text: string, max = 1000): string {
  const lines = text.split("\n").map((line) => oneLine(line, max));
  return escapeMrkdwn(withoutFences(lines.join("\n")));
}

/** Somebody's words as the end of a sentence: with a full stop, unless they brought one. */
export function said(why: string | null, max = 500): string {
  const text = sentence((why ?? "").replaceAll("\n", " "), max);
  if (text === "") return ".";
  return `: ${text}${/[.!?…]$/.test(text) ? "" : "."}`;
}

/** A mention where that is possible. Only people who acted themselves are ever named this way. */
export function mention(person: Person): string {
  if (person.kind === "slack" && /^[UW][A-Z0-9]{1,30}$/.test(person.id)) return `<@${person.id}>`;
  return `*${safe(person.name, 40).replaceAll("*", "")}*`;
}

export function named(person: Person): string {
  return safe(person.name, 40) || "someone";
}

/** `42 s`, `3 min 5 s`, `2 h 10 min`. */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return joinUnits(`${minutes} min`, seconds % 60, "s");
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return joinUnits(`${hours} h`, minutes % 60, "min");
  return joinUnits(`${Math.floor(hours / 24)} d`, hours % 24, "h");
}

function joinUnits(big: string, small: number, unit: string): string {
  return small === 0 ? big : `${big} ${small} ${unit}`;
}

/** A point in time in words: `14:02 UTC`, or with its date when that is another day than `now`'s. */
export function utc(at: number, now: number, precision: "minutes" | "seconds" = "minutes"): string {
  const time = clamp(at);
  const date = sameDay(at, now) ? "" : `${new Date(time).toISOString().slice(0, 10)} `;
  const minutes = Math.floor(time / 60_000) % 1440;
  const seconds = precision === "seconds" ? `:${twoDigits(Math.floor(time / 1000) % 60)}` : "";
  return `${date}${twoDigits(Math.floor(minutes / 60))}:${twoDigits(minutes % 60)}${seconds} UTC`;
}

function twoDigits(n: number): string {
  return n < 10 ? `0${n}` : `${n}`;
}

function sameDay(a: number, b: number): boolean {
  return Math.floor(clamp(a) / 86_400_000) === Math.floor(clamp(b) / 86_400_000);
}

/** A point in time that Slack shows in the reader's zone. */
export function when(at: number, now: number, precision: "minutes" | "seconds" = "minutes"): string {
  const fallback = utc(at, now, precision);
  const time = precision === "seconds" ? "{time_secs}" : "{time}";
  const form = sameDay(at, now) ? time : `{date_short_pretty} ${time}`;
  return `<!date^${Math.floor(clamp(at) / 1000)}^${form}|${fallback}>`;
}

/** Dates outside the range of Date would throw. */
function clamp(at: number): number {
  return Number.isFinite(at) ? Math.min(Math.max(at, 0), 8.64e15) : 0;
}

export function count(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? "" : "s"}`;
}

/** `sha256:` and the first 12 digits. */
export function shortDigest(digest: string): string {
  return safe(digest, 200).slice(0, 19);
}

/** `r42 (3f9c1e2)` */
export function releaseText(release: ReleaseFacts): string {
  return `${releaseName(release.number)} (${safe(shortCommit(release.commit))})`;
}

/** The same with the commit in code type. */
export function releaseCode(release: ReleaseFacts): string {
  return `${releaseName(release.number)} ${code(shortCommit(release.commit))}`;
}

/**
 * As many lines as there is room for, then how many were left out. Deterministic. `budget` counts characters as JSON
 * carries them, so that a list of quotes and backslashes cannot grow past what Slack takes.
 */
export function cutList(
  lines: readonly string[],
  facts: { readonly budget: number; readonly most?: number; readonly rest: (left: number) => string },
): string[] {
  const most = Math.min(lines.length, facts.most ?? lines.length);
  const room = facts.budget - cost(facts.rest(lines.length));
  const kept: string[] = [];
  let used = 0;
  for (const line of lines.slice(0, most)) {
    used += cost(line);
    if (used > room) break;
    kept.push(line);
  }
  const left = lines.length - kept.length;
  return left === 0 ? kept : [...kept, facts.rest(left)];
}

/** Nothing in it that JSON escapes: no quotes, backslashes, control characters or halves of pairs. */
const costsNothingMore = /^[ !#-[\]-\uD7FF\uE000-\uFFFF]*$/;

function cost(line: string): number {
  return costsNothingMore.test(line) ? line.length + 2 : JSON.stringify(line).length;
}

/** An address as Slack's link, or the bare label when it is not one. `label` is escaped already. */
export function link(address: string, label: string): string {
  const ok = /^https?:\/\/[^\s|<>"`]{1,250}$/.test(address);
  return ok ? `<${address.replaceAll("&", "&amp;")}|${label}>` : label;
}

/** What a message says where there is no Slack to read its markup. */
export function plainText(message: { readonly text: string }): string {
  return message.text.replace(/&(amp|lt|gt);/g, (_all, name: string) => (name === "amp" ? "&" : name === "lt" ? "<" : ">"));
}

/** What it means that a service declares no health check, and what to write. */
export const noHealthCheck =
  "whatever stays up for a second counts as healthy, and only a crash is noticed. Write `health: http://127.0.0.1:PORT/healthz` under `x-gantry`.";
