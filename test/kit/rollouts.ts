/** Builders for rollouts: everything has a default, a test names only what matters to it. */
import { batchesOf, defaultPolicy, type RolloutPolicy } from "../../src/core/plan.ts";
import type { ReasonCode } from "../../src/core/reasons.ts";
import { begin, step } from "../../src/core/rollout.ts";
import type { Effect, Fitness, LaterEvent, Person, Requested, RolloutState } from "../../src/core/rollout-state.ts";

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

type WithoutTime<E> = E extends { readonly at: number } ? Omit<E, "at"> : never;

/** A rollout told event by event, remembering every effect. */
export class Told {
  state: RolloutState;
  effects: Effect[];
  events: LaterEvent[] = [];
  /** The effects of the newest step alone; of the request at first. */
  last: readonly Effect[];
  /** What the clock says when something is told without a time. */
  now: number;
  /** Who does not serve well, from now on. */
  fitness: Fitness = { unwell: [], away: [] };

  constructor(request: Requested) {
    const first = begin(request);
    this.state = first.state;
    this.effects = [...first.effects];
    this.last = first.effects;
    this.now = request.at;
  }

  /** Returns what the step came to: `moved`, `ignored`, or the reason of a refusal. */
  tell(event: LaterEvent): "moved" | "ignored" | ReasonCode {
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

  /** The same, at this moment and with the present fitness. */
  hear(event: WithoutTime<LaterEvent>): "moved" | "ignored" | ReasonCode {
    return this.tell({ fitness: this.fitness, ...event, at: this.now } as LaterEvent);
  }

  wait(ms: number): void {
    this.now += ms;
  }

  images(...hosts: readonly string[]): void {
    const all = hosts.length > 0 ? hosts : this.state.hosts.map((h) => h.host);
    for (const host of all) this.hear({ type: "image_present", host });
  }

  approved(by: Person = bo): string {
    return this.hear({ type: "approved", by });
  }

  swapped(...hosts: readonly string[]): string[] {
    return hosts.map((host) => this.hear({ type: "host_swapped", host, tookMs: 400 }));
  }

  failed(host: string, reason: ReasonCode = "unhealthy"): string {
    return this.hear({ type: "host_failed", host, reason, detail: "503 from /healthz", logTail: [] });
  }

  unwell(host: string, reason: ReasonCode = "crash_loop"): string {
    return this.hear({ type: "host_unwell", host, reason, detail: "restarted", logTail: [] });
  }

  overdue(host: string, connected: boolean): string {
    return this.hear({ type: "host_overdue", host, connected });
  }

  back(...hosts: readonly string[]): string[] {
    return hosts.map((host) => this.hear({ type: "host_restored", host }));
  }

  /** The soak's time passes, and every host says that it is well. */
  soaked(): string {
    this.now = this.state.soakEndsAt ?? this.now;
    return this.hear({ type: "soaked" });
  }

  /** The progress clock runs out. */
  stalled(): string {
    this.now = this.state.progressBy ?? this.now;
    return this.hear({ type: "stalled" });
  }

  paused(): string {
    return this.hear({ type: "paused", reason: "paused", by: bo, why: "lunch" });
  }

  resumed(): string {
    return this.hear({ type: "resumed", reason: null, by: bo });
  }

  pauses(): readonly string[] {
    return this.state.pauses.map((p) => p.reason);
  }

  /** The newest goal of each host. */
  desired(): Record<string, number | null> {
    return goalsOf(this.effects);
  }

  /** Goals of the newest step. */
  goals(): Record<string, number | null> {
    return goalsOf(this.last);
  }

  status(): Record<string, string> {
    return Object.fromEntries(this.state.hosts.map((h) => [h.host, h.status]));
  }

  verdicts(): string[] {
    return this.effects.flatMap((e) => (e.kind === "verdict" ? [`r${e.release} ${e.verdict}`] : []));
  }

  /** Timers that are set, as their rows would stand in the store. */
  timers(): string[] {
    const set = new Set<string>();
    for (const e of this.effects) {
      if (e.kind === "set_timer") set.add(e.name);
      if (e.kind === "clear_timer") set.delete(e.name);
    }
    return [...set].sort();
  }
}

function goalsOf(effects: readonly Effect[]): Record<string, number | null> {
  return Object.fromEntries(effects.flatMap((e) => (e.kind === "desire" ? [[e.host, e.release]] : [])));
}

/** Decided, and every host has the image: the first batch is under way. */
export function rolling(change: Parameters<typeof aRequest>[0] = {}): Told {
  const rollout = new Told(aRequest({ approvalsRequired: 0, ...change }));
  rollout.images();
  return rollout;
}
