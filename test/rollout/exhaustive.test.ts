/** Everything that can happen to one rollout on two hosts, with a crash and a duplicate, in every order. The place of a TLA+ model. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { RolloutPolicy } from "../../src/core/plan.ts";
import { hasEnded, isPaused } from "../../src/core/rollout-state.ts";
import { aRequest } from "../kit/rollouts.ts";
import { type Act, type Chances, type Edge, edges, firstWorld, fitnessOf, keyOf, type World } from "./explorer.ts";

const atOnce = { soakMs: 0, endSoakMs: 0, deadlineMs: 0, hostDeadlineMs: 0, watch: { forMs: 0, onUnwell: "raise" } } as const;

type Case = {
  readonly name: string;
  readonly policy?: Partial<RolloutPolicy>;
  readonly kind?: "deploy" | "rollback" | "restart";
  readonly together?: boolean;
  readonly approvals?: number;
  readonly acts?: readonly Act[];
  readonly chances?: Partial<Chances>;
  /** So many different worlds at least: fewer, and something does not happen any more. */
  readonly worlds: number;
};

const cases: readonly Case[] = [
  { name: "one after the other, restored on failure", policy: { onFailure: "restore" }, chances: { break: 1 }, worlds: 6_000 },
  { name: "together, rolled back on failure", policy: { onFailure: "rollback" }, together: true, worlds: 12_000 },
  {
    name: "with an approval, cancelled or not",
    approvals: 1,
    acts: ["approve", "cancel"],
    chances: { act: 2, duplicate: 0 },
    worlds: 4_000,
  },
  { name: "paused and resumed", policy: { onFailure: "restore" }, acts: ["pause"], chances: { act: 1 }, worlds: 9_000 },
  {
    name: "pauses on failure; retried, or gone on without",
    ...{ policy: { onFailure: "pause" }, acts: ["retry", "continue"], chances: { act: 1, duplicate: 0 }, worlds: 7_000 },
  },
  {
    name: "one may fail",
    policy: { maxFailed: { hosts: 1 } },
    acts: ["retry", "skip"],
    chances: { act: 1, duplicate: 0, break: 1 },
    together: true,
    worlds: 9_000,
  },
  { name: "lost hosts are waited for", chances: { disconnect: 1, crash: 0 }, together: true, worlds: 24_000 },
  { name: "lost hosts are skipped", policy: { unreachable: "skip" }, chances: { disconnect: 1, crash: 0 }, worlds: 7_000 },
  { name: "lost hosts fail", policy: { unreachable: "fail" }, chances: { disconnect: 1, crash: 0 }, worlds: 7_000 },
  { name: "a host leaves", acts: ["leave"], chances: { act: 1, duplicate: 0 }, together: true, worlds: 7_500 },
  {
    name: "a host leaves, maybe the one that failed",
    ...{ policy: { onFailure: "pause" }, acts: ["leave"], chances: { act: 1, duplicate: 0 }, worlds: 1_000 },
  },
  {
    name: "a rollback",
    kind: "rollback",
    policy: { rollbackBatch: { hosts: 1 } },
    acts: ["pause", "retry"],
    chances: { act: 1 },
    worlds: 4_000,
  },
  { name: "a restart", kind: "restart", acts: ["cancel"], chances: { act: 1 }, worlds: 1_400 },
];

function start({ policy, kind = "deploy", together = false, approvals = 0, chances }: Case): World {
  const hostNames = ["a", "b"];
  const release = kind === "restart" ? 41 : 42;
  const sizes = together ? { canary: 0, batch: 2 } : { canary: 1, batch: 1 };
  const asked = aRequest({ hostNames, kind, release, approvalsRequired: approvals, ...sizes, policy: { ...atOnce, ...policy } });
  return firstWorld(asked, { crash: 1, duplicate: 1, fail: 1, break: 0, disconnect: 0, act: 0, ...chances });
}

type Graph = { readonly worlds: World[]; readonly next: number[][]; readonly came: (readonly [number, string] | null)[] };

function explore(first: World, acts: readonly Act[], look: (from: World, edge: Edge) => void): Graph {
  const index = new Map([[keyOf(first), 0]]);
  const graph: Graph = { worlds: [first], next: [], came: [null] };
  for (let i = 0; i < graph.worlds.length; i += 1) {
    const from = graph.worlds[i] as World;
    graph.next[i] = edges(from, acts).map((edge) => {
      try {
        look(from, edge);
      } catch (error) {
        throw new Error([...story(graph, i), edge.what, "", String(error)].join("\n"));
      }
      const key = keyOf(edge.to);
      const known = index.get(key);
      if (known !== undefined) return known;
      index.set(key, graph.worlds.length);
      graph.came.push([i, edge.what]);
      return graph.worlds.push(edge.to) - 1;
    });
  }
  return graph;
}

