/**
 * Shows the output of a slot's containers to whoever may see it on the server's side. Everything is cleaned here, where the
 * container's own secrets are known, before it travels. Bounded: lines and bytes of a piece, pieces per second, how long
 * somebody follows. What comes faster is left out and counted; the container and the engine are never held up.
 */
import type { Clock } from "../app/ports.ts";
import { AskError, type Question } from "../core/ask.ts";
import { type LogLine, type LogPiece, type LogsAsk, logsAskOf, longestLogLine } from "../core/logs.ts";
import type { MemberName } from "../core/slot-step.ts";
import type { ContainerState, Engine, EngineLine } from "./engine.ts";
import { marksOf } from "./labels.ts";
import { createCleaner } from "./log-tail.ts";

const mostPieceLines = 200;
const mostPieceBytes = 48 * 1024;
/** Lines that wait to be sent, of one question. */
const mostWaiting = 1_000;
/** Between two pieces of what is followed: a flood must not fill the connection that reports and orders use. */
const pieceMs = 100;
/** Between two looks for a container that took the place of another. */
const lookMs = 1_000;
const mostFollowMs = 30 * 60_000;

type Parts = { readonly engine: Pick<Engine, "list" | "logs">; readonly clock: Clock };
type Chosen = { readonly member: MemberName; readonly state: ContainerState };

/** Answers "logs". Rejects with AskError or what the engine says. */
export function createLogs(parts: Parts): (question: Question) => Promise<void> {
  return async ({ body, tell, signal }) => {
    const ask = logsAskOf(body);
    if (ask === null) throw new AskError("incompatible_agent", "the question is not understood: upgrade the agent");
    const chosen = chooseFrom(await parts.engine.list(ask), ask);
    if (chosen.length === 0) throw new AskError("no_container", absent(ask));
    if (ask.follow) await follow({ ...parts, ask, tell, signal });
    else await show({ ...parts, ask, tell, signal }, chosen);
  };
}

type Telling = Parts & { readonly ask: LogsAsk } & Pick<Question, "tell" | "signal">;

/** What each container printed last, merged by time. */
async function show(telling: Telling, chosen: readonly Chosen[]): Promise<void> {
  const { engine, ask, signal } = telling;
  const found = await Promise.all(
    chosen.map(async ({ member, state }) => {
      const clean = cleanerFor(state);
      const lines: (LogLine & Pick<EngineLine, "at">)[] = [];
      const onLine = ({ at, text }: EngineLine) => void lines.push({ at, member, text: clean(text) });
      await engine.logs({ id: state.id, lines: ask.lines, since: sinceOf(telling), follow: false, signal, onLine });
      return lines;
    }),
  );
  const lines = found.flat();
  // Lines without a time stay where they came: sorting is stable, and such an engine gives none a time.
  lines.sort((a, b) => (a.at ?? 0) - (b.at ?? 0));
  for (const some of inPieces(lines.map(({ member, text }) => ({ member, text })))) {
    await telling.tell({ lines: some, dropped: 0, note: null } satisfies LogPiece);
  }
}

/** On and on, also with the containers that take the place of those that end. */
async function follow(telling: Telling): Promise<void> {
  const { engine, clock, ask, signal } = telling;
  const endsAt = clock.now() + mostFollowMs;
  const outbox = createOutbox(telling);
  const over = new AbortController();
  const end = () => over.abort();
  signal.addEventListener("abort", end, { once: true });
  const followed = new Set<string>();
  /** By container: when its newest line was printed, so that one that comes up again is not told twice. */
  const newest = new Map<string, number>();
  let isFirst = true;
  const begin = ({ member, state }: Chosen) => {
    const { id } = state;
    const before = newest.get(id);
    if (!isFirst && before === undefined) outbox.note(`${member ?? ask.service}: a container of ${releaseIn(state)} begins`);
    const rest = { lines: mostWaiting, since: before === undefined ? null : before + 1 };
    const span = isFirst ? { lines: ask.lines, since: sinceOf(telling) } : rest;
    newest.set(id, before ?? 0);
    const clean = cleanerFor(state);
    const onLine = ({ at, text }: EngineLine) => {
      if (at !== null) newest.set(id, at);
      outbox.put({ member, text: clean(text) });
    };
    followed.add(id);
    engine
      .logs({ id, ...span, follow: true, signal: over.signal, onLine })
      .catch((thrown) => outbox.note(said(thrown)))
      .finally(() => followed.delete(id));
  };
  /** An end is told once; what runs is followed always. */
  const isNews = ({ state: { id, status } }: Chosen) =>
    !followed.has(id) && (!newest.has(id) || status === "running" || status === "restarting");
  const sending = outbox.run(over.signal);
  try {
    while (!over.signal.aborted && clock.now() < endsAt) {
      const chosen = await engine.list(ask).then((states) => chooseFrom(states, ask), outbox.unreadable);
      for (const one of chosen.filter(isNews)) begin(one);
      isFirst = false;
      await Promise.race([pause(clock, lookMs, over.signal), sending]);
    }
    if (!over.signal.aborted)
      outbox.note(`it was followed for ${mostFollowMs / 60_000} minutes and ends here: ask again to go on`);
  } finally {
    signal.removeEventListener("abort", end);
    await outbox.flush();
    over.abort();
    await sending.catch(() => undefined);
  }
}

