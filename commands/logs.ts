import type { LogsTold, Refused } from "../src/app/gantry.ts";
import type { Parsed } from "../src/core/grammar.ts";
import { defaultLogLines, type LogPiece, mostLogLines } from "../src/core/logs.ts";
import { refuse } from "../src/core/reasons.ts";
import { logsMessage } from "../src/messages/logs.ts";
import type { Caller, Command } from "./command.ts";
import { privately, refusedWith } from "./replies.ts";
import { environmentWord, serviceWord } from "./shared-words.ts";

const grammar = {
  words: [
    serviceWord,
    environmentWord,
    { kind: "host", name: "host", need: "optional", summary: "only this host", after: ["on"] },
  ],
  flags: [
    {
      kind: "number",
      name: "lines",
      summary: `how many of each container, up to ${mostLogLines}; ${defaultLogLines} when left out`,
    },
    { kind: "duration", name: "since", summary: "only what is younger, such as 10m or 2h" },
    { kind: "name", name: "member", summary: "only this container, as the service file names it" },
    { kind: "switch", name: "previous", summary: "the container before: the one that failed or was replaced, while it is kept" },
    { kind: "switch", name: "follow", summary: "go on with what comes, until Ctrl-C; in a terminal only" },
  ],
} as const;

export const logs: Command<typeof grammar> = {
  name: "logs",
  summary: "The last lines that the containers of a place have printed; what looks secret is left out.",
  grammar,
  examples: [
    "logs api prod",
    "logs api prod web-1",
    "logs api prod web-1 --lines 200",
    "logs api prod --member metrics --since 10m",
    "logs api prod --previous",
  ],
  permission: "who may deploy, approve or is on call there",
  changesState: false,

  async run(call) {
    const { args } = call;
    if (args.follow) {
      const again = `gantry logs ${args.service} ${args.environment}${args.host === null ? "" : ` ${args.host}`} --follow`;
      return refusedWith(
        refuse("bad_word", "`--follow` goes on for ever, and a message does not.", `In a terminal on the server: \`${again}\`.`),
      );
    }
    const pieces = new Map<string, LogPiece[]>();
    const told = await showLogs(call, {
      signal: AbortSignal.timeout(longestMs),
      onPiece: (host, piece) => pieces.set(host, [...(pieces.get(host) ?? []), piece]),
    });
    if (told.kind === "refused") return refusedWith(told.refusal);
    return privately(logsMessage({ ...args, told, pieces }));
  },
};

/** An answer later than that comes to nobody. */
const longestMs = 60_000;

/** The same words at a terminal, which takes pieces as they come. */
export async function showLogs(
  { args, gantry, actor }: Pick<Caller, "gantry" | "actor"> & { readonly args: Parsed<typeof grammar> },
  to: { readonly signal: AbortSignal; readonly onPiece: (host: string, piece: LogPiece) => void },
): Promise<LogsTold | Refused> {
  const { service, environment, host, member, since, previous, follow } = args;
  if (previous && follow) {
    const refusal = refuse(
      "bad_word",
      "The container before has ended: there is nothing to follow.",
      "Leave out `--follow` or `--previous`.",
    );
    return { kind: "refused", refusal };
  }
  const lines = args.lines ?? defaultLogLines;
  return await gantry.logs({ service, environment, host, member, lines, sinceMs: since, previous, follow, actor, ...to });
}
