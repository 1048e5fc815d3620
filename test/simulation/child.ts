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

for (const [index, seed] of work.seeds.entries()) {
  const { violation, events, reached, hash } = await runSeed({ seed, without });
  progress = {
    seeds: progress.seeds + 1,
    events: progress.events + events,
    reached: sum(progress.reached, reached),
    hashes: [...progress.hashes, { seed, hash }],
    failures: violation === null ? progress.failures : [...progress.failures, { seed, id: violation.id, text: violation.text }],
  };
  if (violation !== null) failed += 1;
  if (progress.seeds >= tellEvery) tell();
  if (work.untilFailureAfter !== null && failed > 0 && index + 1 >= work.untilFailureAfter) break;
}
tell();
process.disconnect();

function tell(): void {
  process.send?.(progress);
  progress = nothing();
}

function nothing(): Progress {
  return { seeds: 0, events: 0, reached: {}, hashes: [], failures: [] };
}

function sum(a: Progress["reached"], b: Progress["reached"]): Progress["reached"] {
  const both = { ...a };
  for (const [what, times] of Object.entries(b)) both[what] = (both[what] ?? 0) + times;
  return both;
}
