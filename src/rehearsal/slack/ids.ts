/** Ids in Slack's shapes, derived from a salt: the same salt gives the same ids, in order. */
import { createHash } from "node:crypto";

export interface Ids {
  /** `V0000001X`: a prefix and a number. */
  next(prefix: string): string;
  /** Hex that cannot be guessed without the salt. */
  secret(): string;
  uuid(): string;
  /** A message timestamp (`1767603600.000100`): unique and rising within a workspace. */
  ts(nowMs: number): string;
}

export function createIds(salt: string): Ids {
  let count = 0;
  let lastMicros = 0;
  const digest = () => createHash("sha256").update(`${salt}:${++count}`).digest("hex");
  return {
    next: (prefix) => `${prefix}${(++count).toString(36).toUpperCase().padStart(8, "0")}`,
    secret: () => digest().slice(0, 32),
    uuid: () => digest().replace(/^(.{8})(.{4})(.{4})(.{4})(.{12}).*$/, "$1-$2-$3-$4-$5"),
    ts: (nowMs) => {
      lastMicros = Math.max(Math.floor(nowMs) * 1000, lastMicros + 1);
      const seconds = Math.floor(lastMicros / 1_000_000);
      return `${seconds}.${String(lastMicros % 1_000_000).padStart(6, "0")}`;
    },
  };
}
