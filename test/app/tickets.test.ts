// Every ticket hears of the end of a rollout, whatever the other tickets and the look-up of the commits do.
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Comparison, type Forge, OutsideError, type Tickets } from "../../src/app/ports.ts";
import type { ChangeFacts } from "../../src/core/facts.ts";
import { begin, step } from "../../src/core/rollout.ts";
import type { RolloutState } from "../../src/core/rollout-state.ts";
import { valid, withGantry } from "../config/files.ts";
import { aRequest } from "../kit/rollouts.ts";
import { storeRollout } from "../kit/stores.ts";
import { aClock, anApp, aStore, type OpenStore } from "./kit.ts";

const number = 1;

/** A rollout that is over, with these tickets among its commits. */
function ended(store: OpenStore, tickets: readonly string[]): void {
  const request = aRequest({ number, release: 1, approvalsRequired: 0, from: 1 });
  storeRollout(store, request);
  const { state: first } = begin(request);
  const next = step(first, { type: "cancelled", at: request.at, by: request.requester, why: "over", blame: false });
  assert.equal(next.kind, "moved");
  // As if it had gone well: the way there does not matter here.
  const state: RolloutState = { ...(next.kind === "moved" ? next.state : first), phase: "succeeded" };
  const event = { type: "soaked", at: request.at } as const;
  store.transact(() => store.rollouts.append({ number, version: 1, event, state }));
  const found = tickets.map((key) => ({ key, summary: "", status: "", url: "" }));
  const change: ChangeFacts = { commits: [], total: 0, behind: 0, compareUrl: null, tickets: found, gaps: [] };
  store.rollouts.setChange(number, change);
}

/** Jira, where some tickets may not be seen. */
function jira(forbidden: readonly string[]): Tickets & { readonly heard: string[] } {
  const heard: string[] = [];
  return {
    heard,
    find: async (keys) => keys.map((key) => ({ key, summary: "", status: "", url: "" })),
    async comment({ key }) {
      if (forbidden.includes(key)) throw new OutsideError({ reason: "jira_auth", message: `Jira answered 403 for ${key}` });
      heard.push(key);
    },
  };
}

test("a ticket that Gantry may not write to does not silence the others", async () => {
  const store = aStore();
  const { clock, passes } = aClock();
  const tickets = jira(["SEC-1"]);
  ended(store, ["SEC-1", "API-2", "API-3"]);
  const { outbox } = anApp({ store, clock, tickets });
  store.outbox.add({ key: "tickets:1", kind: "tickets", rollout: number, body: {}, at: clock.now(), replace: true });
  outbox.nudge();
  await passes(60_000);
  assert.deepEqual(tickets.heard, ["API-2", "API-3"]);
  await passes(25 * 60 * 60_000);
  assert.deepEqual(
    store.outbox.dead(10).map((item) => item.key),
    ["ticket:1:SEC-1"],
  );
});

test("tickets wait until it is known which ones there are", async () => {
  const store = aStore();
  const { clock, passes } = aClock();
  const tickets = jira([]);
  ended(store, []);
  const answer = Promise.withResolvers<Comparison>();
  const config = valid({ service: withGantry("repository: acme/api", "tickets: { project: [API] }") });
  const forge: Forge = { ...quietForge, compare: () => answer.promise };
  const { outbox } = anApp({ store, clock, config, tickets, forge });
  for (const kind of ["change", "tickets"]) {
    store.outbox.add({ key: `${kind}:1`, kind, rollout: number, body: {}, at: clock.now(), replace: true });
  }
  outbox.nudge();
  await passes(1_000);
  assert.ok(store.outbox.isOpen("tickets:1"), "not told before the look-up has ended");
  const commit = { sha: "2".repeat(40), title: "API-2: faster", author: "ana", at: 0, url: "" };
  answer.resolve({ commits: [commit], total: 1, behind: 0, url: "" });
  await passes(1_000);
  assert.deepEqual(tickets.heard, ["API-2"]);
});

const quietForge: Forge = {
  resolve: async () => null,
  compare: async () => ({ commits: [], total: 0, behind: 0, url: "" }),
  openDeployment: async () => "1",
  setDeploymentState: async () => {},
};
