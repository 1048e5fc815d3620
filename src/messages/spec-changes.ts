/** What changes besides the released image: containers, their images, keys of the service file, and what runs to its end. */
import { releaseName } from "../core/release.ts";
import type { SpecChange, SpecChanges } from "../core/spec-change.ts";
import type { Line } from "./rollout-status.ts";
import { code, cutList, safe } from "./words.ts";

const mostLines = 12;
const mostKeys = 8;

/** Empty when there is nothing to tell. `own`: how the released container is called. */
export function besidesLines(besides: SpecChanges | undefined, own: string): readonly Line[] {
  if (besides === undefined) return [];
  const lines = [...besides.runs.map((run) => runLine(run, own)), ...besides.changes.map((change) => changeLine(change, own))];
  if (lines.length === 0) return [];
  const left = lines.length - mostLines;
  const rest = left > 0 ? [{ text: `and ${left} more`, mrkdwn: `_and ${left} more_` }] : [];
  return [{ text: "Besides the image:", mrkdwn: "*Besides the image*" }, ...lines.slice(0, mostLines).map(item), ...rest];
}

function item({ text, mrkdwn }: Line): Line {
  return { text: `- ${text}`, mrkdwn: `• ${mrkdwn}` };
}

export function runLine({ member, before }: SpecChanges["runs"][number], own: string): Line {
  const waiting = before.map((one) => one ?? own);
  return inBoth((name) => `${name(member)} runs before ${waiting.map(name).join(", ")}`);
}

export function changeLine(change: SpecChange, own: string): Line {
  switch (change.kind) {
    case "image":
      return inBoth((name) => `${name(change.member ?? own)}: ${name(change.from)} → ${name(change.to)}`);
    case "added":
      return inBoth((name) => `${name(change.member)} is new`);
    case "removed":
      return inBoth((name) => `${name(change.member)} goes away`);
    case "edited": {
      const keys = cutList(
        change.keys.map((key) => safe(key, 200)),
        { budget: 300, most: mostKeys, rest: (left) => `${left} more` },
      );
      return inBoth((name) => `${name(change.member ?? own)}: ${keys.join(", ")} changed`);
    }
    case "secret":
      return inBoth((name) => `secret ${name(change.name)} has changed since ${releaseName(change.since)}`);
  }
}

function inBoth(words: (name: (text: string) => string) => string): Line {
  return { text: words((text) => safe(text, 60)), mrkdwn: words((text) => code(text, 60)) };
}
