/** Slack's rate limits: posting about one message per second and channel with a small burst, everything else per method and minute. */
import type { RehearsalClock } from "../clock.ts";
import type { Tier } from "./method.ts";

const MINUTE_MS = 60_000;
const PER_MINUTE: Readonly<Record<1 | 2 | 3 | 4, number>> = { 1: 1, 2: 20, 3: 50, 4: 100 };
/** "Short bursts are tolerated": not specified further; five is what people report to pass. */
const POSTING_BURST = 5;
const POSTING_REFILL_MS = 1_000;

export type RateLimitSwitches = { readonly posting: boolean; readonly tiers: boolean };

export class RateLimits {
  readonly #clock: RehearsalClock;
  readonly #switches: RateLimitSwitches;
  readonly #buckets = new Map<string, { tokens: number; at: number }>();
  readonly #calls = new Map<string, number[]>();

  constructor(facts: { clock: RehearsalClock; switches: RateLimitSwitches }) {
    this.#clock = facts.clock;
    this.#switches = facts.switches;
  }

  /** Counts a call. Seconds to wait when it is one too many, else null. */
  check(facts: { method: string; tier: Tier; channel: string }): number | null {
    if (facts.tier === "posting") return this.#switches.posting ? this.#posting(facts.channel) : null;
    return this.#switches.tiers ? this.#perMinute(facts.method, PER_MINUTE[facts.tier]) : null;
  }

  #posting(channel: string): number | null {
    const now = this.#clock.now();
    const bucket = this.#buckets.get(channel) ?? { tokens: POSTING_BURST, at: now };
    const tokens = Math.min(POSTING_BURST, bucket.tokens + (now - bucket.at) / POSTING_REFILL_MS);
    const allowed = tokens >= 1;
    this.#buckets.set(channel, { tokens: allowed ? tokens - 1 : tokens, at: now });
    return allowed ? null : Math.max(1, Math.ceil(((1 - tokens) * POSTING_REFILL_MS) / 1000));
  }

  #perMinute(method: string, limit: number): number | null {
    const now = this.#clock.now();
    const recent = (this.#calls.get(method) ?? []).filter((at) => at > now - MINUTE_MS);
    const oldest = recent[0];
    const allowed = recent.length < limit || oldest === undefined;
    if (allowed) recent.push(now);
    this.#calls.set(method, recent);
    return allowed ? null : Math.max(1, Math.ceil((oldest + MINUTE_MS - now) / 1000));
  }
}
