import { randomUUID } from "node:crypto";
import path from "node:path";
import { PassThrough } from "node:stream";
import { pipeline } from "node:stream/promises";
import { run } from "node:test";
import { spec } from "node:test/reporters";
import { endMarked, markName } from "./leaks.ts";
import { sideBySide } from "./side-by-side.ts";
import { openWorkshop, type Workshop } from "./workshop.ts";

/** Test files of one kind, the longest first; at most `atOnce` of them run side by side. */
export type TestGroup = { readonly files: readonly string[]; readonly atOnce: number; readonly deadlines: Deadlines };

/** `fileMs` is for a whole file; past it everything it started is killed and it has failed. Past `testMs` a test has failed, by its name. */
type Deadlines = { readonly fileMs: number; readonly testMs: number };

/** `failed` counts cancelled tests too. `problems` are sentences: files past their deadline, processes and folders left behind. */
export type TestResult = { readonly passed: number; readonly failed: number; readonly problems: readonly string[] };

type Event = { readonly type: string; readonly data: { readonly [key: string]: unknown } };
type Counts = Record<"tests" | "suites" | "passed" | "failed" | "cancelled" | "skipped" | "todo", number>;
type Progress = {
  readonly counts: Counts;
  readonly problems: string[];
  readonly signal: AbortSignal;
  readonly workshop: Workshop;
};

/**
 * Runs the groups of each stage side by side, `atOnce` files in all, and the stages one after another, with Node's own runner and
 * spec reporter, as if they were one run: one list of failures and one block of counts at the end. Each file is a run of its own,
 * since Node's runner waits for ever for a file that spins, or whose children hold its output open.
 */
export async function runTests(facts: {
  stages: readonly (readonly TestGroup[])[];
  atOnce: number;
  signal: AbortSignal;
  out: NodeJS.WritableStream;
}): Promise<TestResult> {
  const startedAt = performance.now();
  const counts: Counts = { tests: 0, suites: 0, passed: 0, failed: 0, cancelled: 0, skipped: 0, todo: 0 };
  const progress: Progress = { counts, problems: [], signal: facts.signal, workshop: openWorkshop() };
  const events = new PassThrough({ objectMode: true });
  const printed = pipeline(events, new spec(), facts.out, { end: false });
  const took: { name: string; ms: number }[] = [];
  for (const groups of facts.stages) {
    const lanes = groups.map(({ files, atOnce, deadlines }) => ({ atOnce, items: files.map((file) => ({ file, deadlines })) }));
    await sideBySide({ lanes, atOnce: facts.atOnce, signal: facts.signal }, async ({ file, deadlines }) => {
      const begunAt = performance.now();
      for (const event of await runFile(file, deadlines, progress)) events.write(event);
      took.push({ name: path.relative(process.cwd(), file), ms: performance.now() - begunAt });
    });
  }
  for (const event of closingEvents(counts, performance.now() - startedAt, took)) events.write(event);
  events.end();
  await printed;
  progress.problems.push(...progress.workshop.close());
  return { passed: counts.passed, failed: counts.failed + counts.cancelled, problems: progress.problems };
}

/** What a file says is kept until it has ended, so that the lines of one file stand together. */
async function runFile(file: string, { fileMs, testMs }: Deadlines, progress: Progress): Promise<readonly Event[]> {
  const mark = randomUUID();
  const name = path.relative(process.cwd(), file);
  const overdue = setTimeout(() => {
    progress.problems.push(`${name} took longer than ${fileMs / 1000} s and was killed`);
    endMarked(mark);
  }, fileMs);
  const stop = () => void endMarked(mark);
  progress.signal.addEventListener("abort", stop);
  const bench = progress.workshop.bench();
  const env = { ...process.env, ...bench.env, [markName]: mark };
  const said: Event[] = [];
  const events = run({ files: [file], env, signal: progress.signal, timeout: testMs });
  for await (const event of events as AsyncIterable<Event>) {
    if (!isClosing(event)) said.push(event);
    else if (event.type === "test:summary") add(progress.counts, event.data["counts"] as Counts);
  }
  clearTimeout(overdue);
  progress.signal.removeEventListener("abort", stop);
  for (const command of endMarked(mark)) progress.problems.push(`${name} left a process behind (ended now): ${command}`);
  for (const left of bench.clear()) progress.problems.push(`${name} left ${left} behind (removed now)`);
  return said;
}

function add(totals: Counts, counts: Counts): void {
  for (const name of Object.keys(totals) as (keyof Counts)[]) totals[name] += counts[name];
}

/** What the runner says when it is done, as it thinks, with everything; what is about one file carries the file. */
function isClosing(event: Event): boolean {
  return (event.type === "test:diagnostic" || event.type === "test:summary") && event.data["file"] === undefined;
}

/** The files that took longest, the block of counts in the words of Node's runner, and the event at which the reporter lists the failures. */
function closingEvents(counts: Counts, tookMs: number, files: readonly { name: string; ms: number }[]): Event[] {
  const { tests, suites, passed, failed, cancelled, skipped, todo } = counts;
  const longest = [...files].sort((a, b) => b.ms - a.ms).slice(0, 10);
  const block = { tests, suites, pass: passed, fail: failed, cancelled, skipped, todo, duration_ms: tookMs };
  const said = [
    ...(files.length > 10 ? [`longest: ${longest.map(({ name, ms }) => `${name} ${Math.round(ms / 1000)} s`).join(", ")}`] : []),
    ...Object.entries(block).map(([name, value]) => `${name} ${value}`),
  ];
  const lines = said.map((message) => ({ type: "test:diagnostic", data: { nesting: 0, message, level: "info" } }));
  return [...lines, { type: "test:summary", data: { success: failed + cancelled === 0, counts, duration_ms: tookMs } }];
}
