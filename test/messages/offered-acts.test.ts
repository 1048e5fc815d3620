/** What a card offers counts: every button of every state that can be reached moves the rollout, and no pause is a dead end. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type Around, waitsOf } from "../../src/app/why-rollout.ts";
import { step } from "../../src/core/rollout.ts";
import { isPaused, type LaterEvent, type RolloutState } from "../../src/core/rollout-state.ts";
import { rolloutButtons } from "../../src/messages/rollout-buttons.ts";
import { draws, play, request } from "../rollout/draws.ts";
import { factsOf } from "./facts.ts";

const eva = { kind: "slack", id: "U0NEW", name: "a person who has decided nothing yet" } as const;

function eventOf(verb: string, at: number): LaterEvent | null {
  switch (verb) {
    case "approve":
      return { type: "approved", at, by: eva };
    case "reject":
      return { type: "rejected", at, by: eva, why: "no" };
    case "cancel":
    case "abort":
      return { type: "cancelled", at, by: eva, why: null, blame: false };
    case "pause":
      return { type: "paused", at, reason: "paused", by: eva, why: null };
    case "resume":
      return { type: "resumed", at, reason: null, by: eva };
    case "retry":
      return { type: "retried", at, by: eva };
    case "continue":
      return { type: "continued", at, by: eva, why: "known" };
    case "skip-soak":
      return { type: "soak_skipped", at, by: eva, why: null };
    default:
      return null;
  }
}

test("every button that is offered moves the rollout", () => {
  const seen: Record<string, number> = {};
  const look = (state: RolloutState, at: number) => {
    const offered = rolloutButtons(factsOf(state, { now: at }));
    const isFrozen = state.pauses.some((p) => p.reason === "server_behind");
    if (isPaused(state) && !isFrozen)
      assert.ok(offered.length > 0, `${state.phase} is a dead end: ${JSON.stringify(state.pauses)}`);
    for (const { verb } of offered) {
      const event = eventOf(verb, at);
      if (event === null) continue;
      seen[verb] = (seen[verb] ?? 0) + 1;
      const pauses = state.pauses.map((p) => p.reason).join(" and ");
      assert.equal(
        step(state, event).kind,
        "moved",
        `${verb} is offered while it is ${state.phase}, held by ${pauses || "nothing"}`,
      );
    }
  };
  const check = fc.property(
    request,
    draws,
    (asked, list) => void play(asked, list, ({ rollout }) => look(rollout.state, rollout.now)),
  );
  fc.assert(check, { numRuns: 300, seed: 20261122 });
  for (const verb of ["approve", "reject", "cancel", "abort", "pause", "resume", "retry", "continue", "skip-soak"]) {
    assert.ok((seen[verb] ?? 0) >= 50, `${verb} was offered ${seen[verb] ?? 0} times`);
  }
});

/** Nobody else, and nothing else, is in the way. */
function alone(state: RolloutState, now: number): Around {
  const soakIsOver = state.phase === "soaking" && state.soakEndsAt !== null && state.soakEndsAt <= now;
  return {
    freeze: null,
    lock: null,
    position: state.phase === "in_line" ? 1 : null,
    busyWith: null,
    approvers: ["captains"],
    notRequester: false,
    unproved: soakIsOver ? { hosts: [], until: now } : null,
    keptBackSince: null,
    away: new Map(),
    steps: {},
    missing: [],
    lacking: [],
    serving: new Map(),
  };
}

test("every act that an answer to why names moves the rollout", () => {
  const seen: Record<string, number> = {};
  const look = (state: RolloutState, at: number) => {
    // A frozen server refuses everything, and says so first.
    if (state.pauses.some((p) => p.reason === "server_behind")) return;
    for (const { ends } of waitsOf(state, alone(state, at))) {
      for (const [, verb = ""] of ends.matchAll(/`\/gantry ([a-z-]+) \d+/g)) {
        const event = eventOf(verb, at);
        if (event === null) continue;
        seen[verb] = (seen[verb] ?? 0) + 1;
        const pauses = state.pauses.map((p) => p.reason).join(" and ") || "nothing";
        assert.equal(
          step(state, event).kind,
          "moved",
          `${verb} is named while the ${state.kind} is ${state.phase}, held by ${pauses}`,
        );
      }
    }
  };
  const check = fc.property(
    request,
    draws,
    (asked, list) => void play(asked, list, ({ rollout }) => look(rollout.state, rollout.now)),
  );
  fc.assert(check, { numRuns: 300, seed: 20261122 });
  for (const verb of ["approve", "cancel", "abort", "resume", "retry", "continue", "skip-soak"]) {
    assert.ok((seen[verb] ?? 0) >= 50, `${verb} was named ${seen[verb] ?? 0} times`);
  }
});
