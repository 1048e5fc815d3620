/** Hosts of one zone are kept apart whatever swaps them, also outside of a rollout. */
import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { aCommit, anApp, type TestApp } from "../kit/app.ts";
import { comes, desires, goes, joins, passes, repeats, runs } from "./hosts-kit.ts";

let fleet: TestApp;
afterEach(() => fleet.stop());

const apart = { label: "zone", order: "apart" } as const;
const inTurn = { label: "zone", order: "in_turn" } as const;

/** a-1, a-2 and b-1 serve r1 and were away while r2 came to c-1. */
async function threeComeBack(spread: typeof apart | typeof inTurn): Promise<void> {
  fleet = anApp({ hosts: [], policy: { spread, unreachable: "skip", maxUnavailable: { hosts: 4 }, maxFailed: { hosts: 3 } } });
  for (const host of ["a-1", "a-2", "b-1", "c-1"]) joins(fleet, host, { env: "prod", zone: host.slice(0, 1) });
  await fleet.ships(aCommit(1));
  for (const host of ["a-1", "a-2", "b-1"]) goes(fleet, host);
  await passes(fleet, 60_000);
  await runs(fleet, await fleet.asks(aCommit(2)));
  assert.equal(fleet.state().phase, "incomplete");
  // All are back before the last of them is heard.
  for (const host of ["a-1", "a-2", "b-1"]) comes(fleet, host);
  for (const host of ["a-1", "a-2", "b-1"]) repeats(fleet, host);
}

test("hosts that come back get what is live with never two of one zone at once", async () => {
  await threeComeBack(apart);
  assert.equal(desires(fleet, "a-1", "a-2", "b-1"), "a-1: 2, a-2: 1, b-1: 2");
  fleet.reports("a-1");
  assert.equal(desires(fleet, "a-1", "a-2", "b-1"), "a-1: 2, a-2: 2, b-1: 2");
});

test("or one zone after the other", async () => {
  await threeComeBack(inTurn);
  assert.equal(desires(fleet, "a-1", "a-2", "b-1"), "a-1: 2, a-2: 2, b-1: 1");
  fleet.reports("a-1");
  assert.equal(fleet.desired("b-1"), 1, "a-2 still swaps");
  fleet.reports("a-2");
  assert.equal(fleet.desired("b-1"), 2);
});
