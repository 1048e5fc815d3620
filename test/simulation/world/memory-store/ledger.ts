/**
 * What makes the maps a store: every write leaves how to undo it. A transaction that throws is undone; so is, at a power cut,
 * what was not on the disk yet, and at a restore from a backup everything since it was made.
 */

/** What a commit changed, for whoever watches. */
export type Change =
  | { readonly table: "rollout"; readonly number: number }
  | { readonly table: "event"; readonly number: number; readonly seq: number }
  | { readonly table: "slot"; readonly host: string; readonly service: string; readonly environment: string }
  | { readonly table: "verdict"; readonly id: number }
  | { readonly table: "inbox"; readonly id: number }
  | { readonly table: "freeze" | "epoch" | "history" };

/** What stood there before: undefined when nothing did. There are very many of them. */
export type Undo = { readonly rows: Map<unknown, unknown>; readonly key: unknown; readonly before: unknown };

export type Ledger = {
  /** Outermost calls commit; nested ones belong to them. */
  transact<T>(work: () => T): T;
  /** One write was done; this is how to undo it. Outside of a transaction it is one of its own. */
  wrote(undo: Undo, change?: Change): void;
  /** A moment to come back to. */
  mark(): number;
  /** Undoes everything committed since. */
  undoTo(mark: number): void;
  /** Everything committed so far is on the disk. */
  flush(): void;
  /** The power goes: what was not flushed is undone. Returns how many commits were lost. */
  cutPower(): number;
};

export function createLedger(facts: {
  /** Whether a commit waits for the disk. */
  readonly flushes: () => boolean;
  /** May throw, as a full disk does; then nothing is committed. */
  readonly beforeCommit: () => void;
  readonly onCommit: (changes: readonly Change[]) => void;
}): Ledger {
  const commits: Undo[][] = [];
  let undos: Undo[] = [];
  let changes: Change[] = [];
  let depth = 0;
  let flushed = 0;

  function undoAll(list: readonly Undo[]): void {
    for (const { rows, key, before } of list.toReversed()) {
      if (before === undefined) rows.delete(key);
      else rows.set(key, before);
    }
  }

  function commit(): void {
    if (undos.length === 0) return;
    facts.beforeCommit();
    commits.push(undos);
    if (facts.flushes()) flushed = commits.length;
    const changed = changes;
    undos = [];
    changes = [];
    facts.onCommit(changed);
  }

  function rollBack(): void {
    const list = undos;
    undos = [];
    changes = [];
    undoAll(list);
  }

  function undoTo(mark: number): void {
    while (commits.length > mark) undoAll(commits.pop() ?? []);
    flushed = Math.min(flushed, commits.length);
  }

  return {
    transact(work) {
      if (depth > 0) return work();
      depth = 1;
      try {
        const result = work();
        commit();
        return result;
      } catch (error) {
        rollBack();
        throw error;
      } finally {
        depth = 0;
      }
    },
    wrote(undo, change) {
      undos.push(undo);
      if (change !== undefined) changes.push(change);
      if (depth > 0) return;
      try {
        commit();
      } catch (error) {
        rollBack();
        throw error;
      }
    },
    mark: () => commits.length,
    undoTo,
    flush() {
      flushed = commits.length;
    },
    cutPower() {
      const lost = commits.length - flushed;
      undoTo(flushed);
      return lost;
    },
  };
}

/** A map whose writes can be undone. */
export type Table<K, V> = {
  get(key: K): V | undefined;
  set(key: K, value: V, change?: Change): void;
  delete(key: K): void;
  values(): IterableIterator<V>;
  entries(): IterableIterator<[K, V]>;
  readonly size: number;
};

export function createTable<K, V>(ledger: Ledger): Table<K, V> {
  const rows = new Map<K, V>();

  function wrote(key: K, before: V | undefined, change?: Change): void {
    ledger.wrote({ rows: rows as Map<unknown, unknown>, key, before }, change);
  }

  return {
    get: (key) => rows.get(key),
    set(key, value, change) {
      const before = rows.get(key);
      rows.set(key, value);
      wrote(key, before, change);
    },
    delete(key) {
      const before = rows.get(key);
      if (before === undefined) return;
      rows.delete(key);
      wrote(key, before);
    },
    values: () => rows.values(),
    entries: () => rows.entries(),
    get size() {
      return rows.size;
    },
  };
}
