/** The rule of the watch: pure, so that what it found can be judged again from the finding alone. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { LiveHealth } from "../../src/core/slot.ts";
import { judge, type WatchFinding, type WatchSample, watchRule } from "../../src/core/watch.ts";

const since = 1_000_000;
const s = (at: number, health: LiveHealth | "empty" = "ok", restarts = 0, host = "prod-1"): WatchSample => ({
  ...{ host, health, restarts },
  at: since + at * 1_000,
});
/** Judged at second `now` of the watch; times of the answer in seconds. */
function judged(now: number, samples: readonly WatchSample[]) {
  const { finding, lookAgainAt } = judge({ rule: watchRule, samples, since, now: since + now * 1_000 });
  const seconds = (at: number) => (at - since) / 1_000;
  if (finding !== null) return `${finding.host} ${finding.found} at ${seconds(finding.at)} s`;
  return lookAgainAt === null ? "well" : `look again at ${seconds(lookAgainAt)} s`;
}

test("well is well", () => {
  assert.equal(judged(600, []), "well");
  assert.equal(judged(600, [s(0), s(100, "ok", 1)]), "well", "one restart may happen");
});

test("20 s unwell without a break", () => {
  assert.equal(judged(100, [s(90, "failing")]), "look again at 110 s");
  assert.equal(judged(110, [s(90, "failing")]), "prod-1 unwell at 110 s");
  assert.equal(judged(500, [s(90, "failing")]), "prod-1 unwell at 110 s", "whenever it is looked at");
  assert.equal(judged(500, [s(90, "failing"), s(105), s(106, "exited"), s(120)]), "well");
  assert.equal(judged(500, [s(90, "failing"), s(105, "restarting"), s(111)]), "prod-1 unwell at 110 s", "unwell is unwell");
  assert.equal(judged(25, [s(1, "starting")]), "prod-1 unwell at 21 s");
  assert.equal(judged(25, [s(1, "empty")]), "prod-1 unwell at 21 s");
});

test("two restarts, however well it looks", () => {
  assert.equal(judged(600, [s(10, "ok", 1), s(40, "ok", 2)]), "prod-1 restarts at 40 s");
});

test("three times from well to unwell", () => {
  const flapping = [s(0), s(10, "failing"), s(15), s(20, "failing"), s(25), s(30, "failing"), s(31)];
  assert.equal(judged(600, flapping), "prod-1 flaps at 30 s");
  assert.equal(judged(29, flapping), "well", "what is seen later does not count yet");
});

test("how it was before the watch is how it began", () => {
  assert.equal(judged(19, [s(-500, "failing")]), "look again at 20 s");
  assert.equal(judged(20, [s(-500, "failing")]), "prod-1 unwell at 20 s");
  assert.equal(judged(20, [s(-500, "failing"), s(-400)]), "well");
});

test("of several hosts the first that broke the rule", () => {
  const samples = [s(50, "ok", 2, "prod-1"), s(10, "failing", 0, "prod-2"), s(55, "failing", 0, "prod-3")];
  assert.equal(judged(100, samples), "prod-2 unwell at 30 s");
  assert.equal(judged(29, samples), "look again at 30 s");
});

const healths = ["ok", "ok", "starting", "failing", "restarting", "exited", "empty"] as const;
const series = fc
  .array(
    fc.record({
      after: fc.integer({ min: 0, max: 30 }),
      health: fc.constantFrom(...healths),
      restarted: fc.integer({ min: 0, max: 12 }).map((n) => (n === 0 ? 1 : 0)),
      host: fc.constantFrom("prod-1", "prod-2", "prod-3"),
    }),
    { maxLength: 25 },
  )
  .map((draws) => {
    let at = -20;
    const restarts: Record<string, number> = {};
    return draws.map((d) => {
      at += d.after;
      restarts[d.host] = (restarts[d.host] ?? 0) + d.restarted;
      return s(at, d.health, restarts[d.host], d.host);
    });
  });

test("judging the samples of a finding by its rule at its time gives the same finding", () => {
  let found = 0;
  fc.assert(
    fc.property(series, fc.integer({ min: 0, max: 600 }), (samples, now) => {
      const { finding } = judge({ rule: watchRule, samples, since, now: since + now * 1_000 });
      if (finding === null) return;
      found += 1;
      assert.ok(finding.at <= since + now * 1_000);
      const again = judge({ rule: finding.rule, samples: finding.samples, since: finding.samples[0]?.at ?? 0, now: finding.at });
      assert.deepEqual(again.finding, finding);
    }),
    { numRuns: 2000, seed: 20261122 },
  );
  assert.ok(found > 500, `${found} findings in 2000 series`);
});

test("looking again when told to is as good as looking all the time", () => {
  let found = 0;
  fc.assert(
    fc.property(series, (samples) => {
      const judgeAt = (now: number) => judge({ rule: watchRule, samples: samples.filter((x) => x.at <= now), since, now });
      const ticks = Array.from({ length: 900 }, (_, i) => since + i * 1_000);
      const always = ticks.map(judgeAt).find(({ finding }) => finding !== null)?.finding ?? null;
      // What the server does: it looks at every sample, and when it was told to look again.
      const events = samples.map((x) => Math.max(since, x.at));
      let looks = [since, ...events].sort((a, b) => a - b);
      let seen: WatchFinding | null = null;
      for (let now = looks[0]; now !== undefined && seen === null; now = looks[0]) {
        const { finding, lookAgainAt } = judgeAt(now);
        seen = finding;
        const rest = looks.filter((at) => at > (now ?? 0));
        looks = lookAgainAt === null ? rest : [...rest, lookAgainAt].sort((a, b) => a - b);
      }
      if (seen !== null) found += 1;
      assert.deepEqual(seen, always);
    }),
    { numRuns: 200, seed: 7 },
  );
  assert.ok(found > 50);
});
