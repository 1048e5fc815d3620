import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import fc from "fast-check";
import type { Phase } from "../../src/core/rollout-state.ts";
import { Told } from "../kit/rollouts.ts";
import { draws, play, request } from "./draws.ts";
import { diagram, isWay, ways } from "./phase-table.ts";

for (const { from, to, when, example } of ways) {
  test(`${from} to ${to}${when === "" ? "" : `: ${when}`}`, () => {
    const { rollout, then } = example();
    if (rollout !== null) assert.equal(rollout.state.phase, from);
    const made = then(rollout as Told);
    const after = rollout ?? made;
    assert.ok(after instanceof Told);
    const { phase } = after.state;
    // With nothing to put back it is restored at once.
    assert.ok(phase === to || (to === "restoring" && phase === "restored"), `${phase}`);
  });
}

test("no other way is ever taken", () => {
  const taken = new Set<string>();
  fc.assert(
    fc.property(request, draws, (asked, list) => {
      const first = new Told(asked).state.phase;
      assert.ok(isWay("[*]", first), `[*] to ${first}`);
      play(asked, list, ({ before, rollout, event }) => {
        const { phase } = rollout.state;
        if (phase === before.phase) return;
        assert.ok(isWay(before.phase, phase), `${before.phase} to ${phase} by ${event.type}`);
        taken.add(`${before.phase} to ${phase}`);
      });
    }),
    { numRuns: 3000, seed: 11 },
  );
  assert.ok(taken.size >= 20, [...taken].join("; "));
});

test("what has ended leads nowhere", () => {
  const ends: readonly Phase[] = ["succeeded", "incomplete", "restored", "stuck", "rejected", "expired", "cancelled"];
  for (const end of ends)
    assert.equal(
      ways.some((w) => w.from === end),
      false,
    );
});

test("the diagram in the documentation is the table", () => {
  const page = readFileSync(new URL("../../docs/explanation/rollout-model.md", import.meta.url), "utf8");
  const shown = /```mermaid\nstateDiagram-v2[\s\S]*?\n```/.exec(page)?.[0];
  assert.equal(shown, diagram(), `docs/explanation/rollout-model.md should have:\n${diagram()}`);
});
