/**
 * A plan: ordered batches of hosts, and everything an approver needs to judge them.
 * It is a pure function of the inventory, the release and the policy, so its canonical text can be hashed and approved.
 */

import type { SecretVersions } from "./secrets.ts";

/** Hosts as a number, or as a share of the fleet: "25%". */
export type Amount = { readonly hosts: number } | { readonly percent: number };

/** Never two hosts of one value of the label at once (`apart`), or one value after the other (`in_turn`). */
export type Spread = { readonly label: string; readonly order: "apart" | "in_turn" };

/** How a rollout goes. Frozen into the rollout when it is asked for: what the file says later changes nothing under way. */
export type RolloutPolicy = {
  /** Size of the small first batch; 0 hosts for none. */
  readonly canary: Amount;
  /** One amount: equal batches. A list: how much of the fleet has the release after each batch; it rises and ends at 100%. */
  readonly batch: Amount | readonly Amount[];
  /** How long a batch must stay healthy before the next. */
  readonly soakMs: number;
  /** How long the whole must stay healthy before the release is called good. */
  readonly endSoakMs: number;
  /** More failed hosts than this, and the rollout has failed. A share rounds down, also to none. */
  readonly maxFailed: Amount;
  /** Never more hosts out of service at once, whatever put them out; null: as many as the largest batch. */
  readonly maxUnavailable: Amount | null;
  readonly spread: Spread | null;
  /** Without any progress for this long the rollout has failed. */
  readonly deadlineMs: number;
  /** One host's swap must be done by then; past it the host has failed. */
  readonly hostDeadlineMs: number;
  readonly onFailure: "pause" | "restore" | "rollback";
  /** What becomes of hosts that nobody hears of when it is their turn. */
  readonly unreachable: "wait" | "skip" | "fail";
  /** How many hosts go back at once. */
  readonly rollbackBatch: Amount;
  /** How long after the end the containers are watched, and what happens when they do not stay well. 0: not at all. */
  readonly watch: { readonly forMs: number; readonly onUnwell: "raise" | "rollback" };
};

/** What a policy says that says nothing. `onFailure` depends on the environment: see config. */
export const defaultPolicy: RolloutPolicy = {
  canary: { hosts: 1 },
  batch: { percent: 25 },
  soakMs: 30_000,
  endSoakMs: 30_000,
  maxFailed: { hosts: 0 },
  maxUnavailable: null,
  spread: null,
  deadlineMs: 15 * 60_000,
  hostDeadlineMs: 120_000,
  onFailure: "rollback",
  unreachable: "wait",
  rollbackBatch: { percent: 50 },
  watch: { forMs: 10 * 60_000, onUnwell: "raise" },
};

/** `adopt`: no rollout at all, but the record of what was found on the hosts and taken for what should be (gantry adopt). */
export type RolloutKind = "deploy" | "promote" | "rollback" | "restart" | "adopt";

/** What a host has now, as far as the plan is concerned. null: nothing runs there. */
export type PlannedHost = {
  readonly host: string;
  readonly from: number | null;
  readonly labels: Readonly<Record<string, string>>;
};

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
  /** Hosts with the environment's labels that a person took out (cordoned, drained): no part of it, and named. */
  readonly leftOut: readonly string[];
  /** Versions of its secrets when it was asked for. No part of the hash: a value may change until a host asks for it. */
  readonly secrets?: SecretVersions;
  readonly batches: readonly (readonly string[])[];
  readonly policy: RolloutPolicy;
  /**
   * How many hosts of the environment, those that are left out included, may be out of service at once, whatever put them out.
   * Absent: nothing is to be swapped (an adoption), or it was planned before there was one.
   */
  readonly budget?: number;
};

/** Rounds down, but never to nothing: 25% of 3 hosts is 1. Never more than there are. */
export function amountOf(amount: Amount, total: number): number {
  if ("hosts" in amount) return Math.min(amount.hosts, total);
  if (amount.percent === 0) return 0;
  return Math.min(total, Math.max(1, Math.floor((total * amount.percent) / 100)));
}

/** What may be borne: rounds down, also to nothing. 10% of 2 hosts is none. */
export function borneOf(amount: Amount, total: number): number {
  return "hosts" in amount ? Math.min(amount.hosts, total) : Math.floor((total * amount.percent) / 100);
}

/** The labels of each host, by its name. */
export type Labels = Readonly<Record<string, Readonly<Record<string, string>>>>;