/** Lines that wait to be sent: so many at most, the newest, and the number of those that were left out. */
function createOutbox({ tell, clock }: Telling) {
  let lines: LogLine[] = [];
  let dropped = 0;
  let notes: string[] = [];
  let wasUnreadable = false;

  async function flush(): Promise<void> {
    const pieces = inPieces(lines);
    const left = { dropped, notes };
    lines = [];
    dropped = 0;
    notes = [];
    if (pieces.length === 0 && left.notes.length > 0) pieces.push([]);
    for (const [n, some] of pieces.entries()) {
      const note = n === pieces.length - 1 && left.notes.length > 0 ? left.notes.join("; ") : null;
      await tell({ lines: some, dropped: n === 0 ? left.dropped : 0, note } satisfies LogPiece);
    }
  }

  return {
    put(line: LogLine) {
      lines.push(line);
      if (lines.length <= mostWaiting) return;
      lines.shift();
      dropped += 1;
    },
    note: (text: string) => void notes.push(text),
    /** Once, however often it is looked for. */
    unreadable(thrown: unknown): readonly Chosen[] {
      if (!wasUnreadable) notes.push(said(thrown));
      wasUnreadable = true;
      return [];
    },
    flush,
    async run(signal: AbortSignal): Promise<void> {
      while (!signal.aborted) {
        await flush();
        await pause(clock, pieceMs, signal);
      }
    },
  };
}

/** What a message takes, in order. */
function inPieces(lines: readonly LogLine[]): LogLine[][] {
  const pieces: LogLine[][] = [];
  let bytes = 0;
  for (const line of lines) {
    const size = Buffer.byteLength(JSON.stringify(line));
    const last = pieces.at(-1);
    if (last === undefined || last.length >= mostPieceLines || bytes + size > mostPieceBytes) {
      pieces.push([line]);
      bytes = size;
    } else {
      last.push(line);
      bytes += size;
    }
  }
  return pieces;
}

/** Of each member that is asked for the one that is on now, or the one before it. */
function chooseFrom(states: readonly ContainerState[], ask: LogsAsk): readonly Chosen[] {
  const byMember = new Map<MemberName, ContainerState[]>();
  for (const state of states) {
    const marks = marksOf(state.labels);
    // Those that are kept for the way back are copies that never ran.
    if (marks === null || state.startedAt === null || !isWanted(marks.member, ask)) continue;
    byMember.set(marks.member, [...(byMember.get(marks.member) ?? []), state]);
  }
  return [...byMember].flatMap(([member, all]) => {
    const [current, ...others] = all.sort(newestFirst);
    const state = ask.previous ? others[0] : current;
    return state === undefined ? [] : [{ member, state }];
  });
}

function isWanted(member: MemberName, { member: wanted, service }: LogsAsk): boolean {
  return wanted === null || member === wanted || (member === null && (wanted === service || wanted === "released"));
}

/** What runs comes first: after a failed swap that is the older one. */
function newestFirst(a: ContainerState, b: ContainerState): number {
  return rank(b) - rank(a) || (b.startedAt ?? 0) - (a.startedAt ?? 0);
}

function rank({ labels, status }: ContainerState): number {
  const isRunning = status === "running" || status === "restarting";
  return (isRunning ? 1e15 : 0) + (marksOf(labels)?.generation ?? 0);
}

function absent({ service, environment, member, previous }: LogsAsk): string {
  const what = member === null ? `${service} ${environment}` : `${member} of ${service} ${environment}`;
  return previous ? `no container before the present one of ${what} is here any more` : `no container of ${what} has run here`;
}

function releaseIn({ labels }: ContainerState): string {
  return labels["gantry.release"] ?? "another release";
}

function cleanerFor({ environment }: ContainerState): (line: string) => string {
  return createCleaner({ environment, lineLength: longestLogLine });
}

function sinceOf({ clock, ask }: Pick<Telling, "clock" | "ask">): number | null {
  return ask.sinceMs === null ? null : clock.now() - ask.sinceMs;
}

function said(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = () => {
      cancel();
      signal.removeEventListener("abort", done);
      resolve();
    };
    const cancel = clock.wakeAt(clock.now() + ms, done);
    signal.addEventListener("abort", done, { once: true });
  });
}
