/** Somebody sets the clock of the server; durations do not notice. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { steadyTime } from "../../src/app/steady-time.ts";

const noon = Date.UTC(2026, 0, 5, 12);

/** A machine's two clocks in the test's hand. */
function aMachine() {
  let passed = 0;
  let offset = 0;
  const now = steadyTime({ wall: () => noon + passed + offset, mono: () => passed });
  return {
    now,
    pass(ms: number) {
      passed += ms;
    },
    set(byMs: number) {
      offset += byMs;
    },
    wall: () => noon + passed + offset,
  };
}

test("a clock that nobody sets is the time of day", () => {
  const machine = aMachine();
  for (let i = 0; i < 1000; i++) {
    machine.pass(i % 7);
    assert.equal(machine.now(), machine.wall());
  }
});

for (const [what, stepMs] of [
  ["an hour ahead", 3_600_000],
  ["an hour back", -3_600_000],
  ["ten seconds ahead", 10_000],
] as const) {
  test(`set ${what} in a soak of a minute, the soak is a minute long within a twentieth`, () => {
    const machine = aMachine();
    const begun = machine.now();
    machine.pass(20_000);
    machine.set(stepMs);
    machine.pass(40_000);
    const lasted = machine.now() - begun;
    assert.ok(Math.abs(lasted - 60_000) <= 60_000 * 0.05 + 1, `it took ${lasted} ms by the clock`);
  });
}

test("it never goes back, and comes to the right time in the end", () => {
  const machine = aMachine();
  machine.set(-30_000);
  let last = machine.now();
  for (let i = 0; i < 11 * 60; i++) {
    machine.pass(1_000);
    assert.ok(machine.now() > last);
    last = machine.now();
  }
  assert.equal(last, machine.wall());
});
