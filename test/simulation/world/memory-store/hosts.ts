import type { HostStore, StoredHost } from "../../../../src/app/store.ts";
import { createTable, type Ledger } from "./ledger.ts";

type Token = { readonly name: string; readonly labels: Readonly<Record<string, string>>; readonly expiresAt: number };

export function hostStore(ledger: Ledger): HostStore {
  const rows = createTable<string, StoredHost>(ledger);
  /** By name; made again after a change. */
  let sorted: readonly StoredHost[] | null = null;
  const tokens = createTable<string, Token & { readonly usedAt: number | null }>(ledger);

  function change(name: string, facts: Partial<StoredHost>): void {
    const before = rows.get(name);
    if (before !== undefined) put(Object.freeze({ ...before, ...facts }));
  }

  function put(row: StoredHost): void {
    sorted = null;
    rows.set(row.name, row);
  }

  function all(): readonly StoredHost[] {
    // An undone write leaves no sign here but in the rows themselves.
    if (sorted === null || sorted.length !== rows.size || sorted.some((row) => rows.get(row.name) !== row)) {
      sorted = [...rows.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
    }
    return sorted;
  }

  return {
    all,
    find: (name) => rows.get(name) ?? null,
    put({ name, labels, publicKey, at }) {
      const before = rows.get(name);
      const kept = { agentVersion: null, engine: null, lastSeenAt: null, intent: null, ...before };
      put(Object.freeze({ ...kept, name, labels, publicKey, enrolledAt: at, revokedAt: null }));
    },
    seen({ name, labels, agentVersion, at }) {
      const said = { ...(labels && { labels }), ...(agentVersion !== undefined && { agentVersion }) };
      change(name, { lastSeenAt: at, ...said });
    },
    setEngine(name, engine) {
      const row = rows.get(name);
      const before = row?.engine ?? null;
      const isAsBefore = before?.ok === engine.ok && before.reason === engine.reason;
      const since = (isAsBefore ? before.since : undefined) ?? row?.lastSeenAt ?? null;
      change(name, { engine: since === null ? engine : { ...engine, since } });
    },
    revoke: (name, at) => change(name, { revokedAt: at }),
    setIntent: (name, intent) => change(name, { intent }),
    addToken: ({ tokenHash, name, labels, expiresAt }) => tokens.set(tokenHash, { name, labels, expiresAt, usedAt: null }),
    spendToken({ tokenHash, name, at }) {
      const token = tokens.get(tokenHash);
      if (token === undefined || token.name !== name || token.usedAt !== null || token.expiresAt <= at) return null;
      tokens.set(tokenHash, { ...token, usedAt: at });
      return { name, labels: token.labels };
    },
  };
}
