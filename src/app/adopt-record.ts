/** The record of an adoption in one environment: a rollout that touched nothing, has ended, and says what is live. */
import { adopted } from "../core/adoption.ts";
import { defaultPolicy, type Plan } from "../core/plan.ts";
import { begin } from "../core/rollout.ts";
import type { LaterEvent, Person, Requested } from "../core/rollout-state.ts";
import type { EnvironmentFound } from "./adopt.ts";
import type { FenceParts } from "./fence.ts";
import { specHashOf } from "./planner.ts";

/** Rollouts that a backup may have missed. An agent that says more is not believed. */
const mostForgotten = 100_000;

/** Of hosts that were heard. Writes nothing when there is nothing to say: nothing was found, and nothing was live. In the caller's transaction. */
export function recordFor(
  parts: FenceParts,
  facts: {
    readonly found: EnvironmentFound;
    readonly by: Person;
    /** The highest number of a rollout that an agent has heard of: people have cards of it, so it is not given again. */
    readonly above: number;
  },
): void {
  const { store, clock } = parts;
  const { found, by } = facts;
  const { service, environment, live, others } = found;
  const release = live === null ? null : store.releases.find(service, live);
  if (live === null || release === null) return;
  const at = clock.now();
  const from = store.rollouts.live(service, environment)?.state.release ?? null;
  const policy = policyOf(parts, found);
  const hosts = [...found.hosts, ...others.map((o) => o.host)].sort();
  const plan: Plan = {
    service,
    environment,
    kind: "adopt",
    release: live,
    digest: release.digest,
    commit: release.commit,
    specHash: specHashOf(release.spec),
    from,
    hosts: hosts.map((host) => {
      const other = others.find((o) => o.host === host);
      return { host, from: other === undefined ? live : other.release, labels: store.hosts.find(host)?.labels ?? {} };
    }),
    leftOut: [],
    batches: [],
    policy,
  };
  const next = store.rollouts.nextNumber();
  const number = facts.above < next + mostForgotten ? Math.max(next, facts.above + 1) : next;
  const planHash = `adopt-${number}`;
  const asked: Requested = {
    type: "requested",
    at,
    number,
    service,
    environment,
    kind: "adopt",
    release: live,
    from,
    back: null,
    planHash,
    requester: by,
    expireMs: 0,
    approvalsRequired: 0,
    policy,
    batches: [],
    hosts: hosts.map((host) => ({ host, from: live, unchanged: true })),
    // As one in line it holds nothing and begins nothing, until it has ended a moment later.
    inLine: true,
  };
  const row = {
    service,
    environment,
    kind: "adopt" as const,
    release: live,
    plan,
    planHash,
    requestKey: `adopt-${number}`,
    ref: null,
    why: null,
    allowBad: null,
    channel: null,
    requestedAt: at,
  };
  const { state } = begin(asked);
  store.rollouts.create(row, asked, state);
  const event: LaterEvent = { type: "adopted", at, by, detail: detailOf(found), others };
  const ended = adopted(state, event);
  if (ended.kind !== "moved") throw new Error(`the record of the adoption of ${service}/${environment} did not end`);
  store.rollouts.append({ number, version: 1, event, state: ended.state });
}

function detailOf({ live, hosts, others }: EnvironmentFound): string {
  if (others.length === 0) return `r${live} was found on all ${hosts.length}`;
  const named = others.map(({ host, release }) => `${host} (${release === null ? "nothing" : `r${release}`})`);
  return `r${live} was found on ${hosts.length} of ${hosts.length + others.length}; not on ${named.join(", ")}`;
}

function policyOf(parts: FenceParts, key: { service: string; environment: string }) {
  const service = parts.config.services.find((s) => s.name === key.service);
  return service?.environments.find((e) => e.name === key.environment)?.rollout ?? defaultPolicy;
}
