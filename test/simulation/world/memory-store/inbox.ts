import type { InboxItem, InboxStore } from "../../../../src/app/store.ts";
import { createTable, type Ledger } from "./ledger.ts";

export type InboxRow = InboxItem & { readonly doneAt: number | null; readonly outcome: string | null };

/** Work that was begun this often and never ended takes the process with it: it is not begun again. */
const mostAttempts = 3;

export function inboxStore(ledger: Ledger): InboxStore & { row(id: number): InboxRow | undefined } {
  const rows = createTable<number, InboxRow>(ledger);
  const keys = createTable<string, number>(ledger);
  const meanings = createTable<string, number>(ledger);
  const last = createTable<"id", number>(ledger);

  function put(row: InboxRow): void {
    rows.set(row.id, Object.freeze(row), { table: "inbox", id: row.id });
  }

  function waiting(): InboxRow[] {
    return [...rows.values()].filter((row) => row.doneAt === null).sort((a, b) => a.id - b.id);
  }

  return {
    row: (id) => rows.get(id),
    add(delivery, at) {
      const { key, meaning } = delivery;
      if (keys.get(key) !== undefined || (meaning !== null && meanings.get(meaning) !== undefined)) return false;
      return ledger.transact(() => {
        const id = (last.get("id") ?? 0) + 1;
        last.set("id", id);
        keys.set(key, id);
        if (meaning !== null) meanings.set(meaning, id);
        put({ id, delivery, receivedAt: at, attempt: 0, answer: null, doneAt: null, outcome: null });
        return true;
      });
    },
    byKey(key) {
      const id = keys.get(key);
      return (id === undefined ? undefined : rows.get(id)) ?? null;
    },
    open() {
      for (const row of waiting()) {
        if (row.attempt >= mostAttempts) put({ ...row, outcome: "given up", doneAt: row.receivedAt });
      }
      return waiting();
    },
    settle(id, answer) {
      const row = rows.get(id);
      if (row !== undefined && row.answer === null) put({ ...row, answer });
    },
    finish(id, outcome, at) {
      const row = rows.get(id);
      if (row !== undefined && row.doneAt === null) put({ ...row, outcome, doneAt: at });
    },
    claim(id) {
      const row = rows.get(id);
      if (row === undefined) return 0;
      put({ ...row, attempt: row.attempt + 1 });
      return row.attempt;
    },
    dead: (limit) =>
      [...rows.values()]
        .filter((row) => row.outcome === "given up")
        .sort((a, b) => b.id - a.id)
        .slice(0, limit)
        .map((row) => ({ ...row, outcome: row.outcome ?? "" })),
    prune({ before, limit }) {
      const old = [...rows.values()].filter((row) => row.doneAt !== null && row.doneAt < before).slice(0, limit);
      for (const { id, delivery } of old) {
        rows.delete(id);
        keys.delete(delivery.key);
        if (delivery.meaning !== null) meanings.delete(delivery.meaning);
      }
      return old.length;
    },
    depth() {
      const left = waiting();
      return {
        open: left.length,
        oldestAt: left.reduce((min: number | null, r) => Math.min(min ?? r.receivedAt, r.receivedAt), null),
      };
    },
  };
}
