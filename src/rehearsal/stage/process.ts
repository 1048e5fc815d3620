/** A child process with its output kept: the real server and the real agents, as an operator would run them. */
import type { ChildProcess } from "node:child_process";
import { createWriteStream, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

export type Running = {
  readonly child: ChildProcess;
  readonly logFile: string;
  /** Resolves with the exit code or the signal's name. */
  readonly ended: Promise<number | string>;
  /** Everything it printed so far. */
  output(): string;
  /** Resolves when it printed the text. Rejects when it ends before, or after the deadline, with what it printed. */
  prints(text: string | RegExp, deadlineMs?: number): Promise<void>;
  /** Sends the signal and waits for the end. */
  stop(signal?: NodeJS.Signals): Promise<number | string>;
};

const tailOnError = 3000;
const drainMs = 2_000;

export function watch(child: ChildProcess, logFile: string): Running {
  const log = createWriteStream(logFile, { flags: "a" });
  let printed = "";
  const listeners = new Set<() => void>();
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on("data", (chunk: Buffer) => {
      printed += chunk.toString("utf8");
      if (!log.writableEnded) log.write(chunk);
      for (const listener of listeners) listener();
    });
  }
  let over = false;
  const ended = new Promise<number | string>((resolve) => {
    child.once("exit", async (code, signal) => {
      // What it printed last may still be on the way; whoever else holds its output does not keep us.
      await Promise.race([new Promise((closed) => child.once("close", closed)), sleep(drainMs, null, { ref: false })]);
      await new Promise<void>((written) => log.end(written));
      over = true;
      resolve(signal ?? code ?? -1);
      for (const listener of listeners) listener();
    });
  });

  function prints(text: string | RegExp, deadlineMs = 60_000): Promise<void> {
    const said = () => (typeof text === "string" ? printed.includes(text) : text.test(printed));
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const look = () => {
      if (said()) finish(resolve);
      else if (over) finish(() => reject(new Error(`it ended before it printed ${text}:\n${printed.slice(-tailOnError)}`)));
    };
    const late = setTimeout(() => {
      finish(() => reject(new Error(`it did not print ${text} in ${deadlineMs} ms:\n${printed.slice(-tailOnError)}`)));
    }, deadlineMs);
    const finish = (settle: () => void) => {
      clearTimeout(late);
      listeners.delete(look);
      settle();
    };
    listeners.add(look);
    look();
    return promise;
  }

  return {
    child,
    logFile,
    ended,
    output: () => (over ? readFileSync(logFile, "utf8") : printed),
    prints,
    async stop(signal = "SIGTERM") {
      if (!over) child.kill(signal);
      return ended;
    },
  };
}
