/** At every start: the log of whatever is not over must give its snapshot. What cannot be replayed is never skipped. */
import { fold } from "../core/fold.ts";
import { canonicalJson } from "../core/plan.ts";
import type { Store, StoredRollout } from "./store.ts";

/** The server must not go on: it does not know how this rollout stands. */
export class ReplayError extends Error {
  readonly rollout: number;
  /** The event, counted from 1, and its type; null when every event could be replayed and the sum is another than was written. */
  readonly seq: number | null;
  readonly type: string | null;
  constructor(facts: { rollout: number; seq: number | null; type: string | null; why: string }) {
    const { rollout, seq, type, why } = facts;
    const what = seq === null ? "its snapshot is not what its events come to" : `event ${seq} (${type}) cannot be replayed`;
    super(`rollout #${rollout}: ${what}: ${why}. Nothing was changed, and nothing was sent to any host.`);
    this.name = "ReplayError";
    this.rollout = rollout;
    this.seq = seq;
    this.type = type;
  }
}

/** Throws ReplayError for the first one under way, in line or watched whose log does not give its snapshot. */
export function replayAll(store: Store): void {
  const inLine = store.rollouts.lines().flatMap(({ service, environment }) => store.rollouts.inLine(service, environment));
  for (const stored of [...store.rollouts.allActive(), ...inLine, ...store.rollouts.watched()]) replay(store, stored);
}

function replay(store: Store, { number, state }: StoredRollout): void {
  const folded = fold(store.rollouts.events(number));
  if ("fault" in folded) throw new ReplayError({ rollout: number, ...folded.fault });
  const field = firstDifference(folded.state, state);
  if (field !== null) throw new ReplayError({ rollout: number, seq: null, type: null, why: `\`${field}\` differs` });
}

function firstDifference(left: object, right: object): string | null {
  const a: Record<string, unknown> = { ...left };
  const b: Record<string, unknown> = { ...right };
  const fields = [...new Set([...Object.keys(a), ...Object.keys(b)])];
  return fields.find((field) => canonicalJson(a[field] ?? null) !== canonicalJson(b[field] ?? null)) ?? null;
}
