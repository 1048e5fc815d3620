import assert from "node:assert/strict";
import { test } from "node:test";
import { valid, withGantry } from "./files.ts";
import { tell } from "./tell.ts";

test("a service says how many images stay, or nothing", () => {
  const keepOf = (...lines: string[]) => valid({ service: withGantry(...lines) }).services[0]?.keep;
  assert.equal(keepOf("keep: 5"), 5);
  assert.equal(keepOf("keep: 0"), 0);
  assert.equal(keepOf(), undefined);
});

test("images that stay are counted", (t) =>
  tell(t, [
    ["a word", withGantry("keep: all"), '6:9 "all" is not a whole number; write a whole number from 0 to 100'],
    ["too few", withGantry("keep: -1"), "6:9 -1 is out of bounds; write a whole number from 0 to 100"],
  ]));
