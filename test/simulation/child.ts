/** Runs its share of the seeds, with a planted bug when told so. Started by side-by-side.ts. */
import { plant } from "./planted/plant.ts";
import type { Progress, Work } from "./side-by-side.ts";

// Whoever started it has gone.
process.on("disconnect", () => process.exit());
const work = JSON.parse(process.argv[2] ?? "{}") as Work;
if (work.planted !== null) plant(work.planted);
// Only now: the bug is planted while the code is loaded.
const { runSeed } = await import("./run.ts");

const tellEvery = 20;
const without = new Set(work.without.split(",").filter((word) => word !== ""));
let failed = 0;
let progress = nothing();

for (let i = 0; i < work.seeds; i += 1) {
  const seed = work.from + i * work.jobs;
  const { violation, events, reached } = await runSeed({ seed, without });
  progress = {
    seeds: progress.seeds + 1,
    events: progress.events + events,
    reached: sum(progress.reached, reached),
    failures: violation === null ? progress.failures : [...progress.failures, { seed, id: violation.id, text: violation.text }],
  };
  if (violation !== null) failed += 1;
  if (progress.seeds >= tellEvery) tell();
  if (work.untilFailureAfter !== null && failed > 0 && i + 1 >= work.untilFailureAfter) break;
}
tell();
process.disconnect();

function tell(): void {
  process.send?.(progress);
  progress = nothing();
}

function nothing(): Progress {
  return { seeds: 0, events: 0, reached: {}, failures: [] };
}

function sum(a: Progress["reached"], b: Progress["reached"]): Progress["reached"] {
  const both = { ...a };
  for (const [what, times] of Object.entries(b)) both[what] = (both[what] ?? 0) + times;
  return both;
}
