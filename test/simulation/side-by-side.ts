/** Many seeds on all cores: each child is given a few seeds, tells what it found, and is given more. */
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Reached } from "./oracles/report.ts";

/** What a child tells of the seeds that it was given last. */
export type Progress = {
  readonly seeds: number;
  readonly events: number;
  readonly reached: Reached;
  /** Of the whole story of each seed. */
  readonly hashes: readonly { readonly seed: number; readonly hash: string }[];
  readonly failures: readonly { readonly seed: number; readonly id: string; readonly text: string }[];
};

export type Work = {
  readonly seeds: readonly number[];
  readonly jobs: number;
  readonly planted: string | null;
  /** Stop after the first failure, but not before so many seeds; null: never. */
  readonly untilFailureAfter: number | null;
  readonly without: string;
};

/** What a child is started with; its seeds come later. */
export type ChildWork = Pick<Work, "planted" | "without"> & {
  /** A failure ends what it was given. */
  readonly stopsAtFailure: boolean;
};

const childFile = fileURLToPath(new URL("child.ts", import.meta.url));
/** So many seeds at a time; towards the end fewer, so that all cores are busy to the end. */
const mostAtOnce = 20;
/**
 * Each child has a core for itself: to share out the collection of young garbage costs more than it brings. Little of it lives,
 * so that a larger room for it is emptied less often.
 */
const v8Flags = ["--no-parallel-scavenge", "--min-semi-space-size=32", "--max-semi-space-size=32"];

export function seedsFrom(first: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => first + i);
}

/** Resolves when all is done, or enough is known. */
export async function runSideBySide(work: Work, onProgress: (progress: Progress) => void): Promise<void> {
  const { untilFailureAfter } = work;
  const left = [...work.seeds];
  let done = 0;
  let failed = 0;

  /** The next seeds for a child; none when all are given out, or enough is known. */
  function next(): readonly number[] {
    if (untilFailureAfter !== null && failed > 0 && done >= untilFailureAfter) return [];
    return left.splice(0, Math.min(mostAtOnce, Math.ceil(left.length / (2 * work.jobs))));
  }

  function take(progress: Progress): void {
    done += progress.seeds;
    failed += progress.failures.length;
    onProgress(progress);
  }

  const { planted, without } = work;
  const mine: ChildWork = { planted, without, stopsAtFailure: untilFailureAfter === 0 };
  await Promise.all(Array.from({ length: work.jobs }, () => runChild(mine, { next, take })));
}

type Source = { readonly next: () => readonly number[]; readonly take: (progress: Progress) => void };

function runChild(work: ChildWork, { next, take }: Source): Promise<void> {
  const child = fork(childFile, [JSON.stringify(work)], {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
    execArgv: [...process.execArgv, ...v8Flags],
  });

  function give(): void {
    const seeds = next();
    if (seeds.length > 0) child.send(seeds);
    else child.disconnect();
  }

  give();
  return new Promise((resolve, reject) => {
    child.on("message", (message) => {
      take(message as Progress);
      give();
    });
    child.on("error", reject);
    child.on("exit", (code) => (code === 0 ? resolve() : reject(new Error(`a child ended with ${code}`))));
  });
}
