import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  type Attempt,
  freshAttempt,
  type Goal,
  nextStep,
  type SeenContainer,
  type SlotView,
  type Step,
} from "../../src/core/slot-step.ts";

const goal2: Goal = { generation: 2, release: alone(2) };
/** A release of one container. */
function alone(number: number): Goal["release"] {
  return { number, members: [{ name: null, digest: `d${number}`, specHash: `s${number}`, condition: "healthy" }] };
}

const ok = { ok: true, tookMs: 1 } as const;
const failed = { ok: false, tookMs: 1, reason: "unhealthy", detail: "", logTail: [], after: "restored" } as const;

function container(generation: number, more: Partial<SeenContainer> = {}): SeenContainer {
  return {
    id: `c${generation}`,
    member: null,
    role: "live",
    generation,
    labelled: generation,
    release: generation,
    digest: `d${generation}`,
    specHash: `s${generation}`,
    status: "running",
    promoted: true,
    isOneShot: false,
    exitCode: null,
    position: 0,
    replaces: null,
    ending: null,
    ...more,
  };
}

function view(
  containers: readonly SeenContainer[],
  more: Partial<Omit<SlotView, "attempt">> & { attempt?: Partial<Attempt> } = {},
): SlotView {
  const attempt = { ...freshAttempt, ...more.attempt };
  return { goal: goal2, containers, settled: null, mayRepair: true, mayTidy: true, ...more, attempt };
}

const old = container(1);
const unpinned = container(1, { promoted: false });
const stopped = container(1, { promoted: false, status: "ended" });
const created = container(2, { promoted: false, status: "created", replaces: "c1" });
const running = container(2, { promoted: false, replaces: "c1" });
const ended = container(2, { promoted: false, status: "ended", replaces: "c1" });
const promoted = container(2, { replaces: "c1" });
const kept = container(1, { id: "k1", role: "previous", status: "created", promoted: false });
const has = { attempt: { imagePresent: true } };
const failure = { reason: "unhealthy", detail: "503", logTail: [] };

/** A restart: generation 2 of the release that generation 1 serves. */
const again = { release: 1, digest: "d1", specHash: "s1" } as const;
const restart: Goal = { generation: 2, release: alone(1), fresh: true };
const before = container(0, { id: "k0", role: "previous", status: "created", promoted: false });

describe("the next step of a restart", () => {
  const rows: readonly (readonly [string, SlotView, Step])[] = [
    ["what serves is not enough", view([old], { goal: restart, ...has }), { kind: "create", member: null, replaces: "c1" }],
    ["without the word it is", view([old], { goal: { ...restart, fresh: false } }), { kind: "check", id: "c1", which: "new" }],
    [
      "the old one stops for it",
      view([old, { ...created, ...again }], { goal: restart }),
      { kind: "stop", id: "c1", which: "old" },
    ],
    [
      "and serves again when it fails",
      view(
        [
          { ...old, status: "ended" },
          { ...ended, ...again },
        ],
        { goal: restart, attempt: { failure } },
      ),
      { kind: "start", id: "c1", which: "old" },
    ],
    [
      "the way back to the release before is kept",
      view([{ ...old, status: "ended" }, { ...promoted, ...again }, before], { goal: restart, settled: ok }),
      { kind: "remove", id: "c1" },
    ],
    ["then it rests", view([{ ...promoted, ...again }, before], { goal: restart, settled: ok }), { kind: "rest" }],
  ];
  for (const [name, seen, step] of rows) it(name, () => assert.deepEqual(nextStep(seen), step));
});

