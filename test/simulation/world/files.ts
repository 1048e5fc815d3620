/** An agent's state files: what was saved and resolved survives everything, what was not may or may not survive a kill, and no power cut. */
import type { DurableFile } from "../../../src/host/durable.ts";
import type { Random } from "./random.ts";
import type { Life, Scheduler } from "./scheduler.ts";

export type SimFile<T> = {
  /** What a new process reads. */
  durable: T | null;
  /** What is being written at this moment, or null. */
  writing: { readonly value: T } | null;
};

export type FileWeather = { slowestMs: number };

export function newFile<T>(): SimFile<T> {
  return { durable: null, writing: null };
}

/** The process that wrote has ended: a rename that the kernel had got may have happened. */
export function endWriting<T>(file: SimFile<T>, facts: { readonly random: Random; readonly powerCut: boolean }): void {
  if (file.writing !== null && !facts.powerCut && facts.random.chance(0.5)) file.durable = file.writing.value;
  file.writing = null;
}

/** Saves that come while one is under way are written as one, as in src/host/durable.ts. */
export function openFile<T>(
  file: SimFile<T>,
  facts: {
    readonly scheduler: Scheduler;
    readonly life: Life;
    readonly random: Random;
    readonly weather: FileWeather;
    readonly isFull: () => boolean;
  },
): DurableFile<T> {
  const { scheduler, life, random, weather } = facts;
  let next: { readonly value: T } | null = null;
  let queued: PromiseWithResolvers<void> | null = null;

  function begin(): void {
    const [value, done] = [next, queued];
    next = null;
    queued = null;
    if (value === null || done === null) return;
    file.writing = value;
    scheduler.after(random.between(1, weather.slowestMs), life, () => {
      file.writing = null;
      if (facts.isFull()) done.reject(new Error("ENOSPC: no space left on device"));
      else {
        file.durable = value.value;
        done.resolve();
      }
      begin();
    });
  }

  return {
    save(value) {
      next = { value };
      queued ??= Promise.withResolvers<void>();
      const { promise } = queued;
      if (file.writing === null) begin();
      return promise;
    },
  };
}
