/** Whatever happens, in whatever order. Each property was seen to fail with its rule taken out of the code. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { fold } from "../../src/core/fold.ts";
import { step } from "../../src/core/rollout.ts";
import {
  type Effect,
  type HostState,
  hasEnded,
  isActive,
  isPaused,
  type LaterEvent,
  type Requested,
  type RolloutState,
} from "../../src/core/rollout-state.ts";
import { draws, everyPhase, type Move, mayEndPause, play, request } from "./draws.ts";

const asPerson = { kind: "slack", id: "U0DAN", name: "dan" } as const;

type Look = (asked: Requested) => (move: Move) => void;

/** Plays many rollouts and looks at every move. Fails too when what it looks for never came up. */
function property(name: string, runs: number, look: Look, seen: () => Record<string, number> = () => ({})): void {
  test(name, () => {
    const check = fc.property(request, draws, (asked, list) => void play(asked, list, look(asked)));
    fc.assert(check, { numRuns: runs, seed: 20261122 });
    for (const [what, times] of Object.entries(seen())) {
      assert.ok(times >= 50, `${what} came up ${times} times: this property proves nothing about it`);
    }
  });
}

function goals(effects: readonly Effect[]): readonly { readonly host: string; readonly release: number | null }[] {
  return effects.filter((e) => e.kind === "desire");
}

function verdicts(effects: readonly Effect[], release: number): readonly Effect[] {
  return effects.filter((e) => e.kind === "verdict" && e.release === release);
}

const reached: Record<string, number> = Object.fromEntries(everyPhase.map((phase) => [phase, 0]));
property(
  "an ended rollout never changes again, but for its watch, and wants nothing of any host",
  3000,
  () =>
    ({ before, rollout }) => {
      reached[rollout.state.phase] = (reached[rollout.state.phase] ?? 0) + 1;
      if (!hasEnded(before)) return;
      assert.deepEqual({ ...rollout.state, watch: null }, { ...before, watch: null });
      assert.deepEqual(goals(rollout.last), []);
    },
  () => reached,
);

const starts = { "a host started": 0, "a host out of service started beside a full budget": 0, "a first host": 0 };
property(
  "by our own goals never more than the budget are out of service; what is out already costs nothing",
  3000,
  () => {
    const served = new Set<string>();
    return ({ before, event, rollout }) => {
      const { state, fitness } = rollout;
      if (event.type === "host_swapped" && rollout.last.length > 0) served.add(event.host);
      if (state.kind === "rollback") return;
      const begun = state.hosts.filter(
        (h) => h.status === "swapping" && before.hosts.find((b) => b.host === h.host)?.attempt !== h.attempt,
      );
      const isIn = (host: string) => served.has(host) || state.hosts.find((h) => h.host === host)?.from !== null;
      const broken = [...fitness.unwell, ...fitness.away].filter(isIn);
      const out = new Set([...broken, ...state.hosts.filter((h) => h.status === "swapping").map((h) => h.host)]);
      const costly = begun.filter((h) => !broken.includes(h.host));
      starts["a host started"] += begun.length;
      if (out.size > state.budget) starts["a host out of service started beside a full budget"] += begun.length;
      starts["a first host"] += begun.filter((h) => h.from === null).length;
      if (costly.length > 0) assert.ok(out.size <= state.budget, `${[...out].join()} are out, ${state.budget} may be`);
    };
  },
  () => starts,
);

const zones = { "a host of a zone started": 0, "while others of it waited": 0 };
property(
  "where a spread keeps hosts apart, no well host starts while another of its value is out",
  3000,
  () =>
    ({ before, rollout: { state, fitness } }) => {
      if (state.policy.spread?.order !== "apart" || state.kind === "rollback") return;
      const begun = state.hosts.filter(
        (h) => h.status === "swapping" && before.hosts.find((b) => b.host === h.host)?.attempt !== h.attempt,
      );
      const broken = [...fitness.unwell, ...fitness.away];
      const isOut = (h: HostState) =>
        h.status === "swapping" || (broken.includes(h.host) && (h.from !== null || h.served === true));
      for (const h of begun.filter((known) => known.spread !== undefined && !broken.includes(known.host))) {
        const others = state.hosts.filter((o) => o.host !== h.host && o.spread === h.spread);
        zones["a host of a zone started"] += 1;
        zones["while others of it waited"] += others.some((o) => o.status === "waiting") ? 1 : 0;
        for (const other of others) assert.equal(isOut(other), false, `${other.host} is out, ${h.host} begins`);
      }
    },
  () => zones,
);