/**
 * Batches in order: the canary, then equal batches, or what the list says. Never more hosts in one than may be out of
 * service (`budget`; of these hosts where it is not given). A rollback has neither canary nor spread, and a size of its own:
 * what it goes back to was good here.
 * Hosts are taken in the order given (the caller sorts them by name, so that equal inventories give equal plans). A host
 * without the label of the spread shares its value with nobody.
 */
export function batchesOf(facts: {
  readonly hosts: readonly string[];
  readonly policy: RolloutPolicy;
  readonly kind: RolloutKind;
  readonly labels?: Labels;
  readonly budget?: number;
}): string[][] {
  const { hosts, policy, kind, labels = {} } = facts;
  const total = hosts.length;
  if (kind === "rollback") return chunked(hosts, shares(policy.rollbackBatch, total));
  const { maxUnavailable } = policy;
  const most = maxUnavailable === null ? total : Math.max(1, facts.budget ?? amountOf(maxUnavailable, total));
  const sizes = { targets: targetsOf(policy, total), most };
  const { spread } = policy;
  if (spread === null) return chunked(hosts, sizes);
  const labelOf = (host: string) => labels[host]?.[spread.label] ?? null;
  return spread.order === "apart" ? apart(hosts, labelOf, sizes) : inTurn(hosts, labelOf, sizes);
}

/** How much of the fleet has the release after each step, and how many may be in a batch. */
type Sizes = { readonly targets: readonly number[]; readonly most: number };
type LabelOf = (host: string) => string | null;

function targetsOf(policy: RolloutPolicy, total: number): readonly number[] {
  if ("length" in policy.batch) return [...policy.batch.map((share) => amountOf(share, total)), total];
  const canary = amountOf(policy.canary, total);
  return [canary, ...shares(policy.batch, total).targets.map((target) => Math.min(total, target + canary))];
}

function shares(amount: Amount, total: number): Sizes {
  const size = Math.max(1, amountOf(amount, total));
  return { targets: Array.from({ length: Math.ceil(total / size) }, (_, i) => Math.min(total, (i + 1) * size)), most: size };
}

/** How many the next batch may have when so many have had their turn. */
function room({ targets, most }: Sizes, done: number): number {
  const target = targets.find((t) => t > done) ?? done + most;
  return Math.min(most, target - done);
}

function chunked(hosts: readonly string[], sizes: Sizes): string[][] {
  const batches: string[][] = [];
  for (let at = 0; at < hosts.length; ) {
    const size = room(sizes, at);
    batches.push(hosts.slice(at, at + size));
    at += size;
  }
  return batches;
}

function groupsOf(hosts: readonly string[], labelOf: LabelOf): string[][] {
  const groups = new Map<string, string[]>();
  for (const host of hosts) {
    const value = labelOf(host);
    const key = value === null ? `host ${host}` : `value ${value}`;
    groups.set(key, [...(groups.get(key) ?? []), host]);
  }
  return [...groups.values()];
}

/** One host of a value in a batch at most; those with the most hosts left come first, so that few batches are needed. */
function apart(hosts: readonly string[], labelOf: LabelOf, sizes: Sizes): string[][] {
  const batches: string[][] = [];
  let groups = groupsOf(hosts, labelOf);
  for (let done = 0; done < hosts.length; ) {
    const order = [...groups].sort((a, b) => b.length - a.length).slice(0, room(sizes, done));
    batches.push(order.flatMap((group) => group.slice(0, 1)));
    groups = groups.map((group) => (order.includes(group) ? group.slice(1) : group)).filter((group) => group.length > 0);
    done += order.length;
  }
  return batches;
}

/** One value after the other, in the order of their names; a batch has hosts of one value only. */
function inTurn(hosts: readonly string[], labelOf: LabelOf, sizes: Sizes): string[][] {
  const values = (group: readonly string[]) => labelOf(group[0] ?? "") ?? "";
  const groups = groupsOf(hosts, labelOf).sort((a, b) => (values(a) < values(b) ? -1 : values(a) > values(b) ? 1 : 0));
  const batches: string[][] = [];
  let done = 0;
  for (const group of groups) {
    for (let rest = group; rest.length > 0; ) {
      const size = Math.min(room(sizes, done), rest.length);
      batches.push(rest.slice(0, size));
      rest = rest.slice(size);
      done += size;
    }
  }
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
