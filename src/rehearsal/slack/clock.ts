/** The time of a rehearsal: real by default, or turned by hand so that 30 minutes pass without waiting. */

export interface RehearsalClock {
  /** Epoch milliseconds. */
  now(): number;
  /** Calls `wake` once, `delayMs` from now; the returned function cancels. */
  after(delayMs: number, wake: () => void): () => void;
}

export function realClock(): RehearsalClock {
  return {
    now: () => Date.now(),
    after: (delayMs, wake) => {
      const timer = setTimeout(wake, delayMs);
      return () => clearTimeout(timer);
    },
  };
}

type Alarm = { readonly at: number; readonly wake: () => void };

/** Stands still until `advance` is called. */
export class ManualClock implements RehearsalClock {
  #now: number;
  #alarms: Alarm[] = [];

  constructor(startAt: number = Date.UTC(2026, 0, 5, 9, 0, 0)) {
    this.#now = startAt;
  }

  now(): number {
    return this.#now;
  }

  after(delayMs: number, wake: () => void): () => void {
    const alarm = { at: this.#now + delayMs, wake };
    this.#alarms.push(alarm);
    return () => {
      this.#alarms = this.#alarms.filter((other) => other !== alarm);
    };
  }

  /** Moves on, firing what falls due in order of time; alarms set by alarms fire too when they fall inside. */
  async advance(ms: number): Promise<void> {
    const until = this.#now + ms;
    for (let next = this.#due(until); next !== undefined; next = this.#due(until)) {
      this.#now = Math.max(this.#now, next.at);
      const fired = next;
      this.#alarms = this.#alarms.filter((other) => other !== fired);
      fired.wake();
      // What waited for the alarm runs before the next one, as it would if time really passed.
      await new Promise((resolve) => setImmediate(resolve));
    }
    this.#now = until;
  }

  #due(until: number): Alarm | undefined {
    return this.#alarms.filter((alarm) => alarm.at <= until).sort((a, b) => a.at - b.at)[0];
  }
}
