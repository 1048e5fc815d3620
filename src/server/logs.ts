/** `gantry logs …` over the socket in the data folder: lines as they come, for as long as the terminal is there. */
import { commands } from "../../commands/index.ts";
import { logs, showLogs } from "../../commands/logs.ts";
import { vocabularyOf } from "../../commands/shared-words.ts";
import type { Gantry } from "../app/gantry.ts";
import { parse } from "../core/grammar.ts";
import type { Refusal } from "../core/reasons.ts";
import type { LocalStream } from "../http/local-socket.ts";
import { refusalMessage } from "../messages/refusal.ts";
import { plainText } from "../messages/words.ts";
import { actorOf } from "./local.ts";

/** Pieces: `{text}` to print as it is, `{note}` about the lines, and `{refused}` with a reason for no lines at all. */
export function logsStream(gantry: Gantry): LocalStream {
  return async (body, { tell, signal }) => {
    const text = String(body["text"] ?? "");
    const { name, grammar } = logs;
    const parsed = parse({ name, grammar, text, vocabulary: vocabularyOf(gantry.config), verbs: commands.map((c) => c.name) });
    if (!parsed.ok) return void tell(asRefused(parsed.refusal));
    /** By host: lines that this terminal was too slow for. */
    const missed = new Map<string, number>();
    const told = await showLogs(
      { args: parsed.args as Parameters<typeof showLogs>[0]["args"], gantry, actor: actorOf(body) },
      {
        signal,
        onPiece(host, { lines, dropped, note }) {
          const before = (missed.get(host) ?? 0) + dropped;
          const notes = [
            ...(before === 0 ? [] : [`${before} lines left out: they came too fast`]),
            ...(note === null ? [] : [note]),
          ];
          const texts = lines.map(({ member, text: line }) => `${host}${member === null ? "" : ` ${member}`} | ${line}`);
          const isTold = tell({ text: texts, note: notes.map((one) => `${host}: ${one}`) });
          missed.set(host, isTold ? 0 : before + lines.length);
        },
      },
    );
    if (told.kind === "refused") return void tell(asRefused(told.refusal));
    const { faults, leftOut } = told;
    const notes = faults.map(({ host, text: why, reason }) => `${host}: ${why} (${reason})`);
    tell({
      note: leftOut.length === 0 ? notes : [...notes, `not asked: ${leftOut.length} more hosts; name one to see it`],
      failed: faults.length > 0 && faults.length === told.hosts.length,
    });
  };
}

function asRefused(refusal: Refusal): object {
  return { refused: plainText(refusalMessage(refusal)) };
}
