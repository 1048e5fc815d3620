/** Proof from the outside: what each host answers on its port, asked again and again by someone who knows nothing of Gantry. */
import { setTimeout as sleep } from "node:timers/promises";
import type { LabHost } from "../fleet/lab.ts";

export type Answer = { readonly at: number; readonly says: string };

const everyMs = 40;

export class Watcher {
  readonly #hosts: readonly LabHost[];
  readonly #answers = new Map<string, Answer[]>();
  #stopped = false;
  #loops: Promise<void>[] = [];

  constructor(hosts: readonly LabHost[]) {
    this.#hosts = hosts;
    this.#loops = hosts.map((host) => this.#watch(host));
  }

  async #watch(host: LabHost): Promise<void> {
    const seen: Answer[] = [];
    this.#answers.set(host.name, seen);
    while (!this.#stopped) {
      const says = await answerOf(host);
      if (seen.at(-1)?.says !== says) seen.push({ at: Date.now(), says });
      await sleep(everyMs);
    }
  }

  /** What each host answers at this moment. */
  async now(): Promise<Readonly<Record<string, string>>> {
    const pairs = await Promise.all(this.#hosts.map(async (host) => [host.name, await answerOf(host)] as const));
    return Object.fromEntries(pairs);
  }

  /** The distinct answers of a host since a moment, in order, beginning with what it answered then. */
  since(host: string, at: number): readonly string[] {
    const all = this.#answers.get(host) ?? [];
    const before = all.filter((a) => a.at < at).at(-1);
    return [...(before === undefined ? [] : [before]), ...all.filter((a) => a.at >= at)].map((a) => a.says);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#loops);
  }
}

/** The short commit that serves, or how the connection failed. */
async function answerOf(host: LabHost): Promise<string> {
  try {
    const { status, body } = await host.fetch("/", 1500);
    return status === 200 ? (/\b[0-9a-f]{40}\b/.exec(body)?.[0].slice(0, 7) ?? body.trim()) : `status ${status}`;
  } catch {
    return "no answer";
  }
}
