/** The server's and the agent's log: one JSON line per event on stdout, without secrets. */
import { writeSync } from "node:fs";
import { type DestinationStream, pino, stdTimeFunctions } from "pino";
import type { Log } from "./app/ports.ts";
import { redact } from "./core/redact.ts";

export const logLevels = ["debug", "info", "warn", "error", "silent"] as const;
export type LogLevel = (typeof logLevels)[number];

export function isLogLevel(text: string): text is LogLevel {
  return (logLevels as readonly string[]).includes(text);
}

/** Capabilities and logins by the names they usually have; the finished line is searched as well, whatever the names. */
const secretPaths = ["token", "authorization", "response_url", "trigger_id", "password", "secret"].flatMap((name) => [
  name,
  `*.${name}`,
]);

/**
 * A log that blots out `secrets` (known values) and whatever looks like one. Lines are written synchronously, so that
 * none is lost when the process is killed.
 */
export function createLog(options: { level: LogLevel; secrets: readonly string[]; destination?: DestinationStream }): Log {
  const { level, destination } = options;
  const secrets = options.secrets.flatMap(formsInJson);
  const settings = {
    level,
    base: null,
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    redact: { paths: secretPaths, censor: "[redacted]" },
    hooks: { streamWrite: (line: string) => visible(redact(line, secrets)) },
  };
  return pino(settings, destination ?? toFile(1));
}

/**
 * Lines to an open file. Whoever reads the log may go away or stand still, or its disk fill up: lines are lost then, and are
 * counted in the first that can be written again. pino's own destination tries for ever when the process ends.
 */
export function toFile(fd: number): DestinationStream {
  let lost = 0;
  /** The last line stands there in part. */
  let isCut = false;
  return {
    write(line) {
      const before =
        lost === 0 ? "" : `${JSON.stringify({ level: "warn", lost, msg: "lines of the log could not be written" })}\n`;
      const bytes = Buffer.from(`${isCut ? "\n" : ""}${before}${line}`);
      // A reader that stands still is waited for once, not with every line.
      const written = writeAll(fd, bytes, lost === 0 ? mostWaits : 0);
      if (written > 0) isCut = written < bytes.length;
      lost = written === bytes.length ? 0 : lost + 1;
    },
  };
}

/** A pipe that is full is waited for, at most so often. Returns how many bytes were written, whatever went wrong. */
function writeAll(fd: number, bytes: Buffer, mostWaits: number): number {
  let written = 0;
  for (let waits = 0; written < bytes.length; ) {
    try {
      written += writeSync(fd, bytes, written);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN" || waits >= mostWaits) break;
      waits += 1;
      Atomics.wait(sleeper, 0, 0, waitMs);
    }
  }
  return written;
}

const sleeper = new Int32Array(new SharedArrayBuffer(4));
const waitMs = 5;
const mostWaits = 100;

/** How a value may stand in a line: as it is, with JSON's escapes (a private key has line ends), percent-encoded. */
function formsInJson(secret: string): string[] {
  return [...new Set([secret, JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret)])];
}

/** JSON escapes C0 control characters; these others could rewrite what a terminal shows, too. */
function visible(line: string): string {
  return line.replace(/[\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g, (char) => {
    return `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}
