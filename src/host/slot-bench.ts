/** What every step of a swap works with. */
import type { Log } from "../app/ports.ts";
import type { ContainerState } from "./engine.ts";
import type { Images } from "./images.ts";
import type { Limit } from "./limits.ts";
import type { Hands } from "./prove.ts";
import type { SecretTools } from "./secrets.ts";
import type { SlotMemory } from "./slot-memory.ts";
import type { JournalEntry } from "./state.ts";
import type { SwapTools } from "./swap-tools.ts";

export type Bench = Hands & {
  readonly log: Log;
  readonly images: Images;
  readonly limit: Limit;
  readonly envDir: string;
  readonly swaps: SwapTools;
  /** null: this agent gives no secrets. */
  readonly secrets: SecretTools | null;
  readonly bootId: string;
  readonly memory: SlotMemory;
  /** How often the engine has been away so far. */
  readonly engineBreaks: () => number;
  /** Resolves when the entry is on the disk. */
  readonly write: (entry: JournalEntry) => Promise<void>;
  /** The slot's report has changed. */
  readonly report: () => void;
  /** Aborts when a newer order came, or the agent ends. */
  readonly newer: () => AbortSignal;
};

/** Shows where the slot is. */
export function enter(bench: Bench, step: SlotMemory["step"]): void {
  const { memory } = bench;
  const shown = memory.attempt.failure !== null && step !== "failed" ? "restoring" : step;
  // Tidying up after a settled generation is nobody's business.
  if (memory.step === shown || memory.step === "serving" || memory.step === "failed") return;
  memory.step = shown;
  bench.report();
}

/** Notes what this process has done about the goal. */
export function note(bench: Bench, attempt: Partial<SlotMemory["attempt"]>): void {
  bench.memory.attempt = { ...bench.memory.attempt, ...attempt };
}

type IdList = "stoppedOld" | "startedNew" | "startedOld" | "oldBroken" | "unstoppable" | "verified" | "opened";

export function noteId(bench: Bench, list: IdList, id: string): void {
  const known = bench.memory.attempt[list];
  if (!known.includes(id)) note(bench, { [list]: [...known, id] });
}

type Created = Pick<ContainerState, "id" | "name" | "labels" | "environment" | "stopSignal" | "stopGraceMs">;

export function createdState(facts: Created): ContainerState {
  return {
    ...facts,
    status: "created",
    pid: null,
    startedAt: null,
    restarts: 0,
    exitCode: null,
    oomKilled: false,
    error: "",
    restartPolicy: "no",
    health: null,
  };
}
