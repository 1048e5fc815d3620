/** Runs the seeds that it is given, with a planted bug when told so. Started by side-by-side.ts. */
import { plant } from "./planted/plant.ts";
import type { ChildWork, Progress } from "./side-by-side.ts";

// There is nothing more to do, or whoever started it has gone.
process.on("disconnect", () => process.exit());
const work = JSON.parse(process.argv[2] ?? "{}") as ChildWork;
if (work.planted !== null) plant(work.planted);
// Only now: the bug is planted while the code is loaded.
const { runSeed } = await import("./run.ts");

const without = new Set(work.without.split(",").filter((word) => word !== ""));

process.on("message", async (seeds: readonly number[]) => {
  process.send?.(await run(seeds));
});

async function run(seeds: readonly number[]): Promise<Progress> {
  const total = { seeds: 0, events: 0, reached: {} as Record<string, number> };
  const hashes: Progress["hashes"][number][] = [];
  const failures: Progress["failures"][number][] = [];
  for (const seed of seeds) {
    const { violation, events, reached, hash } = await runSeed({ seed, without });
    total.seeds += 1;
    total.events += events;
    for (const [what, times] of Object.entries(reached)) total.reached[what] = (total.reached[what] ?? 0) + times;
    hashes.push({ seed, hash });
    if (violation === null) continue;
    failures.push({ seed, id: violation.id, text: violation.text });
    if (work.stopsAtFailure) break;
  }
  return { ...total, hashes, failures };
}
