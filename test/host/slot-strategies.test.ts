/** The steps of a swap that callers do not notice: at a gate, behind a proxy, on a shared port. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Attempt, freshAttempt, nextStep, type SeenContainer, type SlotView, type Step } from "../../src/core/slot-step.ts";

const goal = {
  generation: 2,
  release: { number: 2, members: [{ name: null, digest: "d2", specHash: "s2", condition: "healthy" }] },
} as const;
const ok = { ok: true, tookMs: 1 } as const;
const failed = { ok: false, tookMs: 1, reason: "unhealthy", detail: "", logTail: [], after: "restored" } as const;
const failure = { reason: "unhealthy", detail: "503", logTail: [] };

function container(generation: number, more: Partial<SeenContainer> = {}): SeenContainer {
  return {
    ...{ id: `c${generation}`, member: null, role: "live", generation, labelled: generation, release: generation },
    ...{ digest: `d${generation}`, specHash: `s${generation}`, status: "running", promoted: true, isOneShot: false },
    ...{ exitCode: null, position: 0, replaces: null, ending: null },
    ...more,
  };
}

function view(
  containers: readonly SeenContainer[],
  attempt: Partial<Attempt> = {},
  settled: SlotView["settled"] = null,
): SlotView {
  return { goal, containers, settled, mayRepair: true, mayTidy: true, attempt: { ...freshAttempt, ...attempt } };
}

type Row = readonly [string, SlotView, Step];

function rowsOf(rows: readonly Row[]): void {
  for (const [name, seen, step] of rows) it(name, () => assert.deepEqual(nextStep(seen), step));
}

const fresh = { promoted: false, replaces: "c1" } as const;

describe("the next step at a gate", () => {
  const old = container(1);
  const stopped = container(1, { status: "ended" });
  const created = container(2, { ...fresh, status: "created", gate: "closed" });
  const waiting = container(2, { ...fresh, gate: "closed" });
  const through = container(2, { ...fresh, gate: "open" });
  rowsOf([
    ["starts the candidate while the old one serves", view([old, created]), { kind: "start", id: "c2", which: "beside" }],
    ["stops the old one when the candidate waits", view([old, waiting]), { kind: "stop", id: "c1", which: "old" }],
    ["opens when the old one has ended", view([stopped, waiting], { stoppedOld: ["c1"] }), { kind: "open", id: "c2" }],
    ["checks what was let through", view([stopped, through], { opened: ["c2"] }), { kind: "check", id: "c2", which: "new" }],
    [
      "opens once more what another process let through: it may not have come to the door",
      view([stopped, through]),
      { kind: "open", id: "c2" },
    ],
    ["goes on within the time", view([stopped, waiting], { resume: "forward" }), { kind: "open", id: "c2" }],
    [
      "after that it goes back",
      view([stopped, waiting]),
      {
        kind: "fail",
        reason: "interrupted",
        detail: "the agent ended after the old container was stopped and before the new one was let through",
        id: "c2",
      },
    ],
    [
      "back: what waits is stopped before the old one starts",
      view([stopped, waiting], { failure }),
      { kind: "stop", id: "c2", which: "candidate" },
    ],
    [
      "a power cut takes what waited, and gives the old one back: it goes on as if it had only been created",
      view([old, container(2, { ...fresh, gate: "closed", status: "ended", ending: "exit code 137" })]),
      { kind: "start", id: "c2", which: "beside" },
    ],
    [
      "and goes back where the old one had been stopped",
      view([stopped, container(2, { ...fresh, gate: "closed", status: "ended", ending: "exit code 255" })]),
      {
        kind: "fail",
        reason: "interrupted",
        detail: "the agent ended after the old container was stopped and before the new one was started",
        id: "c2",
      },
    ],
    [
      "what this process started and ends at its gate is told of",
      view([old, container(2, { ...fresh, gate: "closed", status: "ended" })], { startedNew: ["c2"] }),
      { kind: "check", id: "c2", which: "new" },
    ],
    [
      "started without anybody to wait for, it is let through",
      view([container(2, { promoted: false, gate: "closed" })]),
      { kind: "open", id: "c2" },
    ],
    [
      "two with their commands running are still one too many",
      view([old, through]),
      { kind: "fail", reason: "interrupted", detail: "the old and the new container were running at once", id: "c2" },
    ],
    ["what serves passes its own gate", view([container(2, { gate: "open" })], {}, ok), { kind: "rest" }],
  ]);
});

describe("the next step behind a proxy", () => {
  const shares = "proxy" as const;
  const old = container(1, { shares });
  const created = container(2, { ...fresh, status: "created", shares });
  const running = container(2, { ...fresh, shares });
  const promoted = container(2, { replaces: "c1", shares });
  rowsOf([
    ["starts beside the old one", view([old, created]), { kind: "start", id: "c2", which: "beside" }],
    ["checks it beside the old one", view([old, running]), { kind: "check", id: "c2", which: "new" }],
    ["points to what is healthy", view([old, running], { verified: ["c2"] }), { kind: "point", id: "c2", which: "new" }],
    [
      "promotes what is pointed to",
      view([old, running], { verified: ["c2"], pointedAt: "c2" }),
      { kind: "promote", id: "c2", which: "new" },
    ],
    ["settles before the old one ends", view([old, promoted]), { kind: "settle", ok: true, adopt: null }],
    ["then the old one ends", view([old, promoted], {}, ok), { kind: "stop", id: "c1", which: "leftover" }],
    [
      "back: points to the old one before the candidate stops",
      view([old, running], { failure, pointedAt: "c2" }),
      { kind: "point", id: "c1", which: "old" },
    ],
    [
      "back: stops the candidate then",
      view([old, running], { failure, pointedAt: "c1" }),
      { kind: "stop", id: "c2", which: "candidate" },
    ],
    [
      "a newer order: points to what serves before it stops what was begun",
      { ...view([old, container(2, { ...fresh, shares })]), goal: { ...goal, generation: 3 } },
      { kind: "point", id: "c1", which: "old" },
    ],
    [
      "an old one that is not behind the proxy yet stops first",
      view([container(1), created]),
      { kind: "stop", id: "c1", which: "old" },
    ],
    [
      "without an old one it is pointed to as well",
      view([container(2, { promoted: false, shares })], { verified: ["c2"] }),
      { kind: "point", id: "c2", which: "new" },
    ],
    ["what was restored stays", view([old], {}, failed), { kind: "rest" }],
  ]);
});

describe("the next step on a shared port", () => {
  const shares = "reuse-port" as const;
  const old = container(1, { shares });
  rowsOf([
    [
      "starts beside the old one",
      view([old, container(2, { ...fresh, status: "created", shares })]),
      { kind: "start", id: "c2", which: "beside" },
    ],
    [
      "promotes what is healthy, with no proxy to ask",
      view([old, container(2, { ...fresh, shares })], { verified: ["c2"] }),
      { kind: "promote", id: "c2", which: "new" },
    ],
    [
      "does not share with one that is behind a proxy",
      view([old, container(2, { ...fresh, status: "created", shares: "proxy" })]),
      { kind: "stop", id: "c1", which: "old" },
    ],
  ]);
});
