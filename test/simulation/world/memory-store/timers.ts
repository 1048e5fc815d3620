import type { TimerStore } from "../../../../src/app/store.ts";
import type { TimerName } from "../../../../src/core/rollout-state.ts";
import { createTable, type Ledger } from "./ledger.ts";

type Row = { readonly rollout: number; readonly name: TimerName; readonly wakeAt: number };

export function timerStore(ledger: Ledger): TimerStore {
  const rows = createTable<string, Row>(ledger);
  const keyOf = (rollout: number, name: string) => `${rollout} ${name}`;
  return {
    set: (row) => rows.set(keyOf(row.rollout, row.name), { ...row }),
    clear: (rollout, name) => rows.delete(keyOf(rollout, name)),
    clearAll(rollout) {
      for (const row of [...rows.values()]) if (row.rollout === rollout) rows.delete(keyOf(rollout, row.name));
    },
    due: (now) =>
      [...rows.values()]
        .filter((row) => row.wakeAt <= now)
        .sort((a, b) => a.wakeAt - b.wakeAt || a.rollout - b.rollout || (a.name < b.name ? -1 : 1))
        .map(({ rollout, name }) => ({ rollout, name })),
    grant(until) {
      for (const row of [...rows.values()]) {
        const isDeadline = row.name.startsWith("host:") || isProgress(row.name);
        if (row.wakeAt < until && isDeadline) rows.set(keyOf(row.rollout, row.name), { ...row, wakeAt: until });
      }
    },
    next() {
      let first: number | null = null;
      for (const { wakeAt } of rows.values()) if (first === null || wakeAt < first) first = wakeAt;
      return first;
    },
  };
}

function isProgress(name: string): boolean {
  return name === "progress" || name === "images";
}
