/** Asking for the last lines of a slot's containers, as it travels: what is asked, and the pieces that answer. */
import type { SlotKey } from "./slot.ts";

export type LogsAsk = SlotKey & {
  /** A supporting container by its Compose name; the service's own name or `released`: the released one; null: all of them. */
  readonly member: string | null;
  /** Of each container. */
  readonly lines: number;
  /** Only what is younger. */
  readonly sinceMs: number | null;
  /** The container before: the failed or replaced one. */
  readonly previous: boolean;
  readonly follow: boolean;
};

export type LogLine = {
  /** null: the released container. */
  readonly member: string | null;
  readonly text: string;
};

export type LogPiece = {
  readonly lines: readonly LogLine[];
  /** Lines before these that were left out, because they came faster than they could be sent. */
  readonly dropped: number;
  /** Something about the containers that is no line of theirs: one began, or cannot be read. */
  readonly note: string | null;
};

export const mostLogLines = 1_000;
export const defaultLogLines = 50;
/** In UTF-16 units, of one line. */
export const longestLogLine = 1_000;

/** Null when it is not what a server of ours asks. */
export function logsAskOf(body: unknown): LogsAsk | null {
  const { service, environment, member = null, lines, sinceMs = null, previous, follow } = record(body);
  if (!isName(service) || !isName(environment) || !(member === null || isName(member))) return null;
  if (typeof lines !== "number" || !Number.isInteger(lines) || lines < 1 || lines > mostLogLines) return null;
  if (!(sinceMs === null || (typeof sinceMs === "number" && sinceMs > 0)) || typeof previous !== "boolean") return null;
  if (typeof follow !== "boolean") return null;
  return { service, environment, member, lines, sinceMs, previous, follow };
}

/** Null when it is not what an agent of ours answers. Control characters are taken out here, too: an agent may be anybody's. */
export function logPieceOf(body: unknown): LogPiece | null {
  const { lines, dropped = 0, note = null } = record(body);
  if (!Array.isArray(lines) || lines.length > mostLogLines || typeof dropped !== "number" || dropped < 0) return null;
  const read = lines.map((line) => {
    const { member = null, text } = record(line);
    if (typeof text !== "string" || text.length > 2 * longestLogLine || !(member === null || isName(member))) return null;
    return { member: member === null ? null : printable(member), text: printable(text) };
  });
  if (read.includes(null) || !(note === null || typeof note === "string")) return null;
  return { lines: read.filter((line) => line !== null), dropped, note: note === null ? null : printable(note).slice(0, 500) };
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: terminal sequences are what is being removed
const terminal = /\u001b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|[@-Z\\-_])/g;
/** Control characters except the tab, and those that change the direction of what stands beside them. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is being removed
const control = /[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g;

/** One line that does nothing to a terminal. */
export function printable(text: string): string {
  return text.replace(terminal, "").replace(control, "");
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  return value !== null && typeof value === "object" ? (value as Record<string, unknown>) : {};
}

function isName(value: unknown): value is string {
  return typeof value === "string" && value.length > 0 && value.length <= 128;
}
