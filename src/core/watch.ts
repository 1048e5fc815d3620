/**
 * After the end: do the containers stay well? A pure judgement over what was observed, so that what it found can be
 * judged again from the finding alone. Thresholds are part of the finding.
 */
import type { LiveHealth } from "./slot.ts";

/** What one host reported at a moment: every change of what runs or how it is. `empty`: nothing runs. */
export type WatchSample = {
  readonly host: string;
  readonly at: number;
  readonly health: LiveHealth | "empty";
  /** Restarts of the container since it was found healthy in its swap. */
  readonly restarts: number;
};

export type WatchRule = {
  /** A container that has not been well for this long without a break. */
  readonly unwellMs: number;
  /** A container that was restarted this often since its swap. */
  readonly restarts: number;
  /** A container that went from well to unwell this often. */
  readonly flaps: number;
};

export const watchRule: WatchRule = { unwellMs: 20_000, restarts: 2, flaps: 3 };

export type WatchFinding = {
  readonly host: string;
  readonly found: "unwell" | "restarts" | "flaps";
  readonly rule: WatchRule;
  /** The samples of that host that led to it, oldest first. */
  readonly samples: readonly WatchSample[];
  readonly at: number;
};

export type Judgement = {
  readonly finding: WatchFinding | null;
  /** When the same samples, with nothing new, should be judged again; null: only when something new is seen. */
  readonly lookAgainAt: number | null;
};
