import type { UsageStore } from "../../../../src/app/store.ts";
import type { Used } from "../../../../src/core/usage.ts";
import { createTable, type Ledger } from "./ledger.ts";

type Row = { readonly rollout: number; readonly host: string; readonly before: Used | null; readonly after: Used | null };

export function usageStore(ledger: Ledger): UsageStore {
  const rows = createTable<string, Row>(ledger);
  return {
    note({ rollout, host, moment, used }) {
      const key = `${rollout} ${host}`;
      const row = rows.get(key) ?? { rollout, host, before: null, after: null };
      if (moment === "before" && row.before !== null) return;
      rows.set(key, { ...row, [moment]: { ...used, memoryBytes: Math.round(used.memoryBytes) } });
    },
    of: (rollout) =>
      [...rows.values()]
        .filter((row) => row.rollout === rollout)
        .map(({ host, before, after }) => ({ host, before, after }))
        .sort((a, b) => (a.host < b.host ? -1 : 1)),
  };
}
