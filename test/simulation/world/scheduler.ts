/**
 * The one order of everything: a heap by (time, number). What an event set going is finished (all microtasks are drained)
 * before the next one happens. No real time passes.
 */

/** A process: what belongs to a dead one does not happen any more, what belongs to a stopped one happens when it goes on. */
export type Life = { readonly name: string; alive: boolean; stopped: boolean };

export type Scheduler = {
  /** Milliseconds since the beginning. */
  now(): number;
  /** `life` null: the world itself. The returned function cancels. */
  at(time: number, life: Life | null, work: () => void): () => void;
  after(delayMs: number, life: Life | null, work: () => void): () => void;
  /** For what only puts something else into the queue, and sets nothing going by itself: there is nothing to finish after it. */
  relay(time: number, work: () => void): void;
  /** What would have happened to a stopped process meanwhile happens now, in its order. */
  goOn(life: Life): void;
  /** Events that have happened. */
  count(): number;
  /** Runs until the queue is empty, `done` says so (asked after every event), or this many events have happened. */
  run(facts: { done: () => boolean; most: number; onThrow: (thrown: unknown, life: Life | null) => void }): Promise<void>;
};

type Entry = {
  readonly time: number;
  readonly seq: number;
  readonly life: Life | null;
  readonly isRelay: boolean;
  work: (() => void) | null;
};

export function newLife(name: string): Life {
  return { name, alive: true, stopped: false };
}

export function createScheduler(): Scheduler {
  const heap: Entry[] = [];
  let parked: Entry[] = [];
  let clock = 0;
  let seq = 0;
  let happened = 0;

  function isBefore(a: Entry, b: Entry): boolean {
    return a.time < b.time || (a.time === b.time && a.seq < b.seq);
  }

  function push(entry: Entry): void {
    let i = heap.length;
    heap.push(entry);
    while (i > 0) {
      const up = (i - 1) >> 1;
      const parent = heap[up] as Entry;
      if (!isBefore(entry, parent)) break;
      heap[i] = parent;
      i = up;
    }
    heap[i] = entry;
  }

  function pop(): Entry | undefined {
    const top = heap[0];
    const last = heap.pop();
    if (top === undefined || last === undefined || heap.length === 0) return top;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1] as Entry, heap[child] as Entry)) child += 1;
      if (!isBefore(heap[child] as Entry, last)) break;
      heap[i] = heap[child] as Entry;
      i = child;
    }
    heap[i] = last;
    return top;
  }

  function add(time: number, life: Life | null, work: () => void, isRelay: boolean): Entry {
    seq += 1;
    const entry: Entry = { time: Math.max(clock, Math.ceil(time)), seq, life, isRelay, work };
    push(entry);
    return entry;
  }

  function at(time: number, life: Life | null, work: () => void): () => void {
    const entry = add(time, life, work, false);
    return () => {
      entry.work = null;
    };
  }

  function goOn(life: Life): void {
    life.stopped = false;
    const mine = parked.filter((entry) => entry.life === life);
    parked = parked.filter((entry) => entry.life !== life);
    for (const entry of mine) {
      seq += 1;
      // The entry itself, so that whoever holds it can still cancel it.
      push(Object.assign(entry, { time: clock, seq }));
    }
  }

  /** The next thing that does happen. */
  function next(): Entry | undefined {
    for (let entry = pop(); entry !== undefined; entry = pop()) {
      const { life, work } = entry;
      if (work === null || life?.alive === false) continue;
      if (life === null || !life.stopped) return entry;
      parked.push(entry);
    }
    return undefined;
  }

  function run(facts: Parameters<Scheduler["run"]>[0]): Promise<void> {
    return new Promise((resolve) => {
      const settled = Promise.resolve();
      const drained = () => process.nextTick(step);
      function step(): void {
        for (;;) {
          const entry = happened >= facts.most || facts.done() ? undefined : next();
          if (entry === undefined) {
            resolve();
            return;
          }
          clock = entry.time;
          happened += 1;
          try {
            entry.work?.();
          } catch (thrown) {
            facts.onThrow(thrown, entry.life);
          }
          if (!entry.isRelay) break;
        }
        void settled.then(drained);
      }
      step();
    });
  }

  return {
    now: () => clock,
    at,
    after: (delayMs, life, work) => at(clock + delayMs, life, work),
    relay: (time, work) => void add(time, null, work, true),
    goOn,
    count: () => happened,
    run,
  };
}
