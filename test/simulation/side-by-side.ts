/** Many seeds on all cores: each child takes every n-th seed and tells what it found. */
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Reached } from "./oracles/report.ts";

/** What a child tells now and then: what came since it told last. */
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

const childFile = fileURLToPath(new URL("child.ts", import.meta.url));

export function seedsFrom(first: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => first + i);
}

/** Resolves when all is done, or enough is known. */
export async function runSideBySide(work: Work, onProgress: (progress: Progress) => void): Promise<void> {
  const children = Array.from({ length: work.jobs }, (_, index) => runChild(work, index, onProgress));
  await Promise.all(children);
}

function runChild(work: Work, index: number, onProgress: (progress: Progress) => void): Promise<void> {
  const share: Work = { ...work, seeds: work.seeds.filter((_, at) => at % work.jobs === index) };
  const child = fork(childFile, [JSON.stringify(share)], { stdio: ["ignore", "inherit", "inherit", "ipc"] });
  return new Promise((resolve, reject) => {
    child.on("message", (message) => onProgress(message as Progress));
    child.on("error", reject);
    child.on("exit", (code) => (code === 0 ? resolve() : reject(new Error(`a child ended with ${code}`))));
  });
}
