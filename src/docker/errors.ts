/** Turns what the engine says into reason codes. Patterns are the words of moby and of the registries behind it. */
import type { ReasonCode } from "../core/reasons.ts";
import { EngineError } from "../host/engine.ts";

/** First match wins: the more particular words stand first. */
const pullFaults: readonly (readonly [RegExp, ReasonCode])[] = [
  [/no space left on device/i, "disk_full"],
  [/no matching manifest for|does not match the specified platform/i, "wrong_platform"],
  [/manifest verification failed|does not match digest|digest did not match|unexpected digest/i, "digest_mismatch"],
  [/no basic auth|unauthorized|authentication required|incorrect username|\b401\b|\b403\b|forbidden/i, "registry_auth"],
  [/manifest unknown|not found|name unknown|repository name not known|denied: requested access/i, "image_missing"],
  [/connection refused|no such host|i\/o timeout|network is unreachable|no route to host/i, "registry_unreachable"],
  [
    /toomanyrequests|too many requests|\b429\b|\b5\d\d\b|EOF|connection reset|timeout|TLS|x509|server gave HTTP/i,
    "registry_unreachable",
  ],
];

export function pullReason(text: string): ReasonCode {
  return pullFaults.find(([pattern]) => pattern.test(text))?.[1] ?? "pull_failed";
}

type Thrown = { statusCode?: number; code?: string; message?: string; json?: { message?: string } | null; name?: string };

const connectionFaults = ["ECONNREFUSED", "ENOENT", "ECONNRESET", "EPIPE", "EACCES", "ENOTFOUND", "ETIMEDOUT", "EHOSTUNREACH"];

/** `fallback` is the reason when the engine answered that the call itself failed. */
export function engineError(facts: { thrown: unknown; what: string; fallback: ReasonCode; timedOut: boolean }): EngineError {
  const { thrown, what, fallback, timedOut } = facts;
  if (thrown instanceof EngineError) return thrown;
  const fault = thrown as Thrown;
  const text = oneLine(fault.json?.message ?? fault.message ?? String(thrown));
  const facts_ = { cause: thrown };
  if (timedOut)
    return new EngineError({ ...facts_, reason: "engine_stuck", message: `the engine did not answer in time: ${what}` });
  if (fault.code !== undefined && connectionFaults.includes(fault.code)) {
    return new EngineError({ ...facts_, reason: "engine_down", message: `the engine does not answer: ${text}` });
  }
  if (fault.statusCode === 404) return new EngineError({ ...facts_, reason: fallback, message: text, gone: true });
  if (fault.statusCode === 409) return new EngineError({ ...facts_, reason: fallback, message: text, conflict: true });
  return new EngineError({ ...facts_, reason: callReason(text, fallback), message: text });
}

function callReason(text: string, fallback: ReasonCode): ReasonCode {
  if (/no space left on device/i.test(text)) return "disk_full";
  if (/address already in use|port is already allocated/i.test(text)) return "port_in_use";
  return fallback;
}

/** The engine's messages span lines and carry quoted escapes; people read one line. */
function oneLine(text: string): string {
  const line = text
    .replace(/^\(HTTP code \d+\) [^-]*- /, "")
    .replace(/\s+/g, " ")
    .trim();
  return line.length > 400 ? `${line.slice(0, 399)}…` : line;
}
