import { amountOf, batchesOf, type RolloutPolicy } from "../core/plan.ts";
import type { StoredHost } from "./store.ts";

/**
 * So many hosts of an environment may be out of service at once; never none, or nothing could ever go on. It is of all that
 * are enrolled with its labels, those that people took out included: they count against it.
 */
export function mostOut(policy: RolloutPolicy, hosts: readonly Pick<StoredHost, "name" | "labels">[]): number {
  if (policy.maxUnavailable !== null) return Math.max(1, amountOf(policy.maxUnavailable, hosts.length));
  const labels = Object.fromEntries(hosts.map((host) => [host.name, host.labels]));
  const batches = batchesOf({ hosts: hosts.map((host) => host.name), policy, kind: "deploy", labels });
  return Math.max(1, ...batches.map((batch) => batch.length));
}