describe("the next step of a swap", () => {
  const rows: readonly (readonly [string, SlotView, Step])[] = [
    ["pulls before anything is touched", view([old]), { kind: "pull", members: [null] }],
    ["creates beside the old one", view([old], has), { kind: "create", member: null, replaces: "c1" }],
    [
      "touches nothing else before it, whatever is left over",
      view([stopped, container(0, { status: "ended" }), kept], has),
      { kind: "start", id: "c0", which: "old" },
    ],
    [
      "creates before it tidies",
      view([old, container(0, { status: "ended", promoted: false }), kept], has),
      { kind: "create", member: null, replaces: "c1" },
    ],
    ["starts the old one that was stopped", view([{ ...old, status: "ended" }]), { kind: "start", id: "c1", which: "old" }],
    ["creates on an empty host", view([], has), { kind: "create", member: null, replaces: null }],
    ["stops the old one", view([old, created]), { kind: "stop", id: "c1", which: "old" }],
    [
      "then starts the new one",
      view([stopped, created], { attempt: { stoppedOld: ["c1"] } }),
      { kind: "start", id: "c2", which: "new" },
    ],
    ["then checks it", view([stopped, running]), { kind: "check", id: "c2", which: "new" }],
    [
      "then promotes it",
      view([stopped, running], { attempt: { verified: ["c2"] } }),
      { kind: "promote", id: "c2", which: "new" },
    ],
    ["then settles", view([stopped, promoted]), { kind: "settle", ok: true, adopt: null }],
    ["then keeps the old one", view([stopped, promoted], { settled: ok }), { kind: "keep", id: "c1" }],
    ["then removes it", view([stopped, promoted, kept], { settled: ok }), { kind: "remove", id: "c1" }],
    ["then rests", view([promoted, kept], { settled: ok }), { kind: "rest" }],
    [
      "keeps one voucher only",
      view([promoted, kept, { ...kept, id: "k0", generation: 0, labelled: 0 }], { settled: ok }),
      { kind: "remove", id: "k0" },
    ],
  ];
  for (const [name, given, wanted] of rows) it(name, () => assert.deepEqual(nextStep(given), wanted));
});

describe("a kept container that somebody roused", () => {
  const armed = { ...kept, comesBack: true as const };
  const running = { ...kept, status: "running" as const };
  const rows: readonly (readonly [string, SlotView, Step])[] = [
    ["must not come back by itself", view([promoted, armed], { settled: ok }), { kind: "disarm", id: "k1" }],
    ["is stopped", view([promoted, running], { settled: ok }), { kind: "stop", id: "k1", which: "leftover" }],
    ["before anything is swapped", view([old, { ...running, id: "k0" }]), { kind: "stop", id: "k0", which: "leftover" }],
    [
      "though not in haste when it does not stop",
      view([promoted, running], { settled: ok, mayRepair: false, attempt: { unstoppable: ["k1"] } }),
      { kind: "rest" },
    ],
    [
      "again now and then",
      view([promoted, running], { settled: ok, attempt: { unstoppable: ["k1"] } }),
      { kind: "stop", id: "k1", which: "leftover" },
    ],
    [
      "and keeps no repair of what serves waiting",
      view([{ ...promoted, status: "ended" }, running], { settled: ok, attempt: { unstoppable: ["k1"] } }),
      { kind: "start", id: "c2", which: "repair" },
    ],
    [
      "nor the way back of a swap that failed",
      view([stopped, ended, running], { attempt: { failure, unstoppable: ["k1"] } }),
      { kind: "start", id: "c1", which: "old" },
    ],
  ];
  for (const [name, given, wanted] of rows) it(name, () => assert.deepEqual(nextStep(given), wanted));
});

