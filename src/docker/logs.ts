/** The output of a container with the time of each line; on and on when it is followed. */
import type { Readable } from "node:stream";
import type Dockerode from "dockerode";
import type { ReasonCode } from "../core/reasons.ts";
import type { Engine, EngineLine } from "../host/engine.ts";
import { createLineReader } from "./log-frames.ts";

type Quick = <T>(what: string, run: (abortSignal: AbortSignal) => Promise<T>, fallback?: ReasonCode) => Promise<T>;

export function createLogs(facts: { docker: Dockerode; quick: Quick }): Engine["logs"] {
  const { docker, quick } = facts;
  return async ({ id, lines, since, follow, signal, onLine }) => {
    if (signal.aborted) return;
    const from = since === null ? {} : { since: since / 1_000 };
    const body = { stdout: true, stderr: true, timestamps: true, tail: lines, ...from };
    const container = docker.getContainer(id);
    const reader = createLineReader((line) => onLine(timed(line)));
    if (!follow) {
      reader.take(Buffer.from(await quick("logs", (abortSignal) => container.logs({ ...body, follow: false, abortSignal }))));
      reader.end();
      return;
    }
    const open = (late: AbortSignal) => {
      const abortSignal = AbortSignal.any([late, signal]);
      return container.logs({ ...body, follow: true, abortSignal });
    };
    const stream = (await quick("logs", open).catch((thrown) => endedBy(signal, thrown))) as Readable | null;
    if (stream === null) return;
    // Whoever follows may go before a single line has come: the engine must not go on sending.
    const leave = () => stream.destroy();
    signal.addEventListener("abort", leave, { once: true });
    if (signal.aborted) leave();
    try {
      for await (const chunk of stream) reader.take(chunk as Buffer);
      reader.end();
    } catch {
      // The engine, the container or the asker is gone: whoever follows looks again.
    } finally {
      signal.removeEventListener("abort", leave);
      stream.destroy();
    }
  };
}

function endedBy(signal: AbortSignal, thrown: unknown): null {
  if (signal.aborted) return null;
  throw thrown;
}

/** `2026-11-22T17:23:02.123456789Z text` */
function timed(line: string): EngineLine {
  const blank = line.indexOf(" ");
  const at = Date.parse(line.slice(0, Math.max(0, blank)));
  return Number.isNaN(at) ? { at: null, text: line } : { at, text: line.slice(blank + 1) };
}