/** What led to a world, for whoever has to find out why. */
function story(graph: Graph, at: number): string[] {
  const came = graph.came[at] ?? null;
  return came === null ? [] : [...story(graph, came[0]), came[1]];
}

// ------------------------------------------------------------ what must hold

function look(from: World, { to, effects, fitness, what }: Edge): void {
  const goals = effects.flatMap((e) => (e.kind === "desire" ? [e] : []));
  const { state } = to;
  if (hasEnded(from.state)) assert.equal(state, from.state, "an ended rollout changes no more");
  const goesOn = /^bo/.test(what) || leavesWithItsOwnFault(from, what);
  if (isPaused(state) || (isPaused(from.state) && !goesOn)) assert.deepEqual(goals, [], "no goal while it is paused");
  const waits = !hasEnded(state) && !isPaused(state);
  if (waits) assert.ok(to.timers.length > 0, `${state.phase} has no timer`);
  if (hasEnded(state)) assert.deepEqual(to.timers, [], "no timer is left");
  keepsBudget(from, to, fitness);
  if (!hasEnded(from.state) && hasEnded(state)) endsInTruth(to, effects);
}

/** Who was only late, or lost, takes its failure along. A failure of the release stays for a person, whoever leaves. */
function leavesWithItsOwnFault({ state }: World, what: string): boolean {
  const leaver = state.hosts.find((h) => what === `${h.host} leaves`);
  return leaver?.status === "failed" && !["unhealthy", "crash_loop"].includes(leaver.reason ?? "");
}

function keepsBudget(from: World, to: World, fitness: ReturnType<typeof fitnessOf>): void {
  if (to.state.kind === "rollback") return;
  const started = to.state.hosts.filter(
    (h) => h.status === "swapping" && from.state.hosts.find((b) => b.host === h.host)?.attempt !== h.attempt,
  );
  const wasOut = new Set([...fitness.unwell, ...fitness.away]);
  const isOut = new Set([...fitnessOf(to).unwell, ...fitnessOf(to).away]);
  if (started.some((h) => !wasOut.has(h.host))) assert.ok(isOut.size <= to.state.budget, `${[...isOut].join()} are out`);
}

/** What the server believes at the end against what is on the hosts. */
function endsInTruth(world: World, effects: readonly { readonly kind: string }[]): void {
  const { state } = world;
  const truth = (host: string) => world.hosts.find((h) => h.host === host);
  for (const h of state.hosts) {
    const really = truth(h.host);
    const wanted = world.orders[h.host];
    if (state.phase === "succeeded") {
      assert.equal(really?.serves, state.release, `${h.host} is said to serve r${state.release}`);
      assert.equal(really?.broken, false);
    }
    if (state.phase === "restored" && h.attempt === 0) assert.equal(wanted?.generation, 0, `${h.host} was never touched`);
    if (h.status === "restored") {
      assert.equal(wanted?.release, h.back);
      assert.equal(really?.serves, h.back, `${h.host} is said to be back on r${h.back}`);
    }
  }
  const good = effects.some((e) => e.kind === "verdict" && (e as { verdict?: string }).verdict === "good");
  if (good) assert.equal(state.phase, "succeeded");
}

/** From every world some way leads to an end: nothing is ever locked up. */
function canAlwaysEnd(graph: Graph): void {
  const before: number[][] = graph.worlds.map(() => []);
  graph.next.forEach((to, from) => {
    for (const n of to) before[n]?.push(from);
  });
  const queue = graph.worlds.flatMap(({ state }, i) => (hasEnded(state) ? [i] : []));
  const reached = new Set(queue);
  for (let at = queue.pop(); at !== undefined; at = queue.pop()) {
    for (const n of before[at] ?? []) {
      if (reached.has(n)) continue;
      reached.add(n);
      queue.push(n);
    }
  }
  const locked = graph.worlds.findIndex((_, i) => !reached.has(i));
  assert.equal(locked, -1, `no end can be reached after:\n${story(graph, locked).join("\n")}`);
}

for (const one of cases) {
  test(`every order of events: ${one.name}`, (t) => {
    const graph = explore(start(one), one.acts ?? [], look);
    canAlwaysEnd(graph);
    t.diagnostic(`${graph.worlds.length} worlds, ${graph.next.flat().length} moves`);
    assert.ok(graph.worlds.length >= one.worlds, `only ${graph.worlds.length} worlds`);
  });
}
