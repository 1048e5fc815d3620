/** Open connections of a port: the drain before a stop waits for their end. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Clock } from "../app/ports.ts";
import { pause } from "./prove.ts";

const established = "01";
const lookEveryMs = 5;

/** How many connections this port has, in the network namespace of the process. 0 where this host does not let the agent see. */
export function openConnections(facts: { readonly port: number; readonly pid: number }): number {
  const hexPort = `:${facts.port.toString(16).toUpperCase().padStart(4, "0")}`;
  let count = 0;
  for (const table of ["tcp", "tcp6"]) {
    for (const line of textOf(join("/proc", String(facts.pid), "net", table)).split("\n")) {
      const fields = line.trim().split(/\s+/);
      if (fields[3] === established && fields[1]?.endsWith(hexPort)) count += 1;
    }
  }
  return count;
}

/** Resolves when `count` answers 0 or the time is up. */
export async function drained(facts: { count: () => number | Promise<number>; clock: Clock; mostMs: number }): Promise<void> {
  const { count, clock, mostMs } = facts;
  const until = clock.mono() + mostMs;
  while (clock.mono() < until && (await count()) > 0) await pause(clock, lookEveryMs);
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
