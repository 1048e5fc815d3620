/** Whatever a rollout waits for, `why` says what, since when, and what would end it: for every phase and every pause. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Around, waitsOf } from "../../src/app/why-rollout.ts";
import { storyOf } from "../../src/app/why-story.ts";
import { reasons } from "../../src/core/reasons.ts";
import { type HostStatus, hasEnded, type PauseReason, type Phase, type RolloutState } from "../../src/core/rollout-state.ts";
import { watchRule } from "../../src/core/watch.ts";
import * as story from "../messages/facts.ts";

const { after, ana, noon } = story;

const quiet: Around = {
  freeze: null,
  lock: null,
  position: null,
  busyWith: null,
  approvers: ["release-captains"],
  notRequester: false,
  unproved: null,
  keptBackSince: null,
  away: new Map(),
  steps: {},
  missing: [],
  lacking: [],
  serving: new Map(),
};

/** How hosts stand in each phase; every status stands somewhere. */
const phases: Readonly<Record<Phase, readonly HostStatus[]>> = {
  in_line: ["waiting", "waiting", "waiting"],
  awaiting_approval: ["waiting", "waiting", "unchanged"],
  queued: ["waiting", "waiting", "waiting"],
  rolling: ["healthy", "swapping", "failed"],
  soaking: ["healthy", "healthy", "skipped"],
  restoring: ["restored", "restoring", "returning"],
  succeeded: ["healthy", "healthy", "unchanged"],
  incomplete: ["healthy", "failed", "skipped"],
  restored: ["restored", "restored", "restored"],
  stuck: ["restored", "restored", "stuck"],
  rejected: ["waiting", "waiting", "waiting"],
  expired: ["waiting", "waiting", "waiting"],
  cancelled: ["waiting", "waiting", "waiting"],
};
const pauses: readonly (PauseReason | null)[] = [null, "paused", "paused_on_failure", "server_behind", "line_held"];

function stateIn(phase: Phase, pause: PauseReason | null): RolloutState {
  const base = after([]);
  const ended = hasEnded({ phase });
  const soaks = phase === "soaking" && pause === null;
  return {
    ...base,
    phase,
    reason: phase === "stuck" ? "restore_failed" : null,
    since: noon + 1000,
    soakEndsAt: soaks ? noon + 31_000 : null,
    endedAt: ended ? noon + 60_000 : null,
    startedAt: noon + 500,
    pauses: pause === null ? [] : [{ reason: pause, by: pause === "paused" ? ana : null, at: noon + 2000, why: "a reason" }],
    hosts: base.hosts.map((h, i) => ({ ...h, status: phases[phase][i] ?? "waiting", startedAt: noon + 1500 })),
  };
}

describe("every wait", () => {
  for (const phase of Object.keys(phases) as Phase[]) {
    for (const pause of hasEnded({ phase }) ? [null] : pauses) {
      test(`${phase}${pause === null ? "" : `, held by ${pause}`}: has what, since and an end`, () => {
        const waits = waitsOf(stateIn(phase, pause), quiet);
        const over = hasEnded({ phase }) && phase !== "incomplete" && phase !== "stuck";
        assert.equal(waits.length > 0, !over, "something is waited for, unless it is over");
        for (const wait of waits) {
          assert.ok(Object.hasOwn(reasons, wait.reason), wait.reason);
          assert.ok(wait.text.length > 10 && !/undefined|null|NaN/.test(wait.text), wait.text);
          assert.ok(wait.ends.length > 10 && !/undefined|null|NaN/.test(wait.ends), wait.ends);
          assert.equal(typeof wait.since, "number", wait.text);
        }
        if (pause !== null) assert.equal(waits[0]?.reason, pause, "what holds it comes first");
      });
    }
  }

  for (const reason of ["awaiting_images", "awaiting_host", "over_budget"] as const) {
    test(`a batch that cannot begin (${reason}) names its hosts and the end of patience`, () => {
      const state: RolloutState = {
        ...stateIn("rolling", null),
        hosts: after([]).hosts,
        reason,
        detail: "web-1 and web-2",
        progressBy: noon + 900_000,
      };
      const [wait] = waitsOf(state, quiet);
      assert.equal(wait?.reason, reason);
      assert.match(wait?.text ?? "", /web-1 and web-2/);
      assert.equal(wait?.until, noon + 900_000);
    });
  }
});

