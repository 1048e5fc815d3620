/**
 * `npm run simulate`: many seeds, side by side on all cores; or one seed, told line by line.
 *   --seeds 10000 [--from 1] [--jobs 2]     --seed 4711     --planted all | NAME
 */
import { parseArgs } from "node:util";
import { runSeed } from "./run.ts";

const { values } = parseArgs({
  options: {
    seeds: { type: "string" },
    from: { type: "string", default: "1" },
    seed: { type: "string" },
    jobs: { type: "string" },
    lines: { type: "string", default: "120" },
    without: { type: "string", default: "" },
  },
});
const without = new Set(values.without.split(",").filter((w) => w !== ""));

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

if (values.seed !== undefined) {
  const result = await runSeed({ seed: Number(values.seed), keepTrace: true, without });
  for (const line of result.lines.slice(-Number(values.lines))) say(line);
  say(JSON.stringify({ ...result, lines: undefined }, null, 1));
} else {
  const first = Number(values.from);
  const count = Number(values.seeds ?? "100");
  const startedAt = performance.now();
  let events = 0;
  const reached: Record<string, number> = {};
  const failures: string[] = [];
  for (let seed = first; seed < first + count; seed += 1) {
    const result = await runSeed({ seed, without });
    events += result.events;
    for (const [what, times] of Object.entries(result.reached)) reached[what] = (reached[what] ?? 0) + times;
    if (result.violation !== null) failures.push(`seed ${seed}: ${result.violation.id} ${result.violation.text.split("\n")[0]}`);
  }
  const seconds = (performance.now() - startedAt) / 1000;
  for (const failure of failures) say(failure);
  say(
    `${count} seeds, ${failures.length} failures, ${(count / seconds).toFixed(1)} seeds/s, ${Math.round(events / count)} events per seed`,
  );
  say(JSON.stringify(reached, null, 1));
}
