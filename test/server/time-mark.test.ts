/** A server that starts again goes on in the time of the one before, whatever somebody did to the clock of the machine. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import type { Log } from "../../src/app/ports.ts";
import { openClock } from "../../src/server/time-mark.ts";

const hourMs = 3_600_000;

function aFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "gantry-time-"));
  after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function aLog() {
  const warnings: string[] = [];
  const log: Log = { debug() {}, info() {}, warn: (_facts, message) => void warnings.push(message), error() {} };
  return { log, warnings };
}

for (const [what, byMs] of [
  ["ahead", hourMs],
  ["back", -hourMs],
] as const) {
  test(`the clock is set an hour ${what} between two starts: time goes on, and the log says so`, () => {
    const folder = aFolder();
    const { log, warnings } = aLog();
    const before = openClock({ folder, log });
    before.stop();
    const stoppedAt = before.clock.now();
    const next = openClock({ folder, log, wall: () => Date.now() + byMs });
    after(next.stop);
    assert.ok(Math.abs(next.clock.now() - stoppedAt) < 1_000, `${next.clock.now() - stoppedAt} ms later`);
    assert.match(warnings.join(), /the clock of this machine was set/);
  });
}

test("a process that was killed has left its mark too", () => {
  const folder = aFolder();
  const { log } = aLog();
  const killed = openClock({ folder, log });
  const next = openClock({ folder, log, wall: () => Date.now() + hourMs });
  after(killed.stop);
  after(next.stop);
  assert.ok(Math.abs(next.clock.now() - killed.clock.now()) < 1_000);
});

test("a mark that says nothing is none", () => {
  const folder = aFolder();
  writeFileSync(join(folder, "gantry.clock"), '{"bootId":');
  const { clock, stop } = openClock({ folder, log: aLog().log });
  after(stop);
  assert.ok(Math.abs(clock.now() - Date.now()) < 1_000);
  assert.equal(typeof JSON.parse(readFileSync(join(folder, "gantry.clock"), "utf8")).time, "number");
});
