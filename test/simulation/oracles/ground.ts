/** What every oracle has to work with. */
import type { RolloutEvent } from "../../../src/core/rollout-state.ts";
import type { World } from "../world/world.ts";

export type Ground = {
  readonly world: World;
  /** The first one counts. */
  fail(id: string, text: string): void;
  reached(what: string): void;
};

/** An event and when it was committed, in true time. */
export type Recorded = { readonly event: RolloutEvent; readonly at: number; readonly seq: number };

export function isEnded(phase: string): boolean {
  return ["succeeded", "incomplete", "restored", "stuck", "rejected", "expired", "cancelled"].includes(phase);
}

export function placeOf({ service, environment }: { readonly service: string; readonly environment: string }): string {
  return `${service} ${environment}`;
}
