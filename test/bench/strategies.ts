/** The ways to swap, each under load: deploys and rollbacks in turn, what its clients saw, and how long one took. */
import { setTimeout as sleep } from "node:timers/promises";
import { type Load, type Served, startLoad } from "./load.ts";
import type { Strategy, StrategyHost } from "./strategies-host.ts";

export type Figures = {
  readonly strategy: Strategy;
  readonly deploys: readonly Swapped[];
  readonly rollbacks: readonly Swapped[];
};

/** One swap: `tookMs` from the order to its outcome. */
export type Swapped = { readonly tookMs: number; readonly served: Served };

export const perSecond = 200;

/** `rounds` deploys and as many rollbacks. Throws when one of them fails. */
export async function measure(host: StrategyHost, facts: { strategy: Strategy; rounds: number }): Promise<Figures> {
  const { strategy, rounds } = facts;
  await host.begin(strategy);
  await swapped(host, strategy, 1);
  const load = startLoad({ url: host.url, perSecond });
  const deploys: Swapped[] = [];
  const rollbacks: Swapped[] = [];
  try {
    await quiet();
    for (let round = 0; round < rounds; round += 1) {
      deploys.push(await under(load, () => swapped(host, strategy, 2)));
      rollbacks.push(await under(load, () => swapped(host, strategy, 1)));
    }
  } finally {
    await load.stop();
  }
  return { strategy, deploys, rollbacks };
}

async function swapped(host: StrategyHost, strategy: Strategy, release: 1 | 2): Promise<void> {
  const slot = await host.swap(strategy, release);
  if (slot.outcome?.ok !== true) throw new Error(`${strategy}: ${JSON.stringify(slot.outcome)}`);
}

/** What clients saw from its beginning until the containers of the swap have come to rest. */
async function under(load: Load, work: () => Promise<void>): Promise<Swapped> {
  await load.take();
  const began = performance.now();
  await work();
  const tookMs = performance.now() - began;
  await quiet();
  return { tookMs, served: await load.take() };
}

/** The old container may have requests to end, and is tidied away: that belongs to the swap. */
async function quiet(): Promise<void> {
  await sleep(400);
}

export function failed(figures: Figures): number {
  return [...figures.deploys, ...figures.rollbacks].reduce((sum, { served }) => sum + served.failed, 0);
}

export function faultsOf(figures: Figures): Record<string, number> {
  const all: Record<string, number> = {};
  for (const { served } of [...figures.deploys, ...figures.rollbacks]) {
    for (const [why, count] of Object.entries(served.faults)) all[why] = (all[why] ?? 0) + count;
  }
  return all;
}
