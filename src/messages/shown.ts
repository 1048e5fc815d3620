/** Answers to `render` and `diff`: what hosts run for a release, and what it would change. */

import { releaseName, shortCommit } from "../core/release.ts";
import type { DiffFacts, RenderFacts, ShownBuild } from "../core/render-slot.ts";
import { header, message, section } from "./blocks.ts";
import type { Message } from "./message.ts";
import { changeLine, runLine } from "./spec-changes.ts";
import { cutList, safe, shortDigest } from "./words.ts";

/** `yaml`: of the facts. `whole`: at a terminal all of it is printed, and nothing else; Slack takes only so much. */
export function renderMessage(facts: RenderFacts, { yaml, whole }: { readonly yaml: string; readonly whole: boolean }): Message {
  const lines = yaml
    .trimEnd()
    .split("\n")
    .map((line) => indented(line, whole ? 40_000 : 300));
  if (whole) return { text: lines.join("\n"), blocks: [] };
  const cut = (budget: number) =>
    cutList(lines, { budget, rest: (left) => `… ${left} more lines, all of them at a terminal on the server` });
  return message({
    text: cut(3600).join("\n"),
    name: "render",
    blocks: [
      header(`${facts.service} ${facts.environment}: ${buildText(facts.build)}`),
      ...inBlocks(cut(7500)).map((some) => section(`\`\`\`\n${some.join("\n")}\n\`\`\``)),
    ],
  });
}

/** Words from outside as everywhere, but where a line begins means something. */
function indented(line: string, max: number): string {
  const [indent = ""] = /^ */.exec(line) ?? [];
  return `${indent}${safe(line.slice(indent.length), max)}`;
}

function inBlocks(lines: readonly string[]): readonly (readonly string[])[] {
  const blocks: string[][] = [[]];
  let size = 0;
  for (const line of lines) {
    size += line.length + 1;
    if (size > 2600) {
      blocks.push([]);
      size = line.length + 1;
    }
    blocks.at(-1)?.push(line);
  }
  return blocks;
}

export function diffMessage(facts: DiffFacts): Message {
  const { service, environment, live, build, changes } = facts;
  const place = `${safe(service)} ${safe(environment)}`;
  const from = live === null ? "nothing is live" : `${buildText(live)} is live`;
  const image = live === null || live.digest === build.digest ? [] : [imageText(live.digest, build.digest, service)];
  const lines = [...changes.changes.map((c) => changeLine(c, service)), ...changes.runs.map((run) => runLine(run, service))];
  const all = [...image, ...lines.map((line) => line.text)].map((text) => `- ${text}`);
  const title = `${place}: ${from}; compared with ${buildText(build)}:`;
  const none = live === null ? "Everything would be new." : "Nothing would change.";
  const shown = all.length === 0 ? [none] : cutList(all, { budget: 2500, rest: (left) => `and ${left} more` });
  const text = [title, ...shown].join("\n");
  return message({ text, name: "diff", blocks: [section(text)] });
}

function imageText(from: string, to: string, service: string): string {
  return `${safe(service)}: image ${shortDigest(from)} → ${shortDigest(to)}`;
}

function buildText({ number, commit }: ShownBuild): string {
  const name = safe(shortCommit(commit), 60);
  return number === null ? `${name} with the service file as it is now` : `${releaseName(number)} (${name})`;
}
