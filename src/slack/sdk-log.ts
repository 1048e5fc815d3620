import { type Logger, LogLevel } from "@slack/bolt";
import type { Log } from "../app/ports.ts";
import { redact } from "../core/redact.ts";

/**
 * The SDK's log lines in ours. Its debug level prints whole payloads (response_url, trigger_id), so it stays off whatever our level
 * is; what it calls an error is one fault among those that the supervisor handles and reports in its own words.
 */
export function sdkLog(log: Log, part: string): Logger {
  const say = (write: Log["debug"]) => {
    return (...words: unknown[]) => write.call(log, { part }, redact(words.map(plain).join(" ")).slice(0, 500));
  };
  return {
    debug: () => {},
    info: say(log.debug),
    warn: say(log.debug),
    error: say(log.warn),
    setLevel: () => {},
    getLevel: () => LogLevel.INFO,
    setName: () => {},
  };
}

function plain(word: unknown): string {
  return word instanceof Error ? word.message : String(word);
}
