// A few hundred seeds of the whole, those that once failed, and proof that a seed is the same every time.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import type { Reached } from "./oracles/report.ts";
import { runSeed } from "./run.ts";
import { type Progress, runSideBySide } from "./side-by-side.ts";

const seeds = 240;

const regressions = readFileSync(new URL("regressions.txt", import.meta.url), "utf8")
  .split("\n")
  .filter((line) => line !== "" && !line.startsWith("#"))
  .map((line) => ({ seed: Number(line.split(" ")[0]), showed: line.replace(/^\d+ /, "") }));

test("a seed run twice is the same to the last event", async () => {
  for (const seed of [3, 17, 33]) {
    const [one, other] = [await runSeed({ seed }), await runSeed({ seed, keepTrace: true })];
    assert.equal(one.hash, other.hash);
    assert.equal(one.events, other.events);
  }
});

test("another seed is another world", async () => {
  assert.notEqual((await runSeed({ seed: 1 })).hash, (await runSeed({ seed: 2 })).hash);
});

for (const { seed, showed } of regressions) {
  test(`seed ${seed} is well again: ${showed}`, async () => {
    assert.equal((await runSeed({ seed })).violation, null);
  });
}

/** What the seeds must have reached at least, or they prove little. */
const floor: Reached = {
  approvals: 200,
  paused: 50,
  swaps: 1_000,
  soaks: 600,
  "server ended": 300,
  "deliveries duplicate": 200,
  "hosts brought along": 20,
  "restored from a backup": 20,
  "asked for: adopt": 10,
  "asked for: rollback": 30,
  "asked for: restart": 20,
  "ended: succeeded": 300,
  "ended: incomplete": 10,
  "ended: restored": 60,
  "ended: cancelled": 50,
  "ended: expired": 10,
  "ended: rollback succeeded": 20,
  "judged bad": 50,
  "judged good": 300,
};

test(`${seeds} seeds hold, and reach all that matters`, async () => {
  const reached: Record<string, number> = {};
  const failures: Progress["failures"][number][] = [];
  await runSideBySide({ from: 1, seeds, jobs: 2, planted: null, untilFailureAfter: null, without: "" }, (progress) => {
    failures.push(...progress.failures);
    for (const [what, times] of Object.entries(progress.reached)) reached[what] = (reached[what] ?? 0) + times;
  });
  assert.deepEqual(failures, []);
  for (const [what, least] of Object.entries(floor))
    assert.ok((reached[what] ?? 0) >= least, `${what}: ${reached[what]} of ${least}`);
});
