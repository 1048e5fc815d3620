/** Builders for rollouts: everything has a default, a test names only what matters to it. */
import { batchesOf, defaultPolicy, type RolloutPolicy } from "../../src/core/plan.ts";
import { begin, step } from "../../src/core/rollout.ts";
import type { Effect, LaterEvent, Requested, RolloutState } from "../../src/core/rollout-state.ts";

export const ana = { kind: "slack", id: "U0ANA", name: "ana" } as const;
export const bo = { kind: "slack", id: "U0BO", name: "bo" } as const;
export const eva = { kind: "slack", id: "U0EVA", name: "eva" } as const;

export const noon = Date.UTC(2026, 0, 5, 12, 0, 0);

export function aRequest(
  change: Partial<Omit<Requested, "policy">> & {
    hostNames?: readonly string[];
    canary?: number;
    batch?: number;
    policy?: Partial<RolloutPolicy>;
  } = {},
): Requested {
  const { hostNames = ["prod-1", "prod-2", "prod-3"], canary = 1, batch = 2, ...more } = change;
  const { policy: policyChange, ...rest } = more;
  const kind = rest.kind ?? "deploy";
  const policy = { ...defaultPolicy, canary: { hosts: canary }, batch: { hosts: batch }, ...policyChange };
  return {
    type: "requested",
    at: noon,
    number: 142,
    service: "api",
    environment: "prod",
    kind,
    release: 42,
    from: 41,
    planHash: "0123456789abcdef",
    requester: ana,
    expireMs: 30 * 60_000,
    approvalsRequired: 1,
    batches: batchesOf({ hosts: hostNames, policy, kind }),
    policy,
    back: 41,
    inLine: false,
    hosts: hostNames.map((host) => ({ host, from: 41, unchanged: false })),
    ...rest,
  };
}

/** A rollout told event by event, remembering every effect. */
export class Told {
  state: RolloutState;
  effects: Effect[];
  events: LaterEvent[] = [];

  constructor(request: Requested) {
    const first = begin(request);
    this.state = first.state;
    this.effects = [...first.effects];
  }

  /** Returns what the step came to; the effects of this step alone are in `last`. */
  last: readonly Effect[] = [];
  tell(event: LaterEvent): "moved" | "ignored" | string {
    const result = step(this.state, event);
    this.last = [];
    if (result.kind === "refused") return result.reason;
    if (result.kind === "ignored") return "ignored";
    this.state = result.state;
    this.last = result.effects;
    this.effects.push(...result.effects);
    this.events.push(event);
    return "moved";
  }

  desired(): Record<string, number | null> {
    const wants: Record<string, number | null> = {};
    for (const effect of this.effects) if (effect.kind === "desire") wants[effect.host] = effect.release;
    return wants;
  }

  status(): Record<string, string> {
    return Object.fromEntries(this.state.hosts.map((h) => [h.host, h.status]));
  }

  verdicts(): string[] {
    return this.effects.flatMap((e) => (e.kind === "verdict" ? [`r${e.release} ${e.verdict}`] : []));
  }
}
