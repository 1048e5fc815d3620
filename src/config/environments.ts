/** Environments as meant: defaults filled in, roles and promotion order checked. */
import { quote, type Report } from "./raw.ts";
import { policyOf } from "./rollout-policy.ts";
import { type Located, nearest } from "./shape.ts";
import type { Approvals, EnvironmentConfig, Role } from "./valid.ts";
import type { RawEnvironment, RawEnvironments } from "./x-gantry.ts";

/** Null: it is broken and was reported, so that nothing can be checked against it. */
export type EnvironmentFacts = {
  readonly people: Readonly<Record<string, Role>> | null;
  /** What a host needs in the worst case to become healthy. */
  readonly neededMs: number | null;
  readonly report: Report;
};

/** In promotion order: each after the one it accepts from, otherwise as written. */
export function environmentsOf(raw: RawEnvironments, facts: EnvironmentFacts): EnvironmentConfig[] {
  if (raw.value.length === 0) {
    facts.report(raw.spot, { what: "no environment", fix: "name at least one, such as prod: { hosts: { env: prod } }" });
  }
  checkOrder(raw.value, facts.report);
  const environments = raw.value.map((environment) => environmentOf(environment, facts));
  return inPromotionOrder(environments.filter((environment) => environment !== null));
}

function environmentOf(raw: RawEnvironment, facts: EnvironmentFacts): EnvironmentConfig | null {
  if (raw.value === null) return null;
  const { value, spot } = raw.value;
  if (value.hosts === undefined) {
    facts.report(spot, {
      what: `the environment ${raw.key} has no hosts`,
      fix: `write hosts: with labels, such as { env: ${raw.key} }`,
    });
  }
  const approvals = approvalsOf(value.approvals ?? undefined, facts);
  const deployers = rolesOf(value.deployers ?? undefined, facts) ?? ["deployers"];
  const oncall = rolesOf(value.oncall ?? undefined, facts) ?? ["oncall"];
  const { neededMs, report } = facts;
  const rollout = policyOf(value.rollout ?? undefined, { neededMs, report, needsApproval: approvals.required > 0 });
  const hosts = value.hosts ?? {};
  return { name: raw.key, after: value.after?.value ?? null, hosts, approvals, deployers, oncall, rollout };
}

type RawApprovals = NonNullable<NonNullable<RawEnvironment["value"]>["value"]["approvals"]>;

function approvalsOf(written: RawApprovals | undefined, facts: EnvironmentFacts): Approvals {
  const raw = written?.value;
  const from = rolesOf(raw?.from?.value, facts) ?? [];
  const required = raw?.required ?? (from.length > 0 ? 1 : 0);
  if (written !== undefined && required > 0) checkApprovers({ written, from, required, facts });
  return { required, from, notRequester: raw?.notRequester ?? true, expireMs: raw?.expire ?? 1_800_000 };
}

function checkApprovers(ask: {
  written: RawApprovals;
  from: readonly string[];
  required: number;
  facts: EnvironmentFacts;
}): void {
  const { written, from, required, facts } = ask;
  if (from.length === 0) {
    facts.report(written.spot, {
      what: "approvals without `from`",
      fix: "name the roles that may approve, such as from: [release-captains]",
    });
    return;
  }
  const { people: known } = facts;
  if (known === null) return;
  const members = from.map((name) => known[name]).filter((role) => role !== undefined);
  // An unknown role was reported already; groups and everyone cannot be counted here.
  if (members.length < from.length || members.some((role) => role.everyone || role.groups.length > 0)) return;
  const people = new Set(members.flatMap((role) => [...role.users, ...role.local.map((name) => `local ${name}`)]));
  if (people.size >= required) return;
  const has = people.size === 0 ? "nobody" : `${people.size} of the ${required} people`;
  facts.report(written.value.from?.spot ?? written.spot, {
    what: `${from.join(", ")} has ${has} to approve`,
    fix: "put people into the role in gantry.yml, or require fewer",
  });
}

function rolesOf(written: readonly Located<string>[] | undefined, facts: EnvironmentFacts): readonly string[] | null {
  if (written === undefined) return null;
  const known = facts.people === null ? null : Object.keys(facts.people);
  for (const { value, spot } of written) {
    if (known === null || known.includes(value)) continue;
    const near = nearest(value, known);
    const fix = near === null ? `add it under people in gantry.yml (there are ${known.join(", ")})` : `did you mean "${near}"?`;
    facts.report(spot, { what: `unknown role ${quote(value)}`, fix });
  }
  return [...new Set(written.map(({ value }) => value))];
}

function checkOrder(environments: readonly RawEnvironment[], report: Report): void {
  const afterOf = new Map(environments.map(({ key, value }) => [key, value?.value.after ?? undefined]));
  for (const [key, after] of afterOf) {
    if (after === undefined) continue;
    if (!afterOf.has(after.value)) {
      const others = [...afterOf.keys()].filter((name) => name !== key);
      const near = nearest(after.value, others);
      const fix =
        near === null ? `name one of ${others.join(", ") || "the environments of this file"}` : `did you mean "${near}"?`;
      report(after.spot, { what: `after: there is no environment ${quote(after.value)}`, fix });
    } else if (leadsBackTo(key, afterOf)) {
      report(after.spot, { what: `after: ${key} would come after itself`, fix: "let the first environment have no after" });
    }
  }
}

function leadsBackTo(start: string, afterOf: ReadonlyMap<string, Located<string> | undefined>): boolean {
  const seen = new Set<string>();
  let at = afterOf.get(start)?.value;
  while (at !== undefined && !seen.has(at)) {
    if (at === start) return true;
    seen.add(at);
    at = afterOf.get(at)?.value;
  }
  return false;
}

function inPromotionOrder(environments: readonly EnvironmentConfig[]): EnvironmentConfig[] {
  const ordered: EnvironmentConfig[] = [];
  let waiting = [...environments];
  while (waiting.length > 0) {
    const ready = waiting.filter(({ after }) => after === null || !waiting.some(({ name }) => name === after));
    // A circle was reported; its members keep the order written.
    const next = ready.length > 0 ? ready : waiting;
    ordered.push(...next);
    waiting = waiting.filter((environment) => !next.includes(environment));
  }
  return ordered;
}
