/** Somebody sets the clock of the server; durations do not notice. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { clockOf } from "../../src/app/clock.ts";
import { steadyTime, type TimeMark, timeAfter } from "../../src/app/steady-time.ts";

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

test("a wake comes at its time or after it, also while a clock that was set back is followed", () => {
  let passed = 0;
  let offset = 0;
  const timers: { at: number; work: () => void }[] = [];
  const clock = clockOf({
    wall: () => noon + passed + offset,
    mono: () => passed,
    after(ms, work) {
      const timer = { at: passed + Math.max(1, ms), work };
      timers.push(timer);
      return () => {
        if (timers.includes(timer)) timers.splice(timers.indexOf(timer), 1);
      };
    },
  });
  const woken: number[] = [];
  clock.wakeAt(noon + 60_000, () => woken.push(clock.now()));
  const cancel = clock.wakeAt(noon + 60_000, () => woken.push(0));
  offset = -3_600_000;
  for (let next = timers[0]; next !== undefined && passed < 120_000; next = timers[0]) {
    passed = next.at;
    timers.splice(timers.indexOf(next), 1);
    next.work();
    // It was armed anew meanwhile.
    if (passed > 59_000) cancel();
  }
  assert.equal(woken.length, 1);
  assert.ok((woken[0] ?? 0) >= noon + 60_000, `woken at ${woken[0]}`);
  assert.ok(passed <= 60_000 / 0.95 + 10, `after ${passed} ms`);
});

const mark: TimeMark = { bootId: "one", time: noon, mono: 5_000 };

for (const [what, now, begins] of [
  ["the clock was set ahead while it was down", { bootId: "one", wall: noon + 3_700_000, mono: 105_000 }, noon + 100_000],
  ["the clock was set back while it was down", { bootId: "one", wall: noon - 3_500_000, mono: 105_000 }, noon + 100_000],
  ["another boot, and the clock is right", { bootId: "two", wall: noon + 100_000, mono: 10 }, noon + 100_000],
  ["another boot, and the clock is an hour behind", { bootId: "two", wall: noon - 3_500_000, mono: 10 }, noon],
  ["a clock that was wrong by days was set right", { bootId: "one", wall: noon - 9e8, mono: 105_000 }, noon - 9e8],
] as const) {
  test(`the next process goes on from the mark of the last: ${what}`, () => {
    assert.equal(timeAfter(mark, now), begins);
  });
}

test("without a mark a process begins with what the machine says", () => {
  assert.equal(timeAfter(null, { bootId: "one", wall: noon, mono: 5 }), noon);
});
