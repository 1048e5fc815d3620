/** What happened: a hash of all of it, always; its words, only when somebody wants to read them. */
import type { Log } from "../../../src/app/ports.ts";
import type { Scheduler } from "./scheduler.ts";

export type Trace = {
  /** Takes part in the hash. */
  note(who: string, what: string): void;
  hash(): string;
  /** The last lines, oldest first. */
  lines(): readonly string[];
  log(who: string): Log;
};

const kept = 4_000;

export function createTrace(scheduler: Scheduler, keep: boolean): Trace {
  const lines: string[] = [];
  let a = 0x811c9dc5;
  let b = 0x1b873593;

  function mix(text: string): void {
    // Kept in variables of its own: those outside are written to memory at every letter.
    let [one, other] = [a, b];
    for (let i = 0; i < text.length; i += 1) {
      one = Math.imul(one ^ text.charCodeAt(i), 0x01000193);
      other = Math.imul(other ^ one, 0x85ebca6b);
    }
    a = one;
    b = other;
  }

  function write(who: string, what: string): void {
    const ms = scheduler.now();
    const at = `${String(Math.floor(ms / 60_000)).padStart(3)}:${((ms % 60_000) / 1000).toFixed(3).padStart(6, "0")}`;
    lines.push(`${at}  ${who.padEnd(12)} ${what}`);
    if (lines.length > kept) lines.splice(0, 1_000);
  }

  return {
    note(who, what) {
      a = (a ^ scheduler.now()) | 0;
      mix(who);
      mix(what);
      if (keep) write(who, what);
    },
    hash: () => `${(a >>> 0).toString(16).padStart(8, "0")}${(b >>> 0).toString(16).padStart(8, "0")}`,
    lines: () => lines,
    log(who) {
      const say = (level: string) => (facts: object, message: string) => write(who, `${level}${message} ${tell(facts)}`);
      return { debug: say(""), info: say(""), warn: say("! "), error: say("!! ") };
    },
  };
}

function tell(facts: object): string {
  const told = Object.entries(facts).map(([name, value]) => {
    if (value instanceof Error) return `${name}=${value.stack ?? value.message}`;
    return `${name}=${typeof value === "object" ? JSON.stringify(value) : String(value)}`;
  });
  return told.join(" ").slice(0, 1_000);
}
