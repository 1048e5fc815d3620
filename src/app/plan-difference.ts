/** What changed between two plans of one rollout, for the person whose click came too late. */
import { canonicalJson, type Plan, type RolloutPolicy } from "../core/plan.ts";

/** As the service file calls them. */
const policyWords: Readonly<Record<keyof RolloutPolicy, string>> = {
  canary: "canary",
  batch: "batch",
  soakMs: "soak",
  endSoakMs: "soak at the end",
  maxFailed: "maxFailed",
  maxUnavailable: "maxUnavailable",
  spread: "spread",
  deadlineMs: "deadline",
  hostDeadlineMs: "perHostDeadline",
  onFailure: "onFailure",
  unreachable: "unreachable",
  rollbackBatch: "rollbackBatch",
  watch: "watch",
};

/** The first difference that explains the others, as a sentence without its full stop; null when the plans are the same. */
export function planDifference(before: Plan, now: Plan): string | null {
  if (canonicalJson(before) === canonicalJson(now)) return null;
  return hostsDiffer(before, now) ?? whatRunsDiffers(before, now) ?? rulesDiffer(before, now) ?? otherwise(before, now);
}

function hostsDiffer(before: Plan, now: Plan): string | null {
  const then = new Set(before.hosts.map((h) => h.host));
  const today = new Set(now.hosts.map((h) => h.host));
  const joined = [...today].filter((host) => !then.has(host));
  const left = [...then].filter((host) => !today.has(host));
  const takenOut = left.filter((host) => now.leftOut.includes(host));
  const broughtBack = joined.filter((host) => before.leftOut.includes(host));
  if (takenOut.length > 0) return `${takenOut.join(", ")} ${takenOut.length === 1 ? "was" : "were"} taken out by a person`;
  if (broughtBack.length > 0) return `${broughtBack.join(", ")} ${broughtBack.length === 1 ? "takes" : "take"} part again`;
  if (joined.length > 0) return `${joined.join(", ")} joined`;
  if (left.length > 0) return `${left.join(", ")} left`;
  if (before.leftOut.join() === now.leftOut.join()) return null;
  return `the hosts that are left out are now ${now.leftOut.length === 0 ? "none" : now.leftOut.join(", ")}`;
}

function whatRunsDiffers(before: Plan, now: Plan): string | null {
  const name = (release: number | null) => (release === null ? "nothing" : `r${release}`);
  const where = `${now.service} ${now.environment}`;
  if (before.from !== now.from) return `what is live in ${where} is ${name(now.from)} now, not ${name(before.from)}`;
  const from = new Map(before.hosts.map((h) => [h.host, h.from]));
  const moved = now.hosts.filter((h) => from.get(h.host) !== h.from).map((h) => h.host);
  return moved.length === 0 ? null : `what runs on ${moved.join(", ")} is not what it was`;
}

function rulesDiffer(before: Plan, now: Plan): string | null {
  const names = Object.keys(policyWords) as (keyof RolloutPolicy)[];
  const edited = names.filter((name) => canonicalJson(before.policy[name]) !== canonicalJson(now.policy[name]));
  if (edited.length > 0) return `the rollout policy was edited (${edited.map((name) => policyWords[name]).join(", ")})`;
  if (before.budget !== now.budget) return `the number of hosts that may be out of service at once is ${now.budget ?? 1} now`;
  const labels = new Map(before.hosts.map((h) => [h.host, canonicalJson(h.labels)]));
  const other = now.hosts.filter((h) => labels.get(h.host) !== canonicalJson(h.labels)).map((h) => h.host);
  return other.length === 0 ? null : `the labels of ${other.join(", ")} are not what they were`;
}

/** Same hosts, same rules: which of them have the release, and are well, is another set. Or it is another release altogether. */
function otherwise(before: Plan, now: Plan): string {
  if (before.digest !== now.digest || before.specHash !== now.specHash) return "the release is not the one that was planned";
  const then = before.batches.flat();
  const today = now.batches.flat();
  const more = today.filter((host) => !then.includes(host));
  const fewer = then.filter((host) => !today.includes(host));
  if (more.length > 0) return `${more.join(", ")} ${more.length === 1 ? "has" : "have"} to be swapped too`;
  if (fewer.length > 0) return `${fewer.join(", ")} ${fewer.length === 1 ? "serves" : "serve"} r${now.release} already`;
  return "the order of the hosts is not what it was";
}
