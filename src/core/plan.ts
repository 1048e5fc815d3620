/**
 * A plan: ordered batches of hosts, and everything an approver needs to judge them.
 * It is a pure function of the inventory, the release and the policy, so its canonical text can be hashed and approved.
 */

/** Hosts as a number, or as a share of the fleet: "25%". */
export type Amount = { readonly hosts: number } | { readonly percent: number };

export type RolloutPolicy = {
  /** Size of the small first batch; 0 hosts for none. */
  readonly canary: Amount;
  readonly batch: Amount;
  /** How long a batch must stay healthy before the next, and the whole before the release is called good. */
  readonly soakMs: number;
  /** One host's swap must be done by then; past it the host has failed. */
  readonly hostDeadlineMs: number;
};

export type RolloutKind = "deploy" | "promote" | "rollback" | "restart";

/** What a host has now, as far as the plan is concerned. null: nothing runs there. */
export type PlannedHost = { readonly host: string; readonly from: number | null };

export type Plan = {
  readonly service: string;
  readonly environment: string;
  readonly kind: RolloutKind;
  readonly release: number;
  readonly digest: string;
  readonly commit: string;
  readonly specHash: string;
  /** The release that is live in the environment, or null when there is none yet. */
  readonly from: number | null;
  readonly hosts: readonly PlannedHost[];
  readonly batches: readonly (readonly string[])[];
  readonly policy: RolloutPolicy;
};

/** Rounds down, but never to nothing: 25% of 3 hosts is 1. Never more than there are. */
function amountOf(amount: Amount, total: number): number {
  if ("hosts" in amount) return Math.min(amount.hosts, total);
  if (amount.percent === 0) return 0;
  return Math.min(total, Math.max(1, Math.floor((total * amount.percent) / 100)));
}

/**
 * Batches in order: the canary, then equal batches. A rollback has no canary: what it goes back to was good here.
 * Hosts are taken in the order given (the caller sorts them by name, so that equal inventories give equal plans).
 */
export function batchesOf(facts: { hosts: readonly string[]; policy: RolloutPolicy; kind: RolloutKind }): string[][] {
  const { hosts, policy, kind } = facts;
  const canary = kind === "rollback" ? 0 : amountOf(policy.canary, hosts.length);
  const size = Math.max(1, amountOf(policy.batch, hosts.length));
  const batches: string[][] = canary > 0 ? [hosts.slice(0, canary)] : [];
  for (let at = canary; at < hosts.length; at += size) batches.push(hosts.slice(at, at + size));
  return batches;
}

/** JSON with sorted keys: equal values give equal text. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  if (value !== null && typeof value === "object") {
    const entries = Object.entries(value).filter(([, v]) => v !== undefined);
    entries.sort(([a], [b]) => (a < b ? -1 : 1));
    return `{${entries.map(([k, v]) => `${JSON.stringify(k)}:${canonicalJson(v)}`).join(",")}}`;
  }
  return JSON.stringify(value);
}
