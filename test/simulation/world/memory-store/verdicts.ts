import type { Verdict, VerdictStore } from "../../../../src/app/store.ts";
import type { SlotKey } from "../../../../src/core/slot.ts";
import type { Chain } from "./history.ts";
import { createTable, type Ledger } from "./ledger.ts";

export type VerdictRow = Verdict & SlotKey;

export function verdictStore(ledger: Ledger, chain: Chain): VerdictStore & { row(id: number): VerdictRow | undefined } {
  const rows = createTable<number, VerdictRow>(ledger);

  function ofPlace({ service, environment }: SlotKey): VerdictRow[] {
    return [...rows.values()].filter((v) => v.service === service && v.environment === environment).reverse();
  }

  return {
    row: (id) => rows.get(id),
    add(facts) {
      ledger.transact(() => {
        const id = rows.size + 1;
        rows.set(id, facts, { table: "verdict", id });
        chain.add(`verdict ${facts.service} ${facts.environment} ${facts.release} ${facts.verdict} ${facts.rollout} ${facts.at}`);
      });
    },
    newest: (facts) => ofPlace(facts).find((v) => v.release === facts.release) ?? null,
    good(key, limit = Number.POSITIVE_INFINITY) {
      const seen = new Set<number>();
      const newest = ofPlace(key).filter((v) => !seen.has(v.release) && seen.add(v.release));
      return newest.filter((v) => v.verdict === "good").slice(0, limit);
    },
  };
}
