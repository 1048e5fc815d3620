/** Real time that can be pushed on: half an hour passes in a moment, and whatever was due meanwhile happens in order. */
import type { Clock } from "../../app/ports.ts";

export type QuickClock = Clock & {
  /** Resolves when that much time has passed, on the clock alone. */
  passes(ms: number): Promise<void>;
  /** Nothing wakes any more. */
  stop(): void;
};

type Alarm = { readonly at: number; readonly wake: () => void; timer: NodeJS.Timeout };

/** Shorter than any heartbeat: connections stay alive, because their pings are answered between two steps. */
const stepMs = 4_000;

export function createQuickClock(): QuickClock {
  const alarms = new Set<Alarm>();
  let aheadMs = 0;
  let stopped = false;

  function now(): number {
    return Date.now() + aheadMs;
  }

  function ring(alarm: Alarm): void {
    clearTimeout(alarm.timer);
    if (alarms.delete(alarm)) alarm.wake();
  }

  function wakeAt(at: number, wake: () => void): () => void {
    if (stopped) return () => undefined;
    const alarm: Alarm = { at, wake, timer: setTimeout(() => ring(alarm), Math.max(0, at - now())) };
    alarms.add(alarm);
    return () => {
      clearTimeout(alarm.timer);
      alarms.delete(alarm);
    };
  }

  async function step(ms: number): Promise<void> {
    aheadMs += ms;
    const due = [...alarms].filter((alarm) => alarm.at <= now()).sort((a, b) => a.at - b.at);
    for (const alarm of due) ring(alarm);
    await new Promise((resolve) => setTimeout(resolve, 1));
    // What is left was set for a moment that is nearer now.
    for (const alarm of alarms) {
      clearTimeout(alarm.timer);
      alarm.timer = setTimeout(() => ring(alarm), Math.max(0, alarm.at - now()));
    }
  }

  return {
    now,
    mono: () => performance.now() + aheadMs,
    wakeAt,
    soon: (work) => void setImmediate(work),
    async passes(ms) {
      for (let left = ms; left > 0; left -= stepMs) await step(Math.min(left, stepMs));
    },
    stop() {
      stopped = true;
      for (const alarm of alarms) clearTimeout(alarm.timer);
      alarms.clear();
    },
  };
}
