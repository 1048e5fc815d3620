import assert from "node:assert/strict";
import { test } from "node:test";
import { defaultPolicy } from "../../src/core/plan.ts";
import { type HostReady, readinessOf, type SwapTime } from "../../src/core/rollback-estimate.ts";
import { readyText } from "../../src/messages/readiness.ts";

const ready = (...names: string[]): HostReady[] => names.map((host) => ({ host, serves: false, why: null }));
const serving = (host: string): HostReady => ({ host, serves: true, why: null });
const not = (host: string, why: NonNullable<HostReady["why"]>): HostReady => ({ host, serves: false, why });
const deploys = (...times: number[]): SwapTime[] => times.map((tookMs) => ({ tookMs, isRollback: false }));
const rollbacks = (...times: number[]): SwapTime[] => times.map((tookMs) => ({ tookMs, isRollback: true }));

type Row = {
  readonly reads: string;
  readonly hosts: readonly HostReady[];
  readonly past?: readonly SwapTime[];
  readonly atOnce?: number;
};

const table: Readonly<Record<string, Row>> = {
  "without any past nothing is said of time": { reads: "ready on 2 of 2 hosts", hosts: ready("a", "b") },
  "one batch takes what the usual swap took": {
    reads: "ready on 2 of 2 hosts, about 4 s",
    hosts: ready("a", "b"),
    past: deploys(4000, 60_000, 3000),
    atOnce: 2,
  },
  "each further batch takes as long again": {
    reads: "ready on 5 of 5 hosts, about 12 s",
    hosts: ready("a", "b", "c", "d", "e"),
    past: deploys(4000),
    atOnce: 2,
  },
  "two rollbacks are too few to speak for themselves": {
    reads: "ready on 1 of 1 host, about 8 s",
    hosts: ready("a"),
    past: [...rollbacks(2000, 2000), ...deploys(8000, 8000, 8000)],
  },
  "three rollbacks say more than all deploys": {
    reads: "ready on 1 of 1 host, about 2 s",
    hosts: ready("a"),
    past: [...deploys(9000, 9000), ...rollbacks(1000, 2000, 3000), ...deploys(9000)],
  },
  "only the newest count": {
    reads: "ready on 1 of 1 host, about 3 s",
    hosts: ready("a"),
    past: [...deploys(...Array(9).fill(3000)), ...deploys(...Array(20).fill(50_000))],
  },
  "quicker than can be said in seconds": { reads: "ready on 1 of 1 host, less than 1 s", hosts: ready("a"), past: deploys(300) },
  "hosts that serve it already need no time": {
    reads: "ready on 3 of 3 hosts, about 4 s",
    hosts: [serving("a"), serving("b"), ...ready("c")],
    past: deploys(4000),
    atOnce: 1,
  },
  "where all serve it there is nothing to wait for": {
    reads: "ready on 1 of 1 host",
    hosts: [serving("a")],
    past: deploys(4000),
  },
  "the others are named with the reason, and the time is that of the ready ones": {
    reads: "ready on 1 of 5 hosts (b: away, c: engine down, d: in mid-swap, e: no kept container), about 4 s",
    hosts: [...ready("a"), not("b", "away"), not("c", "engine_down"), not("d", "swapping"), not("e", "not_kept")],
    past: deploys(4000),
    atOnce: 1,
  },
  "where nobody is ready no time is promised": {
    reads: "ready on 0 of 1 host (a: no kept container)",
    hosts: [not("a", "not_kept")],
    past: deploys(4000),
  },
  "names are many at times": {
    reads: "ready on 0 of 6 hosts (a: away, b: away, c: away, d: away, 2 more)",
    hosts: ["a", "b", "c", "d", "e", "f"].map((host) => not(host, "away")),
  },
};

for (const [name, { reads, hosts, past = [], atOnce = 1 }] of Object.entries(table)) {
  test(name, () => {
    const policy = { ...defaultPolicy, rollbackBatch: { hosts: atOnce } };
    assert.equal(readyText(readinessOf({ hosts, policy, past: () => past })), reads);
  });
}

test("where the configuration has gone nobody knows in which steps hosts would go", () => {
  const facts = { hosts: ready("a"), policy: null, past: () => deploys(4000) };
  assert.equal(readyText(readinessOf(facts)), "ready on 1 of 1 host");
});