const paused = { "a move while paused": 0, "a failure noted": 0, "a soak held": 0 };
property(
  "while it is paused no goal is emitted, and clocks stand still",
  3000,
  () =>
    ({ before, event, rollout }) => {
      const { state, last } = rollout;
      if (isPaused(state) || (isPaused(before) && !mayEndPause(before, event))) assert.deepEqual(goals(last), []);
      if (!isPaused(state)) return assert.equal(state.held, null);
      paused["a move while paused"] += isPaused(before) && before !== state ? 1 : 0;
      paused["a failure noted"] += state.owed === null ? 0 : 1;
      assert.deepEqual([state.soakEndsAt, state.progressBy], [null, null]);
      assert.equal(
        rollout.timers().some((name) => name === "soak" || name === "progress"),
        false,
      );
      if (isPaused(before) || before.soakEndsAt === null || state.phase !== "soaking") return;
      paused["a soak held"] += 1;
      assert.equal(state.held?.soakMs, Math.max(0, before.soakEndsAt - rollout.now), "what was left of it is kept");
    },
  () => paused,
);

const offered = { "paused on failure": 0, "with another host accepted": 0, "with the failed host gone": 0 };
property(
  "a rollout that is paused on a failure has failed: each button that answers it does something",
  3000,
  () =>
    ({ rollout: { state } }) => {
      if (!state.pauses.some((p) => p.reason === "paused_on_failure")) return;
      offered["paused on failure"] += 1;
      offered["with another host accepted"] += state.accepted.length > 0 ? 1 : 0;
      const person = { at: state.since + 1_000, by: asPerson };
      const isGone = state.hosts.every((h) => h.status !== "failed");
      offered["with the failed host gone"] += isGone ? 1 : 0;
      const resumes: LaterEvent[] = [{ ...person, type: "resumed", reason: null }];
      const answers: LaterEvent[] = [
        { ...person, type: "retried" },
        { ...person, type: "continued", why: "x" },
      ];
      for (const answer of isGone ? resumes : answers)
        assert.equal(step(state, answer).kind, "moved", `${answer.type} of ${JSON.stringify(state.hosts)}`);
    },
  () => offered,
);

property(
  "clocks and timers are one: each that runs has its row, and every host under way has its own",
  3000,
  () =>
    ({ rollout }) => {
      const { state } = rollout;
      const timers = rollout.timers();
      const wanted: string[] = state.hosts
        .filter((h) => h.status === "swapping" || h.status === "restoring")
        .map((h) => `host:${h.host}`);
      if (state.phase === "awaiting_approval") wanted.push("expiry");
      if (state.soakEndsAt !== null) wanted.push("soak");
      if (state.progressBy !== null) wanted.push("progress");
      if (state.watch !== null && state.watch.endedAt === null) wanted.push("watch");
      assert.deepEqual(timers, wanted.sort());
      const waits = isActive(state) && !isPaused(state);
      if (waits) assert.ok(timers.length > 0, `${state.phase} waits for nobody and has no timer`);
    },
);

const back = { "gone back": 0, "not touched": 0, "on its target already": 0 };
property(
  "exactly the hosts that were touched go back, each to its target; the others get nothing",
  3000,
  () => {
    const touched = new Set<string>();
    return ({ before, rollout }) => {
      const { state } = rollout;
      const isForward = before.phase !== "restoring" && state.phase !== "restoring" && state.phase !== "restored";
      if (isForward) for (const { host } of goals(rollout.last)) touched.add(host);
      const hasGoneBack = state.phase === "restored" || state.phase === "stuck";
      if (!hasGoneBack || hasEnded(before) || state.kind === "rollback") return;
      const newest = rollout.desired();
      for (const h of state.hosts) {
        if (!touched.has(h.host)) {
          back["not touched"] += 1;
          assert.equal(h.host in newest, false, `${h.host} was not touched`);
        } else if (h.status === "healthy") {
          back["on its target already"] += 1;
          assert.equal(newest[h.host], state.release);
        } else {
          back["gone back"] += 1;
          assert.ok(h.status === "restored" || h.status === "stuck", `${h.host} is ${h.status}`);
          assert.equal(newest[h.host], h.back);
          assert.ok([h.from, state.back, 40, 41].includes(h.back));
        }
      }
    };
  },
  () => back,
);

