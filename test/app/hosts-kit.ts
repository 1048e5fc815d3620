/** What hosts do: they come and go, swap well or badly, and report while time passes. */
import type { SwapOutcome } from "../../src/core/slot.ts";
import type { TestApp } from "../kit/app.ts";
import { settled } from "./kit.ts";
import { place } from "./line-kit.ts";

/** A host that was never here before. */
export function joins(fleet: TestApp, host: string, labels: Readonly<Record<string, string>> = { env: "prod" }): void {
  fleet.store.hosts.put({ name: host, labels, publicKey: host, at: fleet.clock.now() });
  comes(fleet, host);
}

export function comes(fleet: TestApp, host: string): void {
  fleet.connected.add(host);
  fleet.desk.connected({ host, agentVersion: "1", labels: {} });
}

export function goes(fleet: TestApp, host: string): void {
  fleet.connected.delete(host);
  fleet.desk.disconnected(host);
}

/** The swap failed; the agent has put back what served before. */
export function fails(fleet: TestApp, host: string, reason = "unhealthy"): void {
  const slot = fleet.store.slots.get(host, place);
  if (slot === null) throw new Error(`nothing is wanted of ${host}`);
  const live = slot.observed?.live ?? null;
  const after = live === null ? "empty" : "restored";
  const outcome: SwapOutcome = { ok: false, tookMs: 900, reason, detail: "GET /healthz: 503", logTail: ["boom"], after };
  fleet.says(host, [{ ...place, generation: slot.generation, step: "failed", outcome, live, previous: null }]);
}

/** What it last said, once more: it has not begun with anything new. */
export function repeats(fleet: TestApp, host: string): void {
  const observed = fleet.store.slots.get(host, place)?.observed;
  fleet.says(host, observed === null || observed === undefined ? [] : [observed]);
}

/** Time passes while every host that is connected says now and then what it said before: every second, or 40 times in all. */
export async function passes(fleet: TestApp, ms: number): Promise<void> {
  const stepMs = Math.max(1000, ms / 40);
  for (let left = ms; left > 0; left -= stepMs) {
    await fleet.clock.advance(Math.min(stepMs, left));
    for (const host of fleet.connected) repeats(fleet, host);
  }
  await settled();
}

/** Every connected host that has something new before it does it well. */
export function obey(fleet: TestApp): void {
  for (const host of fleet.connected) {
    const slot = fleet.store.slots.get(host, place);
    if (slot !== null && slot.generation > (slot.observed?.generation ?? 0)) fleet.reports(host);
  }
}

/** Hosts do what they are told, and time passes, until the rollout has ended. */
export async function runs(fleet: TestApp, number: number): Promise<void> {
  for (const host of fleet.connected) fleet.hasImage(host);
  for (let turn = 0; turn < 200 && fleet.state(number).endedAt === null; turn += 1) {
    obey(fleet);
    await passes(fleet, 1000);
  }
  await settled();
}

/** `a: healthy, b: waiting`. */
export function statuses(fleet: TestApp, number?: number): string {
  return fleet
    .state(number)
    .hosts.map((h) => `${h.host}: ${h.status}`)
    .join(", ");
}

/** `a: 1, b: 2`: the release that is desired of each. */
export function desires(fleet: TestApp, ...hosts: readonly string[]): string {
  return hosts.map((host) => `${host}: ${fleet.desired(host) ?? "nothing"}`).join(", ");
}
