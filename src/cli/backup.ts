/** `gantry backup` and `gantry restore`. */
import { existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import Database from "better-sqlite3";
import { callLocally, NoServerError } from "../http/local-socket.ts";
import { backupTo, restoreFrom } from "../sqlite/backup.ts";
import { migrationsFolder } from "../sqlite/open.ts";

/** Copies the base while it is in use, and tells the running server of it. Returns the lines to print. Throws what is wrong. */
export async function backUp(facts: {
  readonly data: string;
  /** null: a new name in the folder `backups` of the data. */
  readonly file: string | null;
  /** Of the copies in that folder, how many stay; null: all. */
  readonly keep: number | null;
  readonly user: string;
  readonly now: number;
}): Promise<string[]> {
  const { data, user, now } = facts;
  const source = join(data, "gantry.db");
  if (!existsSync(source)) throw new Error(`there is no database at ${source}`);
  const folder = join(data, "backups");
  const file = facts.file ?? join(folder, `gantry-${stampOf(now)}.db`);
  if (facts.file === null) mkdirSync(folder, { recursive: true, mode: 0o700 });
  const db = new Database(source, { readonly: true });
  try {
    const { head, bytes } = backupTo({ db, file, at: now });
    await tell(data, { file: resolve(file), head, user });
    const removed = facts.file === null && facts.keep !== null ? prune(folder, facts.keep) : 0;
    return [
      `The database is in ${file} (${sizeOf(bytes)}, history up to #${head.seq} ${head.hash.slice(0, 12)}).`,
      ...(removed === 0 ? [] : [`Older copies removed: ${removed}.`]),
    ];
  } finally {
    db.close();
  }
}

/** Puts a backup in place of the base, and says what it means. */
export function restore(facts: { readonly data: string; readonly file: string; readonly now: number }): string[] {
  const { data, file, now } = facts;
  const made = restoreFrom({ folder: data, file, migrations: migrationsFolder, at: now });
  const { head, keptAs } = made;
  return [
    `Restored ${file}, made at ${new Date(made.madeAt).toISOString()}, with its history up to #${head.seq} ${head.hash.slice(0, 12)}.`,
    ...(keptAs === null ? [] : [`What was there before is kept as ${keptAs}.`]),
    "",
    "The server is frozen now: it starts and shows what it knows, but it sends nothing to any host and refuses every change,",
    "because the hosts may have gone on since the backup was made. Their containers keep serving.",
    "",
    "What to do next:",
    "  1. Start the server, and wait until the hosts are connected: gantry hosts",
    "  2. See what they run, and what would be taken for what should be: gantry adopt --dry-run",
    "  3. Take it over, which ends the freeze and changes nothing on any host: gantry adopt",
  ];
}

/** The history names every copy; without a server the copy is as good. */
async function tell(data: string, body: object): Promise<void> {
  try {
    await callLocally(data, "copied", body);
  } catch (error) {
    if (!(error instanceof NoServerError)) throw error;
  }
}

/** The names sort by time. */
function prune(folder: string, keep: number): number {
  const copies = readdirSync(folder)
    .filter((name) => /^gantry-\d{8}-\d{6}-\d{3}\.db$/.test(name))
    .sort();
  const surplus = copies.slice(0, Math.max(0, copies.length - keep));
  for (const name of surplus) rmSync(join(folder, name));
  return surplus.length;
}

/** `20261122-101530-123`, in UTC. */
function stampOf(now: number): string {
  const [date = "", time = ""] = new Date(now).toISOString().split("T");
  return `${date.replaceAll("-", "")}-${time.slice(0, 8).replaceAll(":", "")}-${time.slice(9, 12)}`;
}

function sizeOf(bytes: number): string {
  return bytes < 1024 ** 2 ? `${Math.ceil(bytes / 1024)} KiB` : `${(bytes / 1024 ** 2).toFixed(1)} MiB`;
}
