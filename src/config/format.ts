/** Config errors as lines for people: `file:line:column what; fix`. */
import type { ConfigError } from "./valid.ts";

const most = 100;

/** One line per error, and a last line that counts them. */
export function formatConfigErrors(errors: readonly ConfigError[]): string {
  const lines = errors.slice(0, most).map(({ file, line, column, what, fix }) => `${file}:${line}:${column} ${what}; ${fix}`);
  if (errors.length > most) lines.push(`… and ${errors.length - most} more`);
  lines.push(errors.length === 1 ? "1 error." : `${errors.length} errors.`);
  return lines.join("\n");
}
