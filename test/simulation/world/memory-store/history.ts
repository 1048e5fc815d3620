import type { HistoryAct, HistoryStore } from "../../../../src/app/store.ts";
import { createTable, type Ledger } from "./ledger.ts";

/** Where every fact of the history is linked to the one before it: as the words that tell it from every other. */
export type Chain = { add(fact: string): void };

type Link = { readonly fact: string; readonly hash: string; readonly act: HistoryAct | null };

/** Not SHA-256 over canonical JSON, as in the real store: nobody attacks a simulation, and it would take a tenth of its time. */
function hashOf(before: string, fact: string): string {
  const text = before.slice(0, 16) + fact;
  let [a, b] = [0x811c9dc5, 0x1b873593];
  for (let i = 0; i < text.length; i += 1) {
    a = Math.imul(a ^ text.charCodeAt(i), 0x01000193);
    b = Math.imul(b + a, 0x85ebca6b) ^ (b >>> 13);
  }
  return `${hex(a)}${hex(b)}`.padEnd(64, "0");
}

function hex(word: number): string {
  return (word >>> 0).toString(16).padStart(8, "0");
}

export function historyStore(ledger: Ledger): HistoryStore & Chain {
  const links = createTable<number, Link>(ledger);

  function append(fact: string, act: HistoryAct | null): void {
    const seq = links.size + 1;
    links.set(seq, { fact, act, hash: hashOf(links.get(seq - 1)?.hash ?? "", fact) }, { table: "history" });
  }

  return {
    add: (fact) => append(fact, null),
    act: (act) => append(`act ${JSON.stringify(act)}`, act),
    head: () => ({ seq: links.size, hash: links.get(links.size)?.hash ?? "" }),
    hashAt: (seq) => links.get(seq)?.hash ?? null,
    acts(limit) {
      const found: (HistoryAct & { readonly seq: number })[] = [];
      for (let seq = links.size; seq > 0 && found.length < limit; seq -= 1) {
        const act = links.get(seq)?.act ?? null;
        if (act !== null) found.push({ ...act, seq });
      }
      return found;
    },
    verify({ from, limit }) {
      if (from > links.size + 1) return { fault: { seq: from - 1, what: "it is not there any more" }, to: from - 1, done: true };
      const to = Math.min(links.size, from + limit - 1);
      for (let seq = from; seq <= to; seq += 1) {
        const link = links.get(seq);
        if (link === undefined || link.hash !== hashOf(links.get(seq - 1)?.hash ?? "", link.fact)) {
          return { fault: { seq, what: "its hash does not follow from the entry before it" }, to: seq, done: true };
        }
      }
      return { fault: null, to, done: to === links.size };
    },
  };
}
