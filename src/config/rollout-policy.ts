/** The rollout policy as meant: defaults filled in, contradictions refused. */
import { type Amount, defaultPolicy, type RolloutPolicy } from "../core/plan.ts";
import type { Report } from "./raw.ts";
import type { RawRollout } from "./rollout-shape.ts";
import { durationText } from "./scalars.ts";
import type { Located } from "./shape.ts";

export type PolicyFacts = {
  /** What a host needs in the worst case to become healthy; null when that is broken. */
  readonly neededMs: number | null;
  readonly needsApproval: boolean;
  readonly report: Report;
};

export function policyOf(raw: RawRollout | undefined, facts: PolicyFacts): RolloutPolicy {
  const { report } = facts;
  const hostDeadlineMs = hostDeadlineOf(raw?.perHostDeadline, facts);
  checkDeadline(raw, hostDeadlineMs, report);
  checkBudget(raw, report);
  const batchSoakMs = raw?.soak?.batchMs ?? defaultPolicy.soakMs;
  return {
    canary: canaryOf(raw, report),
    batch: batchOf(raw?.batch, report),
    soakMs: batchSoakMs,
    endSoakMs: raw?.soak?.endMs ?? batchSoakMs,
    maxFailed: raw?.maxFailed ?? defaultPolicy.maxFailed,
    maxUnavailable: raw?.maxUnavailable?.value ?? null,
    spread: raw?.spread ?? null,
    deadlineMs: raw?.deadline?.value ?? Math.max(defaultPolicy.deadlineMs, hostDeadlineMs + 60_000),
    hostDeadlineMs,
    onFailure: raw?.onFailure ?? (facts.needsApproval ? "pause" : "rollback"),
    unreachable: raw?.unreachable ?? defaultPolicy.unreachable,
    rollbackBatch: raw?.rollbackBatch ?? defaultPolicy.rollbackBatch,
    watch: {
      forMs: raw?.watch?.forMs ?? defaultPolicy.watch.forMs,
      onUnwell: raw?.watch?.onUnwell ?? defaultPolicy.watch.onUnwell,
    },
  };
}

/** A host must have time to stop the old container and to use the whole health deadline. */
function hostDeadlineOf(written: Located<number> | undefined, facts: PolicyFacts): number {
  const { neededMs, report } = facts;
  if (written === undefined) return Math.max(defaultPolicy.hostDeadlineMs, (neededMs ?? 0) + 30_000);
  if (neededMs !== null && written.value <= neededMs) {
    const what = `perHostDeadline ${durationText(written.value)} is not longer than the health deadline and the stop grace period together`;
    report(written.spot, { what, fix: `write more than ${durationText(neededMs)}, or shorten those` });
  }
  return written.value;
}

/** One host in its time is progress: a deadline that is over before would end every slow swap. */
function checkDeadline(raw: RawRollout | undefined, hostDeadlineMs: number, report: Report): void {
  const written = raw?.deadline;
  if (written === undefined || written.value > hostDeadlineMs) return;
  const what = `deadline ${durationText(written.value)} is not longer than perHostDeadline ${durationText(hostDeadlineMs)}`;
  report(written.spot, { what, fix: `write more than ${durationText(hostDeadlineMs)}, or shorten perHostDeadline` });
}

function canaryOf(raw: RawRollout | undefined, report: Report): Amount {
  const isList = raw?.batch !== undefined && "length" in raw.batch.value;
  if (!isList) return raw?.canary?.value ?? defaultPolicy.canary;
  if (raw.canary !== undefined) {
    report(raw.canary.spot, {
      what: "canary beside a list of batches",
      fix: "remove canary: the first entry of the list is the canary",
    });
  }
  return { hosts: 0 };
}

function batchOf(written: Located<Amount | readonly Amount[]> | undefined, report: Report): RolloutPolicy["batch"] {
  if (written === undefined) return defaultPolicy.batch;
  const { value, spot } = written;
  if (!("length" in value)) return value;
  const last = value.at(-1);
  if (last === undefined || !("percent" in last) || last.percent !== 100) {
    report(spot, { what: "the list of batches does not end at 100%", fix: "add 100% as its last entry" });
  }
  const falls = value.find((amount, index) => index > 0 && !rises(value[index - 1] as Amount, amount));
  if (falls !== undefined) {
    report(spot, {
      what: `the list of batches does not rise at ${amountText(falls)}`,
      fix: "each entry says how much of the fleet has the release by then, such as [1, 10%, 25%, 100%]",
    });
  }
  return value;
}

/** A number against a share depends on how many hosts there are: the planner sees to that. */
function rises(before: Amount, after: Amount): boolean {
  if ("hosts" in before && "hosts" in after) return after.hosts > before.hosts;
  if ("percent" in before && "percent" in after) return after.percent > before.percent;
  return true;
}

/** A batch that the budget never lets begin as a whole is a contradiction, when it can be seen without the hosts. */
function checkBudget(raw: RawRollout | undefined, report: Report): void {
  const budget = raw?.maxUnavailable;
  if (budget === undefined) return;
  const batches = raw?.batch === undefined || "length" in raw.batch.value ? [] : [raw.batch.value];
  const tooLarge = [...batches, ...(raw?.canary === undefined ? [] : [raw.canary.value])].find((a) => exceeds(a, budget.value));
  if (tooLarge === undefined) return;
  report(budget.spot, {
    what: `maxUnavailable ${amountText(budget.value)} is less than a batch of ${amountText(tooLarge)}`,
    fix: `write at least ${amountText(tooLarge)}, or make the batches smaller`,
  });
}

function exceeds(one: Amount, other: Amount): boolean {
  if ("hosts" in one && "hosts" in other) return one.hosts > other.hosts;
  return "percent" in one && "percent" in other && one.percent > other.percent;
}

function amountText(amount: Amount): string {
  return "hosts" in amount ? `${amount.hosts}` : `${amount.percent}%`;
}
