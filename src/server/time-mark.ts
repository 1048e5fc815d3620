/**
 * How far the server's time has come, in a small file of the data folder: a server that starts again goes on from there,
 * though somebody set the clock of the machine meanwhile. What it has stored (when a soak ends, when a host was seen) stays true.
 */
import { randomUUID } from "node:crypto";
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createClock, timepieces } from "../app/clock.ts";
import type { Clock, Log } from "../app/ports.ts";
import { type TimeMark, timeAfter } from "../app/steady-time.ts";

const keepEveryMs = 5_000;
/** Unless the clock was set, the mark says nothing new; after another boot, only how late it is. */
const staleMs = 60_000;
const tellMs = 60_000;

export type ServerClock = { readonly clock: Clock; readonly stop: () => void };

/** The folder must be there, and held by this process. `wall`: for tests. */
export function openClock(facts: { readonly folder: string; readonly log: Log; readonly wall?: () => number }): ServerClock {
  const { folder, log, wall = timepieces.wall } = facts;
  const { mono } = timepieces;
  const file = join(folder, "gantry.clock");
  const bootId = bootOfMachine();
  const clock = createClock({ wall, begin: timeAfter(readMark(file), { bootId, wall: wall(), mono: mono() }) });
  let kept: TimeMark | null = null;
  let told = false;

  function keep(): void {
    const mark = { bootId, time: clock.now(), mono: mono() };
    tell(wall() - mark.time);
    const isNews = kept === null || mark.mono - kept.mono > staleMs || Math.abs(slipBetween(kept, mark)) > 20;
    if (isNews && writeMark(file, mark)) kept = mark;
  }

  function tell(offMs: number): void {
    const isOff = Math.abs(offMs) > tellMs;
    if (isOff && !told)
      log.warn({ offMs }, "the clock of this machine was set: Gantry's time follows it slowly, by 3 minutes an hour");
    if (told && !isOff) log.info({}, "Gantry's time is that of the machine again");
    told = isOff;
  }

  keep();
  const timer = setInterval(keep, keepEveryMs);
  timer.unref();
  return {
    clock,
    stop() {
      clearInterval(timer);
      keep();
    },
  };
}

/** By how much the time of day went faster than time. */
function slipBetween(one: TimeMark, other: TimeMark): number {
  return other.time - one.time - (other.mono - one.mono);
}

/** Null: there is none, or it says nothing. */
function readMark(file: string): TimeMark | null {
  try {
    const { bootId, time, mono } = JSON.parse(readFileSync(file, "utf8")) as Partial<TimeMark>;
    if (typeof bootId === "string" && Number.isFinite(time) && Number.isFinite(mono)) return { bootId, time, mono } as TimeMark;
  } catch {
    // As good as none.
  }
  return null;
}

/** Not flushed: it must outlive the process, and a power cut ends what it is for. A disk that is full keeps the mark of before. */
function writeMark(file: string, mark: TimeMark): boolean {
  try {
    writeFileSync(`${file}.next`, `${JSON.stringify(mark)}\n`, { mode: 0o600 });
    renameSync(`${file}.next`, file);
    return true;
  } catch {
    return false;
  }
}

/** Where the kernel does not tell, every start counts as a boot. */
function bootOfMachine(): string {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  } catch {
    return randomUUID();
  }
}
