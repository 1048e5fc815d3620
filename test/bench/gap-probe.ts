/** A client that opens a new connection every few milliseconds and remembers when it was not served. */
import http from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

export type Gap = { readonly longestMs: number; readonly failed: number };

const everyMs = 2;

export class GapProbe {
  readonly #url: string;
  #served: number[] = [];
  #failed = 0;
  #stopped = false;
  #loop: Promise<void>;
  readonly #waiting = new Set<{ readonly wanted: string; readonly resolve: (at: number) => void }>();

  constructor(url: string) {
    this.#url = url;
    this.#loop = this.#run();
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      const body = await ask(this.#url);
      const at = performance.now();
      if (body === null) this.#failed += 1;
      else {
        this.#served.push(at);
        for (const waiting of this.#waiting) {
          if (!body.includes(waiting.wanted)) continue;
          this.#waiting.delete(waiting);
          waiting.resolve(at);
        }
      }
      await sleep(everyMs);
    }
  }

  /** Resolves with the time (performance.now) of the first answer that has the text in it. */
  answers(wanted: string): Promise<number> {
    return new Promise((resolve) => this.#waiting.add({ wanted, resolve }));
  }

  /** What happened since the last call: the longest time between two served requests, and how many failed. */
  take(): Gap {
    const served = this.#served;
    let longestMs = 0;
    for (let i = 1; i < served.length; i++) longestMs = Math.max(longestMs, (served[i] ?? 0) - (served[i - 1] ?? 0));
    const gap = { longestMs, failed: this.#failed };
    this.#served = served.slice(-1);
    this.#failed = 0;
    return gap;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#loop;
  }
}

function ask(url: string): Promise<string | null> {
  return new Promise((resolve) => {
    const request = http.get(url, { agent: false, timeout: 1000 }, (response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => {
        body += chunk;
      });
      response.on("end", () => resolve(response.statusCode === 200 ? body : null));
      response.on("error", () => resolve(null));
    });
    request.on("timeout", () => request.destroy());
    request.on("error", () => resolve(null));
  });
}
