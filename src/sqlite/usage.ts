import type Database from "better-sqlite3";
import type { UsageStore } from "../app/store.ts";
import type { UsedOnHost } from "../core/usage.ts";

type Row = { readonly host: string; readonly moment: "before" | "after"; readonly cores: number | null; readonly bytes: number };

export function usageStore(db: Database.Database): UsageStore {
  const insert =
    "insert into rollout_usage (rollout, host, moment, cores, memory_bytes) values (@rollout, @host, @moment, @cores, @memoryBytes)";
  const first = db.prepare(`${insert} on conflict do nothing`);
  const newest = db.prepare(
    `${insert} on conflict (rollout, host, moment) do update set cores = excluded.cores, memory_bytes = excluded.memory_bytes`,
  );
  const of = db.prepare<[number], Row>(
    "select host, moment, cores, memory_bytes as bytes from rollout_usage where rollout = ? order by host",
  );
  return {
    note({ rollout, host, moment, used }) {
      const row = { rollout, host, moment, cores: used.cores, memoryBytes: Math.round(used.memoryBytes) };
      (moment === "before" ? first : newest).run(row);
    },
    of: (rollout) => byHost(of.all(rollout)),
  };
}

function byHost(rows: readonly Row[]): UsedOnHost[] {
  const hosts = new Map<string, UsedOnHost>();
  for (const { host, moment, cores, bytes } of rows) {
    const known = hosts.get(host) ?? { host, before: null, after: null };
    hosts.set(host, { ...known, [moment]: { cores, memoryBytes: bytes } });
  }
  return [...hosts.values()];
}
