/**
 * The agent's state directory: who it is, what it was last told, and how each order ended. Docker's labels are the memory
 * of what runs; all of this but the key can be lost and is made again.
 *
 *   lock           held by the running agent
 *   identity.json  key pair, server, and whether the server knows the key
 *   orders.json    the last desired picture
 *   journal.json   per slot: generation, outcome, attempt
 *   images.json    images that the agent fetched, and may remove
 */
import { generateKeyPairSync } from "node:crypto";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { DesiredPicture, SwapOutcome } from "../core/slot.ts";
import type { Fetched } from "./clean-up.ts";
import { createDurableFile, type DurableFile, readDurable } from "./durable.ts";
import { type Lock, takeLock } from "./lock.ts";

export type Identity = {
  /** Base64 of the SubjectPublicKeyInfo and of the PKCS #8 form. */
  readonly publicKey: string;
  readonly privateKey: string;
  readonly enrolled: boolean;
  /** The server that enrolled this host; null before. */
  readonly serverId: string | null;
};

export type JournalEntry = {
  readonly generation: number;
  readonly outcome: SwapOutcome | null;
  /** A container that serves this generation, and release, although its labels name earlier ones. Absent: the release of its label. */
  readonly adopted: { readonly containerId: string; readonly generation: number; readonly release?: number } | null;
  /** When this generation was begun, on the clock of which boot of the host: the time of day may be set meanwhile. */
  readonly began: { readonly monoAt: number; readonly bootId: string } | null;
};

export type Journal = Readonly<Record<string, JournalEntry>>;

export type HostState = {
  readonly identity: Identity;
  /** The key was made just now: no server can know it, and it is not on the disk yet. */
  readonly isNew: boolean;
  readonly orders: DesiredPicture | null;
  readonly journal: Journal;
  readonly images: readonly Fetched[];
  readonly files: {
    readonly identity: DurableFile<Identity>;
    readonly orders: DurableFile<DesiredPicture>;
    readonly journal: DurableFile<Journal>;
    readonly images: DurableFile<readonly Fetched[]>;
  };
  readonly lock: Lock;
};

/** Opens the directory, making it when needed. Rejects with one clear line when another agent holds it, or its key cannot be read. */
export async function openState(dir: string): Promise<HostState> {
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const lock = takeLock(join(dir, "lock"));
  try {
    return { ...(await readState(dir)), lock };
  } catch (error) {
    lock.release();
    throw error;
  }
}

async function readState(dir: string): Promise<Omit<HostState, "lock">> {
  const files = {
    identity: createDurableFile<Identity>(join(dir, "identity.json")),
    orders: createDurableFile<DesiredPicture>(join(dir, "orders.json")),
    journal: createDurableFile<Journal>(join(dir, "journal.json")),
    images: createDurableFile<readonly Fetched[]>(join(dir, "images.json")),
  };
  const known = await knownIdentity(join(dir, "identity.json"));
  const identity = known ?? newIdentity();
  const orders = await readDurable(join(dir, "orders.json"), readOrders);
  const journal = (await readDurable(join(dir, "journal.json"), readJournal)) ?? {};
  const images = (await readDurable(join(dir, "images.json"), readFetched)) ?? [];
  return { identity, isNew: known === null, orders, journal, images, files };
}

/** Null only when there is none: the key cannot be made again, so a fault of the disk must not pass for a new host. */
async function knownIdentity(path: string): Promise<Identity | null> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
  const identity = readIdentity(json(text));
  if (identity === null) throw new Error(`${path} is damaged: bring it back, or remove it and enrol this host again`);
  return identity;
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function newIdentity(): Identity {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  return {
    publicKey: publicKey.export({ type: "spki", format: "der" }).toString("base64"),
    privateKey: privateKey.export({ type: "pkcs8", format: "der" }).toString("base64"),
    enrolled: false,
    serverId: null,
  };
}

// These files were written by this program; the checks are against truncation, not against an enemy with root.

function readIdentity(value: unknown): Identity | null {
  const identity = value as Identity | null;
  return typeof identity?.publicKey === "string" && typeof identity.privateKey === "string" ? identity : null;
}

function readOrders(value: unknown): DesiredPicture | null {
  const orders = value as DesiredPicture | null;
  return Array.isArray(orders?.slots) && Array.isArray(orders.prepare) ? orders : null;
}

function readFetched(value: unknown): readonly Fetched[] | null {
  return Array.isArray(value) ? value.filter((one: Fetched | null) => typeof one?.ref === "string") : null;
}

function readJournal(value: unknown): Journal | null {
  if (value === null || typeof value !== "object") return null;
  const entries = Object.entries(value as Journal).filter(([, e]) => Number.isSafeInteger(e?.generation));
  return Object.fromEntries(entries);
}
