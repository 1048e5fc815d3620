// A few hundred seeds of the whole, those that once failed, and proof that a seed is the same every time.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import type { Reached } from "./oracles/report.ts";
import { type Progress, runSideBySide, seedsFrom } from "./side-by-side.ts";

const seeds = 200;

type Hashes = Progress["hashes"][number][];
type Failures = Progress["failures"][number][];

const regressions = readFileSync(new URL("regressions.txt", import.meta.url), "utf8")
  .split("\n")
  .filter((line) => line !== "" && !line.startsWith("#"))
  .map((line) => ({ seed: Number(line.split(" ")[0]), showed: line.replace(/^\d+ /, "") }));

/** In processes of their own: what a killed server leaves behind is no fault of the test. */
async function run(seeds: readonly number[]): Promise<Progress> {
  const all = { seeds: 0, events: 0, reached: {} as Record<string, number>, hashes: [] as Hashes, failures: [] as Failures };
  await runSideBySide({ seeds, jobs: 2, planted: null, untilFailureAfter: null, without: "" }, (progress) => {
    all.seeds += progress.seeds;
    all.hashes = [...all.hashes, ...progress.hashes].sort((a, b) => a.seed - b.seed);
    all.failures.push(...progress.failures);
    for (const [what, times] of Object.entries(progress.reached)) all.reached[what] = (all.reached[what] ?? 0) + times;
  });
  return all;
}

test("a seed run twice is the same to the last event, and another seed is another world", async () => {
  const [one, other] = [await run(seedsFrom(30, 12)), await run(seedsFrom(30, 12))];
  assert.equal(one.hashes.length, 12);
  assert.deepEqual(one.hashes, other.hashes);
  assert.equal(new Set(one.hashes.map((h) => h.hash)).size, 12);
});

test(`${regressions.length} seeds that once failed are well`, async () => {
  const { failures } = await run(regressions.map((r) => r.seed));
  const named = failures.map((f) => ({ ...f, showed: regressions.find((r) => r.seed === f.seed)?.showed }));
  assert.deepEqual(named, []);
});

/** What the seeds must have reached at least, or they prove little. */
const floor: Reached = {
  approvals: 150,
  paused: 40,
  swaps: 700,
  soaks: 500,
  "server ended": 150,
  "deliveries duplicate": 200,
  "hosts brought along": 15,
  "hosts swapped for free": 5,
  "restored from a backup": 12,
  "asked for: adopt": 5,
  "asked for: rollback": 10,
  "asked for: restart": 10,
  "asked for: promote": 20,
  "ended: succeeded": 250,
  "ended: incomplete": 3,
  "ended: restored": 60,
  "ended: cancelled": 50,
  "ended: rollback succeeded": 8,
  "judged bad": 60,
  "judged good": 200,
};

test(`${seeds} seeds hold, and reach all that matters`, async () => {
  const { reached, failures } = await run(seedsFrom(1, seeds));
  assert.deepEqual(failures, []);
  for (const [what, least] of Object.entries(floor))
    assert.ok((reached[what] ?? 0) >= least, `${what}: ${reached[what]} of ${least}`);
});
