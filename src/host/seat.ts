/**
 * One agent per host on a machine, whatever its state directory: the lock in there does not hold a copy of it back, and a
 * second agent in the middle of a swap takes the half of it for interrupted and undoes it. The kernel knows abstract
 * sockets by name, one holder each, and forgets them when the holder dies, whatever the way; nothing is left behind.
 *
 * They are known per network namespace: an agent in a container without `--network host` and one beside it on the host do
 * not see each other. Then the server's word (`duplicate_agent`) is all there is.
 */
import { createHash } from "node:crypto";
import { createConnection, createServer, type Server } from "node:net";
import type { Clock } from "../app/ports.ts";
import type { Lock } from "./lock.ts";

const askMs = 1_000;
const mostBytes = 4_096;

/** Who holds a seat, as it says itself. */
export type Sitter = { readonly pid: number; readonly stateDir: string };

/**
 * What an agent must hold alone: its key, which a copied directory has too; and its name on its engine, which another
 * directory may be given. `engine`: null where it is nobody else's.
 */
export function seatsOf(host: { readonly name: string; readonly publicKey: string; readonly engine: string | null }): string[] {
  const { name, publicKey, engine } = host;
  return [`key ${publicKey}`, ...(engine === null ? [] : [`host ${name} on ${engine}`])];
}

/** Rejects with one clear line when another agent of this machine sits there. */
export async function takeSeats(facts: {
  readonly seats: readonly string[];
  readonly name: string;
  readonly me: Sitter;
  readonly clock: Clock;
  /** This machine cannot do it: the agent works without. */
  readonly onUnable: (why: string) => void;
}): Promise<Lock> {
  const held: Server[] = [];
  const release = () => {
    for (const server of held) server.close();
  };
  // Elsewhere the name would be that of a file.
  if (process.platform !== "linux") return { release };
  for (const seat of facts.seats) {
    try {
      held.push(await listen(addressOf(seat), JSON.stringify(facts.me)));
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (code === "EADDRINUSE") {
        release();
        throw new Error(taken(facts.name, await ask(addressOf(seat), facts.clock)), { cause: error });
      }
      facts.onUnable(message);
    }
  }
  return { release };
}

function taken(name: string, sitter: Sitter | null): string {
  const who = sitter === null ? "`ss -xlp` shows its gantry-agent socket" : `pid ${sitter.pid}, ${sitter.stateDir}`;
  return `another agent works for ${name} on this machine (${who}): stop it first; a copied state directory makes no second host`;
}

/** Names of sockets are short, and anybody on the machine may read them. */
function addressOf(seat: string): string {
  return `\0gantry-agent/${createHash("sha256").update(seat).digest("hex").slice(0, 40)}`;
}

function listen(address: string, says: string): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => {
      socket.on("error", () => socket.destroy());
      socket.end(says);
    });
    server.maxConnections = 8;
    server.once("error", reject);
    server.listen(address, () => resolve(server.unref()));
  });
}

/** Null: it does not say, because it stands still or is no agent. */
function ask(address: string, clock: Clock): Promise<Sitter | null> {
  return new Promise((resolve) => {
    let text = "";
    const socket = createConnection(address);
    const done = () => {
      cancel();
      socket.destroy();
      resolve(readSitter(text));
    };
    const cancel = clock.wakeAt(clock.now() + askMs, done);
    socket.setEncoding("utf8");
    socket.on("data", (chunk) => {
      text += chunk;
      if (text.length > mostBytes) done();
    });
    socket.on("close", done);
    socket.on("error", done);
  });
}

function readSitter(text: string): Sitter | null {
  try {
    const { pid, stateDir } = JSON.parse(text) as Partial<Sitter>;
    // Shown to a person on one line.
    const isPlain = typeof stateDir === "string" && /^[\x20-\x7e]+$/.test(stateDir);
    return Number.isSafeInteger(pid) && isPlain ? { pid: pid as number, stateDir } : null;
  } catch {
    return null;
  }
}
