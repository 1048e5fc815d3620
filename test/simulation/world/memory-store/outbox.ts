import type { OutboxItem, OutboxStore } from "../../../../src/app/store.ts";
import { createTable, type Ledger } from "./ledger.ts";

export type OutboxRow = OutboxItem & {
  readonly notBefore: number;
  readonly endedAt: number | null;
  readonly outcome: "done" | "dead" | null;
  readonly lastError: string | null;
};

export function outboxStore(ledger: Ledger): OutboxStore & { row(id: number): OutboxRow | undefined } {
  /** Open ones and ended ones apart: the open ones are looked through all the time. */
  const open = createTable<number, OutboxRow>(ledger);
  const ended = createTable<number, OutboxRow>(ledger);
  const last = createTable<"id", number>(ledger);

  /** The oldest open item of each key: only that one may be tried. Ids only rise, so they stand in order. */
  function heads(): OutboxRow[] {
    const seen = new Set<string>();
    const first: OutboxRow[] = [];
    for (const row of open.values()) {
      if (seen.has(row.key)) continue;
      seen.add(row.key);
      first.push(row);
    }
    return first;
  }

  function change(id: number, facts: Partial<OutboxRow>): void {
    const row = open.get(id);
    if (row !== undefined) open.set(id, Object.freeze({ ...row, ...facts }));
  }

  return {
    row: (id) => open.get(id) ?? ended.get(id),
    add({ key, kind, rollout, body, at, replace }) {
      if (replace) for (const row of open.values()) if (row.key === key && row.attempt === 0) return;
      ledger.transact(() => {
        const id = (last.get("id") ?? 0) + 1;
        last.set("id", id);
        const facts = { attempt: 0, createdAt: at, notBefore: at, endedAt: null, outcome: null, lastError: null };
        open.set(id, Object.freeze({ id, key, kind, rollout, body, ...facts }));
      });
    },
    ready: (now) => heads().filter((row) => row.notBefore <= now),
    nextAt(after) {
      let next: number | null = null;
      for (const { notBefore } of heads()) if (notBefore > after && (next === null || notBefore < next)) next = notBefore;
      return next;
    },
    hasten(kinds, at) {
      for (const row of [...open.values()]) if (row.notBefore > at && kinds.includes(row.kind)) change(row.id, { notBefore: at });
    },
    isOpen(key) {
      for (const row of open.values()) if (row.key === key) return true;
      return false;
    },
    claim: (id) => change(id, { attempt: (open.get(id)?.attempt ?? 0) + 1 }),
    finish(id, outcome, at, error) {
      const row = open.get(id);
      if (row === undefined) return;
      ledger.transact(() => {
        open.delete(id);
        ended.set(id, Object.freeze({ ...row, endedAt: at, outcome, lastError: error }));
      });
    },
    retry: ({ id, notBefore, error }) => change(id, { notBefore, lastError: error }),
    depth() {
      const oldestAt = [...open.values()].reduce((min: number | null, r) => Math.min(min ?? r.createdAt, r.createdAt), null);
      return { open: open.size, oldestAt, dead: [...ended.values()].filter((row) => row.outcome === "dead").length };
    },
    prune({ before, limit }) {
      const old = [...ended.values()].filter((row) => (row.endedAt ?? 0) < before).slice(0, limit);
      for (const { id } of old) ended.delete(id);
      return old.length;
    },
    dead: (limit) =>
      [...ended.values()]
        .filter((row) => row.outcome === "dead")
        .sort((a, b) => b.id - a.id)
        .slice(0, limit),
    revive(id, at) {
      const row = ended.get(id);
      if (row?.outcome !== "dead") return false;
      ledger.transact(() => {
        ended.delete(id);
        const later = [...open.values()].filter((each) => each.id > id);
        open.set(id, Object.freeze({ ...row, attempt: 0, endedAt: null, outcome: null, notBefore: at }));
        // It takes its old place among them.
        for (const each of later) open.delete(each.id);
        for (const each of later) open.set(each.id, each);
      });
      return true;
    },
  };
}
