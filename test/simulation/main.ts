/**
 * `npm run simulate`: many seeds, side by side on all cores; or one seed, told line by line; or the planted bugs, each of which
 * must be found.
 *
 *   --seeds 10000 [--from 1] [--jobs 2]      --seed 4711 [--lines 200] [--without a,b] [--hosts 3]      --planted all | NAME
 */
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import type { Reached } from "./oracles/report.ts";
import { plantedBugs } from "./planted/bugs.ts";
import { runSeed } from "./run.ts";
import { type Progress, runSideBySide, seedsFrom, type Work } from "./side-by-side.ts";
import { tellFailure, tellSeed } from "./tell.ts";

const { values } = parseArgs({
  options: {
    seeds: { type: "string" },
    from: { type: "string", default: "1" },
    seed: { type: "string" },
    jobs: { type: "string", default: String(availableParallelism()) },
    lines: { type: "string", default: "60" },
    without: { type: "string", default: "" },
    hosts: { type: "string" },
    planted: { type: "string" },
    gate: { type: "string", default: "5000" },
  },
});
const lines = Number(values.lines);
/** A bug that this many seeds do not show survives. */
const gate = Number(values.gate);
const toldAtMost = 3;

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

function workOf(change: Partial<Work>): Work {
  const { from, jobs, without } = values;
  const seeds = seedsFrom(Number(from), Number(values.seeds ?? 1_000));
  return { seeds, jobs: Number(jobs), planted: null, untilFailureAfter: null, without, ...change };
}

async function manySeeds(): Promise<boolean> {
  const work = workOf({});
  const startedAt = performance.now();
  const total = { seeds: 0, events: 0, failures: [] as Progress["failures"][number][], reached: {} as Record<string, number> };
  let toldAt = startedAt;
  await runSideBySide(work, (progress) => {
    total.seeds += progress.seeds;
    total.events += progress.events;
    total.failures.push(...progress.failures);
    for (const [what, times] of Object.entries(progress.reached)) total.reached[what] = (total.reached[what] ?? 0) + times;
    for (const { seed, id, text } of progress.failures) say(`seed ${seed}: ${id} ${text.split("\n")[0]}`);
    if (performance.now() - toldAt < 5_000) return;
    toldAt = performance.now();
    say(`${total.seeds} of ${work.seeds.length} seeds, ${rate(total.seeds, startedAt)}`);
  });
  tellReached(total.reached);
  say(
    `${total.seeds} seeds, ${Math.round(total.events / total.seeds)} events each, ${rate(total.seeds, startedAt)}, ${total.failures.length} failed`,
  );
  for (const { seed } of total.failures.slice(0, toldAtMost)) await tellFailure(await runSeed({ seed }), { lines, say });
  return total.failures.length === 0;
}

function rate(seeds: number, since: number): string {
  return `${(seeds / ((performance.now() - since) / 1000)).toFixed(1)} seeds/s`;
}

function tellReached(reached: Reached): void {
  for (const [what, times] of Object.entries(reached).sort()) say(`  ${String(times).padStart(8)}  ${what}`);
}

/** True when the bug was found. */
async function findBug(name: string, jobs: number): Promise<boolean> {
  let seeds = 0;
  const failures: Progress["failures"][number][] = [];
  await runSideBySide(
    workOf({ planted: name, jobs, seeds: seedsFrom(Number(values.from), gate), untilFailureAfter: gate < 1_000 ? 0 : 100 }),
    (progress) => {
      seeds += progress.seeds;
      failures.push(...progress.failures);
    },
  );
  const first = failures.sort((a, b) => a.seed - b.seed)[0];
  const share = ((100 * failures.length) / seeds).toFixed(1);
  const ids = [...new Set(failures.map((f) => f.id))].join(" ");
  say(
    first === undefined
      ? `${name.padEnd(28)} SURVIVED ${seeds} seeds`
      : `${name.padEnd(28)} seed ${String(first.seed).padStart(5)}  ${share.padStart(5)} %  ${ids}`,
  );
  return first !== undefined;
}

async function plantedGate(which: string): Promise<boolean> {
  if (which !== "all") return findBug(which, Number(values.jobs));
  const names = plantedBugs.map((bug) => bug.name);
  let found = 0;
  async function next(): Promise<void> {
    for (let name = names.shift(); name !== undefined; name = names.shift()) if (await findBug(name, 1)) found += 1;
  }
  await Promise.all(Array.from({ length: Number(values.jobs) }, next));
  say(`${found} of ${plantedBugs.length} planted bugs were found`);
  return found === plantedBugs.length;
}

async function oneSeed(seed: number): Promise<boolean> {
  const without = new Set(values.without.split(",").filter((word) => word !== ""));
  const hosts = values.hosts === undefined ? {} : { mostHosts: Number(values.hosts) };
  const { violation } = await tellSeed({ seed, without, ...hosts }, { lines, say });
  return violation === null;
}

const isWell =
  values.planted !== undefined
    ? await plantedGate(values.planted)
    : values.seed !== undefined
      ? await oneSeed(Number(values.seed))
      : await manySeeds();
process.exitCode = isWell ? 0 : 1;