describe("what is said", () => {
  const ends = (state: RolloutState, around: Partial<Around> = {}) =>
    waitsOf(state, { ...quiet, ...around }).map((wait) => `${wait.reason}: ${wait.text} -> ${wait.ends}`);

  test("of a frozen server comes first, and its pause is not said twice", () => {
    const freeze = { reason: "server_behind", at: noon, host: "web-2", detail: "epoch 4, this server knows 3." } as const;
    const told = ends(stateIn("rolling", "server_behind"), { freeze });
    assert.equal(told.filter((line) => line.startsWith("server_behind")).length, 1);
    assert.match(told[0] ?? "", /^server_behind: .*web-2 showed it\. epoch 4.*gantry adopt/);
  });

  test("of a lock goes with what waits for it", () => {
    const lock = { by: story.bo, at: noon, why: "migration", until: noon + 7_200_000 };
    assert.deepEqual(ends(stateIn("in_line", null), { lock, position: 1, busyWith: 141 }), [
      "in_line: Waits in line, place 1 behind #141. -> #141 ends: `/gantry why #141`. `/gantry cancel 142` leaves the line.",
      "locked: api prod is locked by bo: migration. A rollback may go on all the same. -> `/gantry unlock api prod`, by bo or another who may.",
    ]);
  });

  test("of a turn that Slack holds back", () => {
    const told = ends(stateIn("in_line", null), { position: 1, keptBackSince: noon });
    assert.match(told[1] ?? "", /^chat_unreachable: Its turn is due, .* -> Slack answers/);
  });

  test("of a host in mid-swap that nobody hears of", () => {
    const away = new Map([["web-2", noon - 5000]]);
    const [wait] = waitsOf(stateIn("rolling", null), { ...quiet, away });
    assert.deepEqual([wait?.reason, wait?.since], ["host_lost", noon - 5000]);
    assert.match(wait?.text ?? "", /^web-2 swaps to r42 and has no connection/);
  });

  test("of a watch that was raised: the way back", () => {
    const finding = { host: "web-1", found: "unwell", rule: watchRule, samples: [], at: noon } as const;
    const watch = { until: noon + 600_000, finding, raisedAt: noon, endedAt: noon };
    const [line] = ends({ ...stateIn("succeeded", null), watch });
    assert.match(line ?? "", /^watch_tripped: web-1 did not stay well after the end\. -> `\/rollback api prod`/);
  });

  test("of failed hosts that must be answered is all that is said: nothing else would move it", () => {
    const hosts = after([]).hosts.map((h, i) => (i === 0 ? { ...h, status: "failed" as const } : h));
    assert.deepEqual(ends({ ...stateIn("queued", "paused_on_failure"), hosts }), [
      "paused_on_failure: Paused because web-1 failed: a reason. Its clocks stand still. -> `/gantry retry 142`, `/gantry continue 142 WHY`; `/gantry abort 142` ends it, nothing was touched.",
    ]);
    const told = ends(stateIn("rolling", "paused_on_failure"));
    assert.equal(told.length, 2, "a host in mid-swap is still waited for");
    const answered = stateIn("soaking", "paused_on_failure");
    assert.match(ends(answered)[0] ?? "", /`\/gantry resume 142`: no host is failed any more; or `\/gantry abort 142`/);
  });

  test("of a soak whose time is over names the hosts that must still speak, and no act that is refused", () => {
    const unproved = { hosts: ["web-1", "web-2"], until: noon + 900_000 };
    const state: RolloutState = { ...stateIn("soaking", null), soakEndsAt: noon + 31_000 };
    const around = { ...quiet, unproved, away: new Map([["web-1", noon]]) };
    const [wait, more] = waitsOf(state, around);
    assert.equal(more, undefined);
    assert.deepEqual([wait?.reason, wait?.since, wait?.until], ["awaiting_host", noon + 31_000, noon + 900_000]);
    assert.match(wait?.text ?? "", /its soak time is over, and web-1 \(no connection\), web-2 must still say that they are well/);
    assert.doesNotMatch(wait?.ends ?? "", /skip-soak/);
  });

  test("of an approval names who may, and who may not", () => {
    const state = stateIn("awaiting_approval", null);
    assert.match(
      ends(state, { approvers: ["deployers"], notRequester: true })[0] ?? "",
      /-> deployers, not ana: Approve on the card/,
    );
  });

  test("of very many hosts is counted after the first few", () => {
    const [host] = after([]).hosts;
    assert.ok(host !== undefined);
    const hosts = Array.from({ length: 300 }, (_, i) => ({ ...host, host: `web-${i}`, status: "swapping" as const }));
    const told = ends({ ...stateIn("rolling", null), hosts });
    assert.equal(told.length, 7);
    assert.match(told.at(-1) ?? "", /^awaiting_host: 294 more hosts are at it: web-6, .* and 288 more/);
  });
});

test("the story is the main events; hosts that did the same one after the other share a line", () => {
  const asked = story.requested();
  const verdict = {
    release: 42,
    verdict: "good",
    reason: null,
    detail: null,
    rollout: 142,
    at: noon + 90_000,
    by: null,
  } as const;
  const told = storyOf([asked, ...story.succeeded], [verdict]).map(({ text }) => text);
  assert.deepEqual(told, [
    "asked for by ana, as a deploy of r42",
    "approved by bo",
    "web-1 became healthy",
    "the soak ended",
    "web-2, web-3 became healthy",
    "the soak ended",
    "r42 was judged good by Gantry after #142",
  ]);
});
