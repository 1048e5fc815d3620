/**
 * What the engine says when it cannot create or start a container, as reason codes and in fewer words. Its texts were taken from
 * Docker 20.10 with runc 1.1 (test/host/diagnostics.test.ts causes each); the older and newer forms from their sources.
 */
import type { ReasonCode } from "../core/reasons.ts";

/** First match wins: the more particular words stand first. */
const callFaults: readonly (readonly [RegExp, ReasonCode])[] = [
  [/no space left on device|disk quota exceeded/i, "disk_full"],
  [/address already in use|port is already allocated/i, "port_in_use"],
  [/exec format error/i, "wrong_platform"],
  [/cannot allocate memory/i, "memory_low"],
  [/unable to find (?:user|group) |no matching entries in (?:passwd|group) file/i, "user_missing"],
  [
    /bind source path does not exist|error while creating mount source path|error mounting "|looking up volume plugin|no such volume|error while mounting volume/i,
    "mount_missing",
  ],
  [/exec: ".*permission denied|operation not permitted/i, "permission_denied"],
];

export function callReason(text: string, fallback: ReasonCode): ReasonCode {
  return callFaults.find(([pattern]) => pattern.test(text))?.[1] ?? fallback;
}

/** Which of the programs below the engine passed the error on says nothing to anyone. */
const layers =
  /(?:failed to create (?:shim|task)[^:]*|OCI runtime (?:create|exec) failed|runc (?:create|run) failed|(?:unable to start|starting) container process(?: caused)?|container_linux\.go:\d+|error during container init|rpc error): /g;

/** The engine's messages span lines and carry quoted escapes; people read one line. */
export function oneLine(text: string): string {
  const line = text
    .replace(/^\(HTTP code \d+\) [^-]*- /, "")
    .replace(/\s+/g, " ")
    .replace(layers, "")
    .replace(/: unknown(?=$|: )/g, "")
    .trim();
  return line.length > 400 ? `${line.slice(0, 399)}…` : line;
}
