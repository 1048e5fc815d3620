/** What buttons carry. Written here, and read back (strictly) by commands/values.ts. */
import type { RollbackPreview } from "../core/facts.ts";
import type { RolloutState } from "../core/rollout-state.ts";

export type DecisionValue = { readonly rollout: number; readonly planHash: string };

export type RollbackValue = {
  /** A rollout that the rollback stops. */
  readonly rollout: number | null;
  readonly planHash: string;
  readonly service: string;
  readonly environment: string;
  readonly to: number | null;
};

export function decisionValue(state: RolloutState): DecisionValue {
  return { rollout: state.number, planHash: state.planHash };
}

export function rollbackValue(preview: RollbackPreview): RollbackValue {
  const { service, environment, planHash } = preview;
  return { rollout: preview.stops?.rollout ?? null, planHash, service, environment, to: preview.to?.number ?? null };
}
