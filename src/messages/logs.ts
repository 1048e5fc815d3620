/** The last lines of a place's containers, as much of them as a message takes: the newest of each host. */
import type { LogPiece } from "../core/logs.ts";
import { header, message, section } from "./blocks.ts";
import type { Message } from "./message.ts";
import { count, safe } from "./words.ts";

/** A host that showed nothing, or stopped. */
type Fault = { readonly host: string; readonly text: string };

export type LogsFacts = {
  readonly service: string;
  readonly environment: string;
  readonly host: string | null;
  readonly told: { readonly hosts: readonly string[]; readonly faults: readonly Fault[]; readonly leftOut: readonly string[] };
  readonly pieces: ReadonlyMap<string, readonly LogPiece[]>;
};

/** In characters, of all hosts together: the text form is cut by Slack at 4,000, the blocks hold more. */
const textBudget = 3_300;
const blocksBudget = 7_500;
const blockBudget = 2_600;
const mostHostsShown = 8;
const longestLine = 300;

export function logsMessage(facts: LogsFacts): Message {
  const { service, environment, told } = facts;
  const title = `Logs of ${service} ${environment}${facts.host === null ? "" : ` on ${facts.host}`}`;
  const shown = told.hosts.slice(0, mostHostsShown);
  const inText = shown.map((host) => hostLines(facts, host, textBudget / shown.length));
  const inBlocks = shown.map((host) => hostLines(facts, host, blocksBudget / shown.length));
  return message({
    text: [`${safe(title)}:`, ...inText.flatMap(({ notes, lines }) => [...notes, ...lines]), ...rest(facts, shown)].join("\n"),
    name: "logs",
    blocks: [
      header(title),
      ...inBlocks.flatMap(({ notes, lines }) => [section(notes.join("\n")), ...fenced(lines)]).slice(0, 45),
      ...rest(facts, shown).map((text) => section(text)),
    ],
  });
}

/** `notes` say whose lines they are, and what is not among them. */
function hostLines(facts: LogsFacts, host: string, budget: number): { notes: readonly string[]; lines: readonly string[] } {
  const pieces = facts.pieces.get(host) ?? [];
  const all = pieces.flatMap((piece) => piece.lines.map((line) => logLine(line)));
  const lines: string[] = [];
  let size = 0;
  for (const line of all.toReversed()) {
    size += line.length + 1;
    if (size > budget) break;
    lines.unshift(line);
  }
  const fault = facts.told.faults.find((f) => f.host === host);
  const left = all.length - lines.length;
  const notes = [
    `*${safe(host, 60)}*${fault !== undefined ? `: ${safe(fault.text, 300)}.` : all.length === 0 ? ": nothing was printed." : ""}`,
    ...(left === 0
      ? []
      : [`${count(left, "earlier line")} left out; all: \`${command(facts, host)}\` in a terminal on the server.`]),
  ];
  return { notes, lines };
}

/** `metrics | text`; lines of the released container stand alone. */
function logLine({ member, text }: LogPiece["lines"][number]): string {
  return safe(member === null ? text : `${member} | ${text}`, longestLine);
}

function rest({ told }: LogsFacts, shown: readonly string[]): readonly string[] {
  const others = [...told.hosts.slice(shown.length), ...told.leftOut];
  if (others.length === 0) return [];
  const names = others.slice(0, 6).map((host) => safe(host, 60));
  const more = others.length > names.length ? ` and ${others.length - names.length} more` : "";
  return [`Not shown: ${names.join(", ")}${more}. Name one to see it.`];
}

function command({ service, environment }: LogsFacts, host: string): string {
  return safe(`gantry logs ${service} ${environment} ${host}`);
}

function fenced(lines: readonly string[]) {
  const blocks: string[][] = [];
  let size = blockBudget;
  for (const line of lines) {
    size += line.length + 1;
    if (size > blockBudget) {
      blocks.push([]);
      size = line.length + 1;
    }
    blocks.at(-1)?.push(line);
  }
  return blocks.map((some) => section(`\`\`\`\n${some.join("\n")}\n\`\`\``));
}