describe("the way back", () => {
  const fails = { attempt: { failure } };
  const rows: readonly (readonly [string, SlotView, Step])[] = [
    ["stops the new one", view([stopped, running], fails), { kind: "stop", id: "c2", which: "candidate" }],
    ["starts the old one", view([stopped, ended], fails), { kind: "start", id: "c1", which: "old" }],
    ["promotes it again", view([unpinned, ended], fails), { kind: "promote", id: "c1", which: "old" }],
    [
      "checks what it had stopped",
      view([old, ended], { attempt: { failure, startedOld: ["c1"] } }),
      { kind: "check", id: "c1", which: "old" },
    ],
    ["settles as restored", view([old, ended], fails), { kind: "settle", ok: false, after: "restored" }],
    ["settles as empty when there was nothing", view([], fails), { kind: "settle", ok: false, after: "empty" }],
    [
      "settles as down when the old one does not come back",
      view([stopped, ended], { attempt: { failure, oldBroken: ["c1"] } }),
      { kind: "settle", ok: false, after: "down" },
    ],
    ["settles as down when the old one is gone", view([ended], fails), { kind: "settle", ok: false, after: "down" }],
    [
      "starts the old one again although its policy was changed and only the failed one names it",
      view([stopped, ended], { settled: failed }),
      { kind: "start", id: "c1", which: "repair" },
    ],
    [
      "keeps the failed one while the old one does not serve: it alone tells which the old one is",
      view([stopped, ended], { settled: failed, mayRepair: false }),
      { kind: "rest" },
    ],
    ["keeps what has run when nothing serves", view([stopped], { settled: failed }), { kind: "rest" }],
    [
      "does not call a host empty that has something to go back to",
      view([stopped], fails),
      { kind: "settle", ok: false, after: "down" },
    ],
    ["removes the failed one", view([old, ended], { settled: failed }), { kind: "remove", id: "c2" }],
    ["and does not try it again", view([old], { settled: failed }), { kind: "rest" }],
  ];
  for (const [name, given, wanted] of rows) it(name, () => assert.deepEqual(nextStep(given), wanted));
});

describe("what a new agent finds (reliability table)", () => {
  const forward = { attempt: { resume: "forward" as const } };
  const rows: readonly (readonly [string, SlotView, Step])[] = [
    ["one running, promoted: settles without touching it", view([promoted, kept]), { kind: "settle", ok: true, adopt: null }],
    ["one running, not promoted: checks from zero", view([stopped, running]), { kind: "check", id: "c2", which: "new" }],
    [
      "nothing running, new one never started, not ours to resume: the old one",
      view([stopped, created]),
      {
        kind: "fail",
        reason: "interrupted",
        detail: "the agent ended after the old container was stopped and before the new one was started",
        id: "c2",
      },
    ],
    ["the same, begun a moment ago: goes on", view([stopped, created], forward), { kind: "start", id: "c2", which: "new" }],
    [
      "nothing running, new one verified: starts it",
      view([stopped, { ...promoted, status: "ended" }]),
      { kind: "start", id: "c2", which: "new" },
    ],
    [
      "nothing running, old one alone: starts it first",
      view([stopped, container(3, { generation: 0, id: "c0", replaces: "c1", promoted: false, status: "ended" })]),
      { kind: "start", id: "c1", which: "old" },
    ],
    [
      "two running, one not promoted: the candidate gives way",
      view([old, running]),
      { kind: "fail", reason: "interrupted", detail: "the old and the new container were running at once", id: "c2" },
    ],
    ["two running, both promoted: the older stops", view([old, promoted]), { kind: "stop", id: "c1", which: "leftover" }],
    [
      "newer than the goal: nothing at all",
      view([container(3)]),
      { kind: "hold", detail: "generation 3 is on this host, and the order is for 2" },
    ],
    [
      "what is wanted serves already: adopts it once it has answered",
      view([container(1, { release: 2, digest: "d2", specHash: "s2" })], { attempt: { verified: ["c1"] } }),
      { kind: "settle", ok: true, adopt: "c1" },
    ],
    ["someone removed what serves: makes it again", view([kept], { settled: ok }), { kind: "redo" }],
    [
      "someone stopped what serves: starts it",
      view([{ ...promoted, status: "ended" }], { settled: ok }),
      { kind: "start", id: "c2", which: "repair" },
    ],
    ["but not for ever", view([{ ...promoted, status: "ended" }], { settled: ok, mayRepair: false }), { kind: "rest" }],
  ];
  for (const [name, given, wanted] of rows) it(name, () => assert.deepEqual(nextStep(given), wanted));
});
