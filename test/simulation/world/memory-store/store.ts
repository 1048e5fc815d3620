/** The server's data on a simulated disk: processes come and go, the data stay. Passes the contract tests of the real store. */
import type { LockStore, Store } from "../../../../src/app/store.ts";
import type { FreezeFacts, LockFacts } from "../../../../src/core/facts.ts";
import type { SlotKey } from "../../../../src/core/slot.ts";
import { historyStore } from "./history.ts";
import { hostStore } from "./hosts.ts";
import { type InboxRow, inboxStore } from "./inbox.ts";
import { type Change, createLedger, createTable, type Ledger } from "./ledger.ts";
import { type OutboxRow, outboxStore } from "./outbox.ts";
import { releaseStore } from "./releases.ts";
import { rolloutStore } from "./rollouts.ts";
import { slotStore } from "./slots.ts";
import { timerStore } from "./timers.ts";
import { usageStore } from "./usage.ts";
import { type VerdictRow, verdictStore } from "./verdicts.ts";

/** What the real store's `pragma synchronous = full` gives: a commit that returned is on the disk. */
const waitsForDisk = true;

/** The process is gone: what it still tries to write it does not write. */
export class ProcessDied extends Error {
  override readonly name = "ProcessDied";
}

export type MemoryStore = Store & {
  /** There is no log to fold back. */
  checkpoint(): void;
  verdict(id: number): VerdictRow | undefined;
  inboxRow(id: number): InboxRow | undefined;
  outboxRow(id: number): OutboxRow | undefined;
};

export type ServerDisk = {
  /** Outlives the processes. */
  readonly store: MemoryStore;
  readonly ledger: Pick<Ledger, "mark" | "undoTo" | "cutPower">;
  /** What every write says until it is null again: a full disk, or that the process is gone. */
  fault: Error | null;
};

export function createServerDisk(facts: {
  readonly serverId: string;
  readonly onCommit?: (changes: readonly Change[]) => void;
}): ServerDisk {
  const ledger = createLedger({
    flushes: () => waitsForDisk,
    beforeCommit() {
      if (disk.fault !== null) throw disk.fault;
    },
    onCommit: facts.onCommit ?? (() => {}),
  });
  const disk: ServerDisk = { store: createTables(ledger, facts.serverId), ledger, fault: null };
  return disk;
}

function createTables(ledger: Ledger, serverId: string): MemoryStore {
  const identity = createTable<"epoch", number>(ledger);
  const frozen = createTable<"freeze", FreezeFacts>(ledger);
  const history = historyStore(ledger);
  const verdicts = verdictStore(ledger, history);
  const inbox = inboxStore(ledger);
  const outbox = outboxStore(ledger);
  const epochNow = () => identity.get("epoch") ?? 1;
  return {
    serverId,
    get epoch() {
      return epochNow();
    },
    raiseEpoch() {
      identity.set("epoch", epochNow() + 1, { table: "epoch" });
      return epochNow();
    },
    transact: ledger.transact,
    history,
    locks: lockStore(ledger),
    freeze: {
      current: () => frozen.get("freeze") ?? null,
      set: (facts) => frozen.set("freeze", facts, { table: "freeze" }),
      clear: () => frozen.delete("freeze"),
    },
    releases: releaseStore(ledger, history),
    rollouts: rolloutStore(ledger, history),
    verdicts,
    timers: timerStore(ledger),
    slots: slotStore(ledger),
    usage: usageStore(ledger),
    hosts: hostStore(ledger),
    inbox,
    outbox,
    close() {},
    checkpoint() {},
    verdict: verdicts.row,
    inboxRow: inbox.row,
    outboxRow: outbox.row,
  };
}

function lockStore(ledger: Ledger): LockStore {
  const rows = createTable<string, { readonly key: SlotKey; readonly lock: LockFacts }>(ledger);
  const keyOf = ({ service, environment }: SlotKey) => `${service} ${environment}`;
  return {
    find: (key) => rows.get(keyOf(key))?.lock ?? null,
    all: () => [...rows.values()].map(({ key, lock }) => ({ ...key, lock })),
    put: ({ service, environment }, lock) => rows.set(keyOf({ service, environment }), { key: { service, environment }, lock }),
    remove: (key) => rows.delete(keyOf(key)),
    expired: (now) => [...rows.values()].filter((r) => r.lock.until !== null && r.lock.until <= now).map((r) => r.key),
    nextExpiry() {
      const all = [...rows.values()].map((r) => r.lock.until).filter((until) => until !== null);
      return all.length === 0 ? null : Math.min(...all);
    },
  };
}
