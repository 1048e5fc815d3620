/**
 * A small file beside the base that says: this folder was used, and this is how far its history went when it was last
 * looked at. A base that is gone, empty or older than the mark is not mistaken for a new one.
 */
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, renameSync, statSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { ChainFault, HistoryStore } from "../app/store.ts";
import type { Head } from "../core/slot.ts";

export type Mark = { readonly epoch: number; readonly head: Head };

export class StoreMissingError extends Error {
  readonly reason = "store_missing";
  constructor(folder: string, what: string) {
    super(
      `${join(folder, "gantry.db")} ${what}, although a server has used this folder. Put the file back together with gantry.db-wal, or restore the last backup with \`gantry restore\`. To begin anew with an empty history, delete ${markFile(folder)}.`,
    );
    this.name = "StoreMissingError";
  }
}

/** null: the folder is new. A mark that cannot be read is still a mark, of a history that nobody knows. */
export function readMark(folder: string): Mark | null {
  if (!existsSync(markFile(folder))) return null;
  try {
    const { epoch, head } = JSON.parse(readFileSync(markFile(folder), "utf8"));
    if (Number.isInteger(epoch) && Number.isInteger(head.seq) && typeof head.hash === "string") {
      return { epoch, head: { seq: head.seq, hash: head.hash } };
    }
  } catch {
    // Falls through: it was damaged.
  }
  return { epoch: 1, head: { seq: 0, hash: "" } };
}

/** Replaces the mark, on the disk when it returns. */
export function writeMark(folder: string, mark: Mark): void {
  const next = `${markFile(folder)}.next`;
  const file = openSync(next, "w", 0o600);
  try {
    writeSync(file, `${JSON.stringify(mark)}\n`);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(next, markFile(folder));
  syncFolder(folder);
}

/** @throws StoreMissingError when the folder was used and the base is not there, or nothing is in it. */
export function refuseMissingBase(folder: string): void {
  const file = join(folder, "gantry.db");
  if (!existsSync(markFile(folder))) return;
  if (!existsSync(file)) throw new StoreMissingError(folder, "is missing");
  if (statSync(file).size === 0) throw new StoreMissingError(folder, "is empty");
}

export type KeptMark = {
  /** What the folder knows of its history and the base does not, as it was opened. */
  readonly fault: ChainFault | null;
  /** Notes how far the history goes, unless the mark is evidence of a fault. */
  note(): void;
  /** A person has accepted the history as it is, in the transaction under way. */
  accept(): void;
  /** A transaction was committed. */
  committed(): void;
};

/** Compares the mark with the base, and keeps it from then on. A mark that cannot be written (a full disk) is only older. */
export function keepMark(facts: { folder: string; history: HistoryStore; epoch: () => number }): KeptMark {
  const { folder, history, epoch } = facts;
  const before = readMark(folder);
  const fault = before === null ? null : faultSince(before, history);
  let isEvidence = fault !== null;
  let isDue = false;

  function note(): void {
    if (isEvidence) return;
    try {
      writeMark(folder, { epoch: epoch(), head: history.head() });
    } catch (error) {
      if (before === null) throw error;
    }
  }

  if (before === null || before.head.seq !== history.head().seq) note();
  return {
    fault,
    note,
    accept: () => {
      isDue = true;
    },
    committed: () => {
      if (!isDue) return;
      isDue = false;
      isEvidence = false;
      note();
    },
  };
}

/** The base is older than the mark, or of another past. */
function faultSince({ head }: Mark, history: Pick<HistoryStore, "head" | "hashAt">): ChainFault | null {
  const { seq, hash } = head;
  const found = seq === 0 ? "" : history.hashAt(seq);
  if (found === hash) return null;
  if (found !== null) return { seq, what: `another history: entry ${seq} is not the one that this folder has known` };
  return { seq, what: `cut off: this folder has known entry ${seq}, and the chain ends at ${history.head().seq}` };
}

/** A rename is only on the disk when its folder is. */
export function syncFolder(folder: string): void {
  const handle = openSync(folder, "r");
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

function markFile(folder: string): string {
  return join(folder, "gantry.mark");
}
