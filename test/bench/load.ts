/** Clients of a service: so many requests a second, each on a connection of its own, from a thread that nothing else keeps busy. */
import http from "node:http";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";

export type Served = {
  readonly sent: number;
  /** Refused, cut, late (5 s), or answered with another status than 200. */
  readonly failed: number;
  /** The longest time between two good answers, and the longest that one took. */
  readonly gapMs: number;
  readonly slowestMs: number;
  /** What failed, in the words of the client, with their number. */
  readonly faults: Readonly<Record<string, number>>;
};

export type Load = {
  /** What happened since the last call. */
  take(): Promise<Served>;
  stop(): Promise<void>;
};

const lateMs = 5_000;

export function startLoad(facts: { readonly url: string; readonly perSecond: number }): Load {
  const worker = new Worker(new URL(import.meta.url), { workerData: facts });
  return {
    take() {
      const answer = new Promise<Served>((resolve) => worker.once("message", resolve));
      worker.postMessage("take");
      return answer;
    },
    async stop() {
      await worker.terminate();
    },
  };
}

type Counts = { sent: number; failed: number; gapMs: number; slowestMs: number; faults: Record<string, number> };

function run({ url, perSecond }: { url: string; perSecond: number }): void {
  const began = performance.now();
  let asked = 0;
  let lastGood: number | null = null;
  let counts = none();

  function ask(): void {
    const sentAt = performance.now();
    counts.sent += 1;
    const request = http.get(url, { agent: false, timeout: lateMs }, (response) => {
      response.resume();
      response.on("end", () => (response.statusCode === 200 ? good(sentAt) : bad(`status ${response.statusCode}`)));
      response.on("error", (error: NodeJS.ErrnoException) => bad(error.code ?? error.message));
    });
    request.on("timeout", () => request.destroy(new Error("late")));
    request.on("error", (error: NodeJS.ErrnoException) => bad(error.code ?? error.message));
  }

  function good(sentAt: number): void {
    const now = performance.now();
    counts.slowestMs = Math.max(counts.slowestMs, now - sentAt);
    if (lastGood !== null) counts.gapMs = Math.max(counts.gapMs, now - lastGood);
    lastGood = now;
  }

  function bad(why: string): void {
    counts.failed += 1;
    counts.faults[why] = (counts.faults[why] ?? 0) + 1;
  }

  // By the clock, so that a late timer sends what it owes.
  setInterval(() => {
    const due = Math.floor(((performance.now() - began) * perSecond) / 1_000);
    for (; asked < due; asked += 1) ask();
  }, 1);
  parentPort?.on("message", () => {
    const taken = counts;
    counts = none();
    parentPort?.postMessage(taken);
  });
}

function none(): Counts {
  return { sent: 0, failed: 0, gapMs: 0, slowestMs: 0, faults: {} };
}

if (!isMainThread && workerData !== null) run(workerData);