property("going back is done in turns: never more well hosts at once than may", 2000, () => ({ before, rollout }) => {
  const { state, fitness } = rollout;
  if (state.phase !== "restoring" && before.phase !== "restoring") return;
  const size =
    "hosts" in state.policy.rollbackBatch
      ? state.policy.rollbackBatch.hosts
      : (state.hosts.length * state.policy.rollbackBatch.percent) / 100;
  const sent = goals(rollout.last).map((g) => g.host);
  const well = sent.filter((host) =>
    before.hosts.some((h) => h.host === host && (h.status === "healthy" || h.status === "returning") && h.reason === null),
  );
  const free = [...fitness.unwell, ...fitness.away];
  const costly = well.filter((host) => !free.includes(host) && state.hosts.find((h) => h.host === host)?.reason === null);
  assert.ok(costly.length <= Math.max(1, Math.floor(size)), `${costly.join()} at once`);
});

const judged = { good: 0, bad: 0, "good after a quiet watch": 0, "no verdict at the end": 0 };
property(
  "good comes once, after the end soak of every host, and never beside bad; bad never without a fault or a person",
  6000,
  (asked) => {
    let healthyAt = 0;
    return ({ before, event, rollout, ranMs }) => {
      const { state } = rollout;
      if (event.type === "host_swapped" && before !== state) healthyAt = ranMs;
      const all = verdicts(rollout.effects, asked.release);
      assert.ok(all.length <= 1, JSON.stringify(all));
      const [newest] = verdicts(rollout.last, asked.release);
      if (newest?.kind !== "verdict") {
        if (hasEnded(state) && !hasEnded(before) && all.length === 0) judged["no verdict at the end"] += 1;
        return;
      }
      judged[newest.verdict] += 1;
      assert.ok(newest.verdict === "bad" || state.kind !== "restart", "a restart proves nothing");
      if (newest.verdict === "bad") {
        const faulty = state.kind !== "restart" && [...before.hosts, ...state.hosts].some((h) => h.reason === "unhealthy");
        return assert.ok(faulty || (event.type === "cancelled" && event.blame), "somebody or something is to blame");
      }
      for (const h of state.hosts) assert.ok(["healthy", "unchanged"].includes(h.status), `${h.host} is ${h.status}`);
      assert.equal(state.phase, "succeeded");
      if (event.type === "watch_ended") {
        judged["good after a quiet watch"] += 1;
        assert.ok(state.endSoakSkipped && event.quiet && state.watch?.finding === null);
      } else if (state.kind !== "rollback") {
        assert.ok(ranMs - healthyAt >= state.policy.endSoakMs, "the whole soaked to the end");
      }
    };
  },
  () => judged,
);

property("nothing is touched before enough people approved this very plan; approvers are distinct", 2000, () => ({ rollout }) => {
  const { state } = rollout;
  const decided = state.approvals.length >= state.approvalsRequired;
  if (!decided || state.phase === "in_line") assert.deepEqual(rollout.desired(), {});
  assert.equal(new Set(state.approvals.map((a) => a.by.id)).size, state.approvals.length);
});

property("a rollback is never undone, a restart changes no release, and the watch asks for one rollback at most", 2000, () => {
  let asked = 0;
  return ({ before, rollout }) => {
    const { state } = rollout;
    asked += rollout.last.filter((e) => e.kind === "roll_back").length;
    assert.ok(asked <= (state.kind === "rollback" ? 0 : 1));
    if (state.kind === "rollback") for (const { release } of goals(rollout.last)) assert.equal(release, state.release);
    if (state.kind !== "restart" || state.phase !== "restoring" || before.phase === "restoring") return;
    for (const { host, release } of goals(rollout.last)) {
      assert.ok([40, before.hosts.find((h) => h.host === host)?.from].includes(release));
    }
  };
});

const ends = { succeeded: 0, incomplete: 0, restored: 0 };
property(
  "success means every host, and what is incomplete is served by one at least and names the others",
  3000,
  () =>
    ({ before, rollout: { state } }) => {
      if (hasEnded(before)) return;
      if (state.phase === "succeeded") {
        ends.succeeded += 1;
        for (const h of state.hosts) assert.ok(["healthy", "unchanged"].includes(h.status));
      }
      if (state.phase === "incomplete") {
        ends.incomplete += 1;
        const without = state.hosts.filter((h) => h.status === "failed" || h.status === "skipped").map((h) => h.host);
        assert.ok(without.length > 0 && without.length < state.hosts.length);
        for (const host of without) assert.ok(state.detail?.includes(host));
        assert.equal(
          state.hosts.filter((h) => h.status === "healthy" || h.status === "unchanged").length,
          state.hosts.length - without.length,
        );
      }
      if (state.phase === "restored") ends.restored += 1;
    },
  () => ends,
);

