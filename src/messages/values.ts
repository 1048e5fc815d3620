/** What buttons carry. Written here, and read back (strictly) by commands/values.ts. */
import type { RollbackPreview } from "../core/facts.ts";
import type { RolloutState } from "../core/rollout-state.ts";

export type DecisionValue = { readonly rollout: number; readonly planHash: string };

/** An act on the hosts that had failed when it was shown. */
export type ContinueValue = DecisionValue & { readonly hosts: readonly string[] };

/** An act on the soak of one batch. */
export type SkipSoakValue = DecisionValue & { readonly batch: number };

export type RollbackValue = {
  /** A rollout that the rollback stops. */
  readonly rollout: number | null;
  readonly planHash: string;
  readonly service: string;
  readonly environment: string;
  readonly to: number | null;
};

/** A deploy that may wait in line. */
export type DeployValue = {
  readonly service: string;
  readonly environment: string;
  readonly ref: string;
  readonly allowBad: boolean;
  readonly why: string | null;
};

/** A promotion that may wait in line. */
export type PromoteValue = {
  readonly service: string;
  readonly from: string | null;
  readonly to: string;
  readonly why: string | null;
};

/** A rollback at one tap, from a card that says where it goes. */
export type GoBackValue = DecisionValue & { readonly to: number };

export function goBackValue(state: RolloutState, to: number): GoBackValue {
  return { ...decisionValue(state), to };
}

export function decisionValue(state: RolloutState): DecisionValue {
  return { rollout: state.number, planHash: state.planHash };
}

/** So many hosts at most: what a form carries is limited. Those beyond stay failed and are asked about again. */
const mostHosts = 30;

export function continueValue(state: RolloutState): ContinueValue {
  const failed = state.hosts.filter((h) => h.status === "failed").map((h) => h.host);
  return { ...decisionValue(state), hosts: failed.slice(0, mostHosts) };
}

export function skipSoakValue(state: RolloutState): SkipSoakValue {
  return { ...decisionValue(state), batch: state.batch };
}

/** Decided, and no host is touched: what is about to come is what the person means. `to` is what serves on. */
export function isCalledOff({ stops, hosts }: RollbackPreview): boolean {
  return stops?.phase === "queued" && hosts.length === 0;
}

export function rollbackValue(preview: RollbackPreview): RollbackValue {
  const { service, environment, planHash } = preview;
  // Calling off names no target: what serves is no release to go to.
  const to = isCalledOff(preview) ? null : (preview.to?.number ?? null);
  return { rollout: preview.stops?.rollout ?? null, planHash, service, environment, to };
}
