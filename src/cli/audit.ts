/** `gantry audit verify`: walks the whole history, and holds it against what others have heard of it. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import type { ChainFault } from "../app/store.ts";
import type { Head } from "../core/slot.ts";
import { callLocally, NoServerError } from "../http/local-socket.ts";
import { chainOn } from "../sqlite/chain.ts";
import { verifierOn } from "../sqlite/chain-verify.ts";

/** What somebody outside of the database knows of the history: an agent, or a person who reads a card. */
export type Witness = { readonly name: string; readonly head: Head };

/** The history, in the running server or in the file. */
type Reader = {
  readonly head: Head;
  readonly witnesses: readonly Witness[];
  verify(from: number): Promise<{ fault: ChainFault | null; to: number; done: boolean }>;
  hashAt(seq: number): Promise<string | null>;
  close(): void;
};

const pieceOfFile = 10_000;

/** Returns the exit code: 0 when all holds, otherwise 1 and the first fault is named. */
export async function verifyAudit(facts: {
  readonly data: string;
  /** `1842:9f3a…`, as it stands on a card or in a log. */
  readonly head: Head | null;
  readonly print: (text: string) => void;
  readonly progress: (text: string) => void;
}): Promise<number> {
  const reader = (await readServer(facts.data)) ?? readFile(facts.data);
  try {
    const given = facts.head === null ? [] : [{ name: "what was given", head: facts.head }];
    const fault = (await walk(reader, facts.progress)) ?? (await firstLie(reader, [...given, ...reader.witnesses]));
    if (fault !== null) {
      facts.print(`The history does NOT hold at #${fault.seq}: ${fault.what}`);
      return 1;
    }
    const { head, witnesses } = reader;
    facts.print(`The history holds, from its beginning to #${head.seq} ${head.hash.slice(0, 12)}.`);
    if (given.length > 0) facts.print("The entry that was given is in it.");
    facts.print(witnessText(witnesses));
    return 0;
  } finally {
    reader.close();
  }
}

/** `1842:9f3a…`, `#1842 9f3a`; null when it is neither. */
export function readHead(text: string): Head | null {
  const match = /^#?(\d{1,15})[:\s]+([0-9a-f]{4,64})…?$/i.exec(text.trim());
  if (match?.[1] === undefined || match[2] === undefined) return null;
  return { seq: Number(match[1]), hash: match[2].toLowerCase() };
}

async function walk(reader: Reader, progress: (text: string) => void): Promise<ChainFault | null> {
  for (let from = 1; ; ) {
    const { fault, to, done } = await reader.verify(from);
    if (fault !== null || done) return fault;
    progress(`#${to} of #${reader.head.seq}`);
    from = to + 1;
  }
}

/** The first who knows the history otherwise. A card shows only the beginning of a hash. */
async function firstLie(reader: Reader, witnesses: readonly Witness[]): Promise<ChainFault | null> {
  for (const { name, head } of witnesses) {
    if (head.seq === 0) continue;
    const own = await reader.hashAt(head.seq);
    if (own === null)
      return { seq: head.seq, what: `${name} knows of this entry, and here the history ends at #${reader.head.seq}` };
    if (!own.startsWith(head.hash)) {
      return { seq: head.seq, what: `${name} knows this entry as ${head.hash.slice(0, 12)}, and here it is ${own.slice(0, 12)}` };
    }
  }
  return null;
}

function witnessText(witnesses: readonly Witness[]): string {
  if (witnesses.length === 0) {
    return "No agent was asked: they say what they know to a running server. Compare with --head SEQ:HASH from a card or a log.";
  }
  return `${witnesses.length} ${witnesses.length === 1 ? "agent agrees" : "agents agree"}: ${witnesses.map((w) => `${w.name} #${w.head.seq}`).join(", ")}.`;
}

/** null: no server runs. */
async function readServer(data: string): Promise<Reader | null> {
  type Answer = { fault: ChainFault | null; to: number; done: boolean; head: Head; heads: (Witness & { host: string })[] };
  const verify = async (from: number) => (await callLocally(data, "audit", { from })) as unknown as Answer;
  try {
    const { head, heads } = await verify(1);
    return {
      head,
      witnesses: heads.filter((h) => h.head.seq > 0).map((h) => ({ name: h.host, head: h.head })),
      verify,
      hashAt: async (seq) => (await callLocally(data, "entry", { seq }))["hash"] as string | null,
      close: () => undefined,
    };
  } catch (error) {
    if (error instanceof NoServerError) return null;
    throw error;
  }
}

function readFile(data: string): Reader {
  const file = join(data, "gantry.db");
  if (!existsSync(file)) throw new Error(`there is no database at ${file}`);
  const db = new Database(file, { readonly: true });
  const hashAt = db.prepare<[number], Buffer>("select hash from chain where seq = ?").pluck();
  const verify = verifierOn(db);
  return {
    head: chainOn(db).head(),
    witnesses: [],
    verify: async (from) => verify({ from, limit: pieceOfFile }),
    hashAt: async (seq) => hashAt.get(seq)?.toString("hex") ?? null,
    close: () => void db.close(),
  };
}
