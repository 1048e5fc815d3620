/**
 * When things are said. Every place has a lane: a channel for posts, one message for its edits, one person for their Home.
 * A lane runs one job at a time, its starts `gapMs` apart. Jobs wait in order, except that
 * - a `newest` job replaces the one that waits in its lane: who offered the older one is told that it is done, since what it
 *   wanted to show is no longer true. An older job that fails while a newer one waits counts as done for the same reason.
 * - an `urgent` job goes before those that are not.
 * Slack's Retry-After holds only the jobs of the same method and channel (`pauseKey`), and the job that met it is tried again.
 */
import { ChatError, type Clock } from "../app/ports.ts";
import { chatError, isRateLimit } from "./errors.ts";

export type Job<T> = {
  readonly lane: string;
  readonly pauseKey: string;
  readonly gapMs: number;
  readonly urgent?: boolean;
  readonly newest?: boolean;
  /** Counts against what Slack allows for the whole workspace. */
  readonly budget?: Budget;
  readonly run: () => Promise<T>;
};

/** A token bucket: `take` returns 0 when it gave one, else how long until it has one. */
export type Budget = { take(now: number): number };

export type Outbound = {
  /** Settles as the job does. Rejects with ChatError, after at most `patienceMs` of rate limits. */
  submit<T>(job: Job<T>): Promise<T>;
  /** Resolves when nothing waits and nothing runs. */
  idle(): Promise<void>;
  /** Rejects what still waits, with a ChatError that says to try again. */
  close(): void;
};

type Waiting = {
  readonly job: Job<unknown>;
  readonly giveUpAt: number;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: ChatError) => void;
};

type Lane = { readonly key: string; waiting: Waiting[]; running: boolean; freeAt: number; cancelWake: () => void };

export function createBudget(options: { readonly capacity: number; readonly perMinute: number }): Budget {
  let tokens = options.capacity;
  let filledAt: number | null = null;
  const perMs = options.perMinute / 60_000;
  return {
    take(now) {
      tokens = Math.min(options.capacity, tokens + (now - (filledAt ?? now)) * perMs);
      filledAt = now;
      if (tokens < 1) return Math.ceil((1 - tokens) / perMs);
      tokens -= 1;
      return 0;
    },
  };
}

export function createOutbound(options: { readonly clock: Clock; readonly patienceMs?: number }): Outbound {
  const { clock, patienceMs = 120_000 } = options;
  const lanes = new Map<string, Lane>();
  const pausedUntil = new Map<string, number>();
  const idleWaiters: (() => void)[] = [];
  let closed = false;

  function submit<T>(job: Job<T>): Promise<T> {
    if (closed) return Promise.reject(stopping());
    return new Promise<unknown>((resolve, reject) => {
      const lane = laneOf(job.lane);
      const entry: Waiting = { job, giveUpAt: clock.now() + patienceMs, resolve, reject };
      if (job.newest) {
        for (const older of lane.waiting) older.resolve(undefined);
        lane.waiting = [];
      }
      const behind = job.urgent ? lane.waiting.findIndex((other) => !other.job.urgent) : -1;
      if (behind === -1) lane.waiting.push(entry);
      else lane.waiting.splice(behind, 0, entry);
      pump(lane);
    }) as Promise<T>;
  }

  function laneOf(key: string): Lane {
    const found = lanes.get(key);
    if (found) return found;
    const lane: Lane = { key, waiting: [], running: false, freeAt: 0, cancelWake: () => {} };
    lanes.set(key, lane);
    return lane;
  }

  function pump(lane: Lane): void {
    if (lane.running) return;
    lane.cancelWake();
    const next = lane.waiting[0];
    const waitMs = Math.max(0, lane.freeAt - clock.now());
    if (next === undefined) {
      // An empty lane is kept until its gap is over, or the next job would start too soon.
      if (waitMs > 0 && !closed) lane.cancelWake = clock.wakeAt(lane.freeAt, () => pump(lane));
      else lanes.delete(lane.key);
      settleIdle();
      return;
    }
    const heldMs = Math.max(waitMs, pauseMs(next.job.pauseKey)) || (next.job.budget?.take(clock.now()) ?? 0);
    if (heldMs > 0) lane.cancelWake = clock.wakeAt(clock.now() + heldMs, () => pump(lane));
    else void run(lane, next);
  }

  async function run(lane: Lane, entry: Waiting): Promise<void> {
    lane.waiting.shift();
    lane.running = true;
    lane.freeAt = clock.now() + entry.job.gapMs;
    try {
      entry.resolve(await entry.job.run());
    } catch (thrown) {
      failed(lane, entry, chatError(lane.key, thrown));
    }
    lane.running = false;
    pump(lane);
  }

  function failed(lane: Lane, entry: Waiting, error: ChatError): void {
    const superseded = entry.job.newest && lane.waiting.length > 0;
    if (isRateLimit(error)) pausedUntil.set(entry.job.pauseKey, clock.now() + error.retryAfterMs);
    if (superseded && error.kind === "retry") entry.resolve(undefined);
    else if (!closed && isRateLimit(error) && clock.now() + error.retryAfterMs <= entry.giveUpAt) lane.waiting.unshift(entry);
    else entry.reject(error);
  }

  function pauseMs(key: string): number {
    const left = (pausedUntil.get(key) ?? 0) - clock.now();
    if (left <= 0) pausedUntil.delete(key);
    return Math.max(0, left);
  }

  function isIdle(): boolean {
    return [...lanes.values()].every((lane) => !lane.running && lane.waiting.length === 0);
  }

  function settleIdle(): void {
    if (isIdle()) for (const wake of idleWaiters.splice(0)) wake();
  }

  return {
    submit,
    idle: () => (isIdle() ? Promise.resolve() : new Promise((resolve) => idleWaiters.push(resolve))),
    close() {
      closed = true;
      for (const lane of lanes.values()) {
        lane.cancelWake();
        for (const entry of lane.waiting.splice(0)) entry.reject(stopping());
      }
      settleIdle();
    },
  };
}

function stopping(): ChatError {
  return new ChatError({ kind: "retry", reason: "chat_unreachable", message: "The Slack connection is being stopped." });
}
