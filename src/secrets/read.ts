/** Reads the value of one provider. What is thrown says what is wrong with the place, and never what was read there. */
import { spawn } from "node:child_process";
import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { basename } from "node:path";
import { type Clock, OutsideError } from "../app/ports.ts";
import type { SecretProvider } from "../core/secrets.ts";

/** Of one value: more is a mistake, and would not fit into one message to an agent. */
const mostBytes = 64 * 1024;
const deadlineMs = 10_000;

export type Around = {
  readonly clock: Clock;
  readonly env: Readonly<Record<string, string | undefined>>;
};

/** Without one line end at its end, which editors and `echo` leave there. Rejects with secret_missing. */
export async function readProvider({ from }: SecretProvider, around: Around): Promise<Uint8Array> {
  switch (from.kind) {
    case "file":
      return await readFileOf(from.path);
    case "environment": {
      const value = around.env[from.variable];
      if (value === undefined) throw missing(`the server has no variable ${from.variable}`);
      return whole(Buffer.from(value), `the server's variable ${from.variable}`);
    }
    case "command":
      return await run(from.command, around);
  }
}

async function readFileOf(path: string): Promise<Uint8Array> {
  try {
    // Something that is no file would hang, or give for ever.
    const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      if (!(await file.stat()).isFile()) throw missing(`${path} on the server is no file`);
      const { buffer, bytesRead } = await file.read(Buffer.alloc(mostBytes + 1), 0, mostBytes + 1, 0);
      return whole(buffer.subarray(0, bytesRead), `${path} on the server`);
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error instanceof OutsideError) throw error;
    const { code = "unknown" } = error as NodeJS.ErrnoException;
    throw missing(code === "ENOENT" ? `${path} is not on the server` : `${path} on the server cannot be read (${code})`);
  }
}

/** Without a shell, in a group of its own, so that what it has started ends with it. */
async function run([program = "", ...rest]: readonly string[], { clock, env }: Around): Promise<Uint8Array> {
  const name = `the command ${basename(program)}`;
  const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
  const child = spawn(program, rest, { stdio: ["ignore", "pipe", "ignore"], detached: true, env: withoutOwn(env) });
  const kill = () => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
    } catch {
      // It has ended by itself.
    }
  };
  const giveUp = (why: string) => {
    reject(missing(why));
    kill();
    child.stdout.destroy();
  };
  const cancel = clock.wakeAt(clock.now() + deadlineMs, () => giveUp(`${name} did not end within ${deadlineMs / 1000} s`));
  const pieces: Buffer[] = [];
  let bytes = 0;
  child.stdout.on("data", (piece: Buffer) => {
    bytes += piece.length;
    if (bytes > mostBytes + 2) giveUp(`${name} printed more than ${mostBytes / 1024} KiB`);
    else pieces.push(piece);
  });
  child.on("error", (error) => giveUp(`${name} cannot be run (${(error as NodeJS.ErrnoException).code ?? "unknown"})`));
  child.on("close", (code, signal) => {
    if (code !== 0) return giveUp(`${name} ended with ${code === null ? signal : `exit code ${code}`}`);
    try {
      resolve(whole(Buffer.concat(pieces), `what ${name} prints`));
    } catch (error) {
      reject(error);
    }
  });
  try {
    return await promise;
  } finally {
    cancel();
    kill();
  }
}

/** The server's own tokens are no business of other programs. */
function withoutOwn(env: Around["env"]): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !/^(SLACK|GITHUB|JIRA|GANTRY)_/.test(name)));
}

function whole(bytes: Buffer, where: string): Uint8Array {
  const end = bytes.at(-1) === 0x0a ? (bytes.at(-2) === 0x0d ? -2 : -1) : undefined;
  const value = bytes.subarray(0, end);
  if (value.length === 0) throw missing(`${where} is empty`);
  if (value.length > mostBytes) throw missing(`${where} is longer than ${mostBytes / 1024} KiB`);
  return value;
}

export function missing(message: string): OutsideError {
  return new OutsideError({ reason: "secret_missing", message });
}
