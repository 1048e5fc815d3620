// The simulation is only worth what it finds: every planted bug must be found, near the seed that showed it first.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { plantedBugs } from "./planted/bugs.ts";
import { fileOf, withEdit } from "./planted/plant.ts";
import { runSideBySide } from "./side-by-side.ts";

/** From the seed that showed it on: what else changes in the code moves things a little. */
const range = 60;

test("every planted bug still has its place in the code, exactly once", () => {
  assert.ok(plantedBugs.length >= 15);
  for (const edit of plantedBugs.flatMap((bug) => bug.edits)) {
    const source = readFileSync(fileOf(edit), "utf8");
    assert.notEqual(withEdit(edit, source), source);
  }
});

describe("planted bugs are found", { concurrency: 2 }, () => {
  for (const { name, is, shownBy } of plantedBugs) {
    test(`${name}: ${is}`, async () => {
      const found: string[] = [];
      const work = { from: shownBy, seeds: range, jobs: 1, planted: name, untilFailureAfter: 0, without: "" };
      await runSideBySide(work, ({ failures }) => found.push(...failures.map((f) => `seed ${f.seed}: ${f.id}`)));
      assert.notDeepEqual(found, [], `${range} seeds from ${shownBy} on do not show it`);
    });
  }
});