test("folding the events gives the same state again", () => {
  fc.assert(
    fc.property(request, draws, (asked, list) => {
      const rollout = play(asked, list);
      assert.deepEqual(fold([asked, ...rollout.events]), { state: rollout.state });
    }),
    { numRuns: 800, seed: 99 },
  );
});

/** Nobody answers, nobody acts; timers ring. */
function ring(rollout: ReturnType<typeof play>): void {
  const [name] = rollout.timers();
  const { state } = rollout;
  rollout.fitness = { unwell: [], away: state.hosts.map((h) => h.host) };
  if (name === "expiry") rollout.hear({ type: "expired" });
  else if (name === "progress") rollout.stalled();
  else if (name?.startsWith("host:")) {
    rollout.wait(state.policy.hostDeadlineMs);
    rollout.overdue(name.slice("host:".length), false);
    // The clock of progress rings in its turn.
    if (state.progressBy !== null && rollout.state.progressBy !== null && rollout.now >= rollout.state.progressBy)
      rollout.stalled();
  } else if (name === "soak") {
    rollout.now = state.soakEndsAt ?? rollout.now;
    for (const h of state.hosts.filter((h) => h.status === "healthy")) rollout.unwell(h.host, "host_lost");
    rollout.hear({ type: "soaked" });
  }
}

function waitsForPeople(state: RolloutState): boolean {
  return state.phase === "in_line" || isPaused(state);
}

test("L1: with every host silent for ever, each rollout ends or waits for a person, by its timers alone", () => {
  let endings = 0;
  fc.assert(
    fc.property(request, draws, fc.nat(40), (asked, list, cut) => {
      const rollout = play(asked, list.slice(0, cut));
      for (let i = 0; i < 300 && !hasEnded(rollout.state) && !waitsForPeople(rollout.state); i += 1) ring(rollout);
      const { state } = rollout;
      assert.ok(
        hasEnded(state) || waitsForPeople(state),
        `${state.phase} (${state.reason}) rings on and on: ${rollout.timers().join()}`,
      );
      if (hasEnded(state)) endings += 1;
    }),
    { numRuns: 2000, seed: 3 },
  );
  assert.ok(endings > 200);
});

/** Everybody is well and answers with success at once; people lift pauses. */
function help(rollout: ReturnType<typeof play>): void {
  rollout.fitness = { unwell: [], away: [] };
  const { state } = rollout;
  const by = asPerson;
  if (state.pauses.some((p) => p.reason === "server_behind"))
    rollout.hear({ type: "resumed", reason: "server_behind", by: null });
  if (isPaused(rollout.state) && rollout.resumed() !== "moved") rollout.hear({ type: "retried", by });
  if (rollout.state.phase === "awaiting_approval") rollout.hear({ type: "approved", by: { ...by, id: `U${rollout.now}` } });
  for (const h of rollout.state.hosts) {
    if (h.status === "waiting" && h.image !== "present") rollout.images(h.host);
    if (h.status === "swapping") rollout.swapped(h.host);
    if (h.status === "restoring") rollout.back(h.host);
  }
  rollout.hear({ type: "hosts_changed" });
  rollout.soaked();
  rollout.wait(1);
}

test("L6: once everybody is well and answers, each rollout that is not in line ends, and nobody is stuck who was not", () => {
  const counts: Record<string, number> = {};
  fc.assert(
    fc.property(request, draws, fc.nat(40), (asked, list, cut) => {
      const rollout = play(asked, list.slice(0, cut));
      const wasStuck = rollout.state.hosts.filter((h) => h.status === "stuck").length;
      for (let i = 0; i < 60 && isActive(rollout.state); i += 1) help(rollout);
      const { state } = rollout;
      assert.ok(!isActive(state), `${state.phase} (${state.reason}) does not end: ${JSON.stringify(rollout.status())}`);
      assert.equal(state.hosts.filter((h) => h.status === "stuck").length, wasStuck);
      counts[state.phase] = (counts[state.phase] ?? 0) + 1;
    }),
    { numRuns: 2000, seed: 5 },
  );
  for (const phase of ["succeeded", "incomplete", "restored", "stuck"])
    assert.ok((counts[phase] ?? 0) >= 20, `${phase} ${counts[phase]}`);
});
