import { randomUUID } from "node:crypto";
import path from "node:path";
import { PassThrough } from "node:stream";
import { pipeline } from "node:stream/promises";
import { run } from "node:test";
import { spec } from "node:test/reporters";
import { endMarked, markName } from "./leaks.ts";

/** Test files that may run side by side. `deadlineMs` is for a whole file; past it everything it started is killed and it has failed. */
export type TestGroup = { readonly files: readonly string[]; readonly atOnce: number; readonly deadlineMs: number };

/** `failed` counts cancelled tests too. `problems` are sentences: files past their deadline, processes left behind. */
export type TestResult = { readonly passed: number; readonly failed: number; readonly problems: readonly string[] };

type Event = { readonly type: string; readonly data: { readonly [key: string]: unknown } };
type Counts = Record<"tests" | "suites" | "passed" | "failed" | "cancelled" | "skipped" | "todo", number>;
type Progress = { readonly counts: Counts; readonly problems: string[]; readonly signal: AbortSignal };

/**
 * Runs the groups one after another with Node's own runner and spec reporter, as if they were one run: one list of
 * failures and one block of counts at the end. Each file is a run of its own, since Node's runner waits for ever for a
 * file that spins, or whose children hold its output open.
 */
export async function runTests(facts: {
  groups: readonly TestGroup[];
  signal: AbortSignal;
  out: NodeJS.WritableStream;
}): Promise<TestResult> {
  const startedAt = performance.now();
  const counts: Counts = { tests: 0, suites: 0, passed: 0, failed: 0, cancelled: 0, skipped: 0, todo: 0 };
  const progress: Progress = { counts, problems: [], signal: facts.signal };
  const events = new PassThrough({ objectMode: true });
  const printed = pipeline(events, new spec(), facts.out, { end: false });
  for (const group of facts.groups) await runGroup(group, progress, (event) => void events.write(event));
  for (const event of closingEvents(counts, performance.now() - startedAt)) events.write(event);
  events.end();
  await printed;
  return { passed: counts.passed, failed: counts.failed + counts.cancelled, problems: progress.problems };
}

async function runGroup(group: TestGroup, progress: Progress, print: (event: Event) => void): Promise<void> {
  const queue = [...group.files];
  async function worker(): Promise<void> {
    for (let file = queue.shift(); file !== undefined && !progress.signal.aborted; file = queue.shift()) {
      // side by side, a file's lines appear together when it ends; alone, as they come
      const kept: Event[] = [];
      await runFile(file, group.deadlineMs, progress, group.atOnce === 1 ? print : (event) => void kept.push(event));
      for (const event of kept) print(event);
    }
  }
  await Promise.all(Array.from({ length: group.atOnce }, worker));
}

async function runFile(file: string, deadlineMs: number, progress: Progress, print: (event: Event) => void): Promise<void> {
  const mark = randomUUID();
  const name = path.relative(process.cwd(), file);
  const overdue = setTimeout(() => {
    progress.problems.push(`${name} took longer than ${deadlineMs / 1000} s and was killed`);
    endMarked(mark);
  }, deadlineMs);
  const stop = () => void endMarked(mark);
  progress.signal.addEventListener("abort", stop);
  const env = { ...process.env, [markName]: mark };
  // a single test that hangs is stopped a little earlier, so that it is named
  const events = run({ files: [file], env, signal: progress.signal, timeout: deadlineMs * 0.8 });
  for await (const event of events as AsyncIterable<Event>) {
    if (!isClosing(event)) print(event);
    else if (event.type === "test:summary") add(progress.counts, event.data["counts"] as Counts);
  }
  clearTimeout(overdue);
  progress.signal.removeEventListener("abort", stop);
  for (const command of endMarked(mark)) progress.problems.push(`${name} left a process behind (ended now): ${command}`);
}

function add(totals: Counts, counts: Counts): void {
  for (const name of Object.keys(totals) as (keyof Counts)[]) totals[name] += counts[name];
}

/** What the runner says when it is done, as it thinks, with everything; what is about one file carries the file. */
function isClosing(event: Event): boolean {
  return (event.type === "test:diagnostic" || event.type === "test:summary") && event.data["file"] === undefined;
}

/** The block of counts in the words of Node's runner, and the event at which the reporter lists the failures. */
function closingEvents(counts: Counts, tookMs: number): Event[] {
  const { tests, suites, passed, failed, cancelled, skipped, todo } = counts;
  const block = { tests, suites, pass: passed, fail: failed, cancelled, skipped, todo, duration_ms: tookMs };
  const lines = Object.entries(block).map(([name, value]) => ({
    type: "test:diagnostic",
    data: { nesting: 0, message: `${name} ${value}`, level: "info" },
  }));
  return [...lines, { type: "test:summary", data: { success: failed + cancelled === 0, counts, duration_ms: tookMs } }];
}
