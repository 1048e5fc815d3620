// `npm test`: set-up, then the checks and every test side by side, and those that measure times when all is quiet.
//   npm test                    everything
//   npm test -- --fast          without the Docker hosts (no root needed)
//   npm test -- docker journeys only files whose path contains one of the words; no checks
import { availableParallelism } from "node:os";
import { checks, runCheck } from "../../scripts/checks.ts";
import { sweep } from "../../src/rehearsal/fleet/network.ts";
import { ensureBrowser, ensureCompose, ensureEngine, ensureSwapTools } from "../../src/rehearsal/fleet/setup.ts";
import { runTests } from "./run-tests.ts";
import { findSuites } from "./suites.ts";

const words = process.argv.slice(2);
const filters = words.filter((word) => !word.startsWith("--"));
const found = findSuites(filters);
const suites = words.includes("--fast") ? { ...found, engine: [] } : found;
const cores = Math.max(2, availableParallelism());
const problems: string[] = [];
const stop = new AbortController();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => interrupt(signal));

await prepare("a browser", ensureBrowser);
await prepare("Docker Compose", ensureCompose);
if (suites.engine.length > 0) {
  await prepare("Docker hosts", ensureEngine);
  await prepare("swap tools", ensureSwapTools);
}
const checked = filters.length === 0 ? check() : null;
const result = await runTests({
  stages: [
    // Half of what a test does is waiting, most of what one on Docker hosts does.
    [
      { files: suites.engine, atOnce: cores, deadlines: { fileMs: 600_000, testMs: 480_000 } },
      { files: suites.fast, atOnce: 2 * cores, deadlines: { fileMs: 300_000, testMs: 240_000 } },
    ],
    [{ files: suites.timed, atOnce: 1, deadlines: { fileMs: 180_000, testMs: 120_000 } }],
  ],
  atOnce: 2 * cores,
  signal: stop.signal,
  out: process.stdout,
});
await checked;
problems.push(...result.problems);
for (const lab of process.getuid?.() === 0 ? await sweep() : [])
  problems.push(`a test left its Docker hosts behind (lab ${lab}, removed now)`);
conclude();

/** Tests that need what is missing fail by themselves; the reason is said before and after them, and the others still run. */
async function prepare(what: string, ensure: (onProgress: (line: string) => void) => Promise<void>): Promise<void> {
  try {
    await ensure(say);
  } catch (error) {
    problems.push(`no ${what}: ${error instanceof Error ? error.message : error}`);
    say(problems.at(-1) ?? "");
  }
}

async function check(): Promise<void> {
  say("checks: biome, tsc, knip …");
  await Promise.all(
    checks.map(async (each) => {
      const { ok, output } = await runCheck(each);
      say(ok ? `check ${each.name}: ok` : `check ${each.name}: FAILED\n${output}`);
      if (!ok) problems.push(`check ${each.name} failed (npm run check)`);
    }),
  );
}

function conclude(): void {
  if (result.passed + result.failed === 0) problems.push("no test was run");
  if (problems.length > 0) say("\nBesides the tests, this is wrong:");
  for (const problem of problems) say(`- ${problem}`);
  say(`${result.passed} passed, ${result.failed} failed`);
  if (result.failed > 0 || problems.length > 0) process.exitCode = 1;
}

/** The running test files are killed with all they started; labs they left are removed at the end. */
function interrupt(signal: string): void {
  if (stop.signal.aborted) return;
  problems.push(`interrupted by ${signal}`);
  stop.abort();
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
