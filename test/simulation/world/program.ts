/** How the software in an image behaves: drawn once per build, so that a bad build is bad wherever it runs. */
import type { Random } from "./random.ts";

export type Program = {
  readonly kind: string;
  /** From start to the first good answer; null: never. */
  readonly healthyAfterMs: number | null;
  /** From start to its own end; null: it goes on. */
  readonly exitAfterMs: number | null;
  /** From start to the moment it answers badly, and goes on running; null: it does not. */
  readonly sickAfterMs: number | null;
  readonly ignoresTerm: boolean;
  readonly stopMs: number;
  readonly exitCode: number;
  /** Why it cannot be started at all. */
  readonly startError: string | null;
  readonly logs: readonly string[];
  /** Share of hosts on which it is as bad as it is. */
  readonly badOn: number;
  /** Cores that it keeps busy; absent: next to none. */
  readonly cores?: number;
};

export const goodProgram: Program = {
  kind: "good",
  healthyAfterMs: 800,
  exitAfterMs: null,
  sickAfterMs: null,
  ignoresTerm: false,
  stopMs: 300,
  exitCode: 1,
  startError: null,
  logs: ["listening"],
  badOn: 1,
};

/** `badShare`: how many builds are not simply good. */
export function drawProgram(random: Random, badShare: number): Program {
  const base = { ...goodProgram, healthyAfterMs: random.between(200, 3_000), stopMs: random.between(50, 2_500) };
  if (!random.chance(badShare)) return random.chance(0.1) ? { ...base, kind: "stubborn", ignoresTerm: true } : base;
  const badOn = random.chance(0.6) ? 1 : 0.4;
  switch (random.between(0, 5)) {
    case 0:
      return { ...base, kind: "never healthy", healthyAfterMs: null, badOn };
    case 1:
      return { ...base, kind: "crash loop", exitAfterMs: random.between(5, 600), badOn };
    case 2:
      return { ...base, kind: "crashes late", exitAfterMs: random.between(4_000, 90_000), badOn };
    case 3:
      return { ...base, kind: "sick late", sickAfterMs: random.between(5_000, 60_000), badOn };
    case 4:
      return { ...base, kind: "slow", healthyAfterMs: random.between(4_000, 11_000) };
    default:
      return { ...base, kind: "stubborn", ignoresTerm: true };
  }
}

/** The program as it behaves on one host: where it is not bad, it is good. */
export function programOn(program: Program, luck: number): Program {
  if (luck < program.badOn) return program;
  return { ...goodProgram, ignoresTerm: program.ignoresTerm, stopMs: program.stopMs };
}
