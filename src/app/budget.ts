import { amountOf, batchesOf, type RolloutPolicy } from "../core/plan.ts";

/** So many of the hosts may be out of service at once. */
export function mostOut(policy: RolloutPolicy, hosts: readonly string[]): number {
  if (policy.maxUnavailable !== null) return amountOf(policy.maxUnavailable, hosts.length);
  return Math.max(1, ...batchesOf({ hosts, policy, kind: "deploy" }).map((batch) => batch.length));
}
