/**
 * Knows whether the engine answers. Looks every few seconds and after every fault, keeps the event stream open, and tells
 * everyone when the engine is back: what happened meanwhile left no events, so all look anew.
 */
import type { Clock, Log } from "../app/ports.ts";
import { type Engine, EngineError, type EngineEvent } from "./engine.ts";

export type EngineHealth = {
  readonly ok: boolean;
  /** Also of one that answers, when it is slow. */
  readonly reason: string | null;
  readonly detail: string | null;
  readonly liveRestore: boolean | null;
  readonly platform?: string;
};

export type EngineGuard = {
  health(): EngineHealth;
  /** Resolves once the engine has answered after this call. */
  whenBack(): Promise<void>;
  stop(): void;
};

const lookEveryMs = 10_000;
/** An engine that takes longer to say how it is, is slow: a look takes it some ten milliseconds. */
const slowMs = 3_000;
const retryMs = 250;
const slowestRetryMs = 2_000;
const slowestRewatchMs = 10_000;
/** An event stream that lasted this long was well. */
const settledMs = 10_000;

export function createEngineGuard(facts: {
  engine: Engine;
  clock: Clock;
  log: Log;
  onEvent: (event: EngineEvent) => void;
  /** The engine answers again, or the event stream had a gap. */
  onBack: () => void;
  onChange: () => void;
}): EngineGuard {
  const { engine, clock, log } = facts;
  let health: EngineHealth = { ok: false, reason: "engine_down", detail: "not asked yet", liveRestore: null };
  let looking: Promise<void> | null = null;
  let watching: { stop(): void } | null = null;
  /** Set while a stream that broke waits to be opened again: an engine may answer, and refuse its events every time. */
  let cancelRewatch: (() => void) | null = null;
  let stopped = false;
  let cancelNext: () => void = () => undefined;

  function become(next: EngineHealth): void {
    const before = health;
    health = next;
    if (before.ok === next.ok && before.reason === next.reason && before.liveRestore === next.liveRestore) return;
    if (!next.ok) log.error({ reason: next.reason, detail: next.detail }, "the engine does not answer");
    else if (!before.ok) log.info({ liveRestore: next.liveRestore }, "the engine answers");
    if (next.ok && next.reason !== null) log.warn({ reason: next.reason, detail: next.detail }, "the engine is slow");
    if (next.ok && next.liveRestore === false && before.liveRestore !== false) {
      log.warn(
        {},
        'live-restore is off: every container stops when the engine restarts. Set "live-restore": true in daemon.json',
      );
    }
    facts.onChange();
  }

  async function ask(): Promise<boolean> {
    const askedAt = clock.mono();
    try {
      const { liveRestore, platform } = await engine.info();
      const tookMs = clock.mono() - askedAt;
      const detail = liveRestore ? null : "live-restore is off: every container stops when the engine restarts";
      const slow = { reason: "engine_slow", detail: `the engine took ${(tookMs / 1_000).toFixed(1)} s to say how it is` };
      become({ ok: true, liveRestore, platform, ...(tookMs < slowMs ? { reason: null, detail } : slow) });
      return true;
    } catch (thrown) {
      const fault = thrown instanceof EngineError ? thrown : new EngineError({ reason: "engine_down", message: String(thrown) });
      become({ ...health, ok: false, reason: fault.reason, detail: fault.message });
      return false;
    }
  }

  function whenBack(): Promise<void> {
    looking ??= lookUntilBack().finally(() => {
      looking = null;
    });
    return looking;
  }

  async function lookUntilBack(): Promise<void> {
    cancelNext();
    let wait = retryMs;
    let wasAway = !health.ok;
    while (!stopped && !(await ask())) {
      wasAway = true;
      watching?.stop();
      watching = null;
      await new Promise<void>((resolve) => {
        const cancel = clock.wakeAt(clock.now() + wait, resolve);
        cancelNext = () => {
          cancel();
          resolve();
        };
      });
      wait = Math.min(wait * 2, slowestRetryMs);
    }
    if (stopped) return;
    if (watching === null && cancelRewatch === null) watch(retryMs);
    if (wasAway) facts.onBack();
    cancelNext = clock.wakeAt(clock.now() + lookEveryMs, () => void whenBack());
  }

  /** `waitMs`: before it is opened again, should it end soon. */
  function watch(waitMs: number): void {
    const openedAt = clock.mono();
    const mine = engine.watch({
      onEvent: facts.onEvent,
      onEnd() {
        if (watching !== mine || stopped) return;
        watching = null;
        void whenBack();
        const held = clock.mono() - openedAt >= settledMs;
        watchLater(held ? retryMs : waitMs);
      },
    });
    watching = mine;
  }

  function watchLater(waitMs: number): void {
    const open = async () => {
      await whenBack();
      if (stopped) return;
      cancelRewatch = null;
      if (watching === null) watch(Math.min(waitMs * 2, slowestRewatchMs));
      facts.onBack();
    };
    cancelRewatch = clock.wakeAt(clock.now() + waitMs, () => void open());
  }

  void whenBack();
  return {
    health: () => health,
    whenBack,
    stop() {
      stopped = true;
      cancelNext();
      cancelRewatch?.();
      watching?.stop();
    },
  };
}
