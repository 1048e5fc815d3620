/** What happened, newest first: one line per rollout. */
import type { HistoryLine } from "../core/facts.ts";
import { releaseName, shortCommit } from "../core/release.ts";
import { message, note, section } from "./blocks.ts";
import type { Message } from "./message.ts";
import { phaseSign, phaseWords } from "./phase.ts";
import { code, cutList, duration, named, safe, utc, when } from "./words.ts";

export function historyMessage(facts: { readonly lines: readonly HistoryLine[]; readonly now: number }): Message {
  const { lines, now } = facts;
  if (lines.length === 0) return note("Nothing has happened there yet.");
  const rest = (left: number) => `and ${left} more`;
  const texts = lines.map((line) => historyText(line, now));
  const mrkdwn = cutList(
    lines.map((line) => historyMrkdwn(line, now)),
    { budget: 9000, rest },
  );
  return message({
    text: cutList(texts, { budget: 3600, rest }).join("\n"),
    name: "history",
    blocks: inTens(mrkdwn).map((ten) => section(ten.join("\n"))),
  });
}

function inTens(lines: readonly string[]): readonly (readonly string[])[] {
  const groups: string[][] = [];
  for (let at = 0; at < lines.length; at += 10) groups.push(lines.slice(at, at + 10));
  return groups;
}

function historyText(line: HistoryLine, now: number): string {
  const { state } = line;
  const from = state.from === null ? "" : ` from ${releaseName(state.from)}${commitText(line.fromCommit)}`;
  return `#${state.number} ${utc(state.requestedAt, now)} ${place(line)} ${releaseName(state.release)}${commitText(line.commit)}${from}: ${outcome(line)}`;
}

function historyMrkdwn(line: HistoryLine, now: number): string {
  const { state } = line;
  const release = `${releaseName(state.release)} ${code(shortCommit(line.commit))}`;
  const from = state.from === null ? "" : ` from ${releaseName(state.from)}`;
  return `${phaseSign(state.phase)} #${state.number} ${when(state.requestedAt, now)} *${place(line)}* ${release}${from}: ${outcome(line)}`;
}

function commitText(commit: string | null): string {
  return commit === null ? "" : ` (${safe(shortCommit(commit))})`;
}

function place(line: HistoryLine): string {
  const { state } = line;
  const kind = state.kind === "deploy" ? "" : ` ${state.kind}`;
  return `${safe(state.service)} ${safe(state.environment)}${kind}`;
}

function outcome(line: HistoryLine): string {
  const { state } = line;
  const took = state.startedAt === null || state.endedAt === null ? "" : `, took ${duration(state.endedAt - state.startedAt)}`;
  const reason = state.reason === null || state.endedAt === null ? "" : ` (${state.reason})`;
  return `${phaseWords(state)}${reason}${took}, by ${named(state.requester)}`;
}
