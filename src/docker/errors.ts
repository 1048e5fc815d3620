/** Turns what the engine says into reason codes. Patterns are the words of moby and of the registries behind it. */
import type { ReasonCode } from "../core/reasons.ts";
import { EngineError } from "../host/engine.ts";
import { callReason, oneLine } from "./call-faults.ts";

/** First match wins: the more particular words stand first. */
const pullFaults: readonly (readonly [RegExp, ReasonCode])[] = [
  [/no space left on device/i, "disk_full"],
  [/no matching manifest for|does not match the specified platform/i, "wrong_platform"],
  [
    /verification failed for digest|does not match digest|digest did not match|unexpected digest|invalid tar header|gzip: invalid/i,
    "digest_mismatch",
  ],
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

/** GitHub's registry says `retry-after: 838.081µs`, others seconds; null when nothing is said. */
export function retryAfterMs(text: string): number | null {
  const [, count, unit = "s"] = /retry-after:\s*(\d+(?:\.\d+)?)(ms|µs|us|ns|s|m)?\b/i.exec(text) ?? [];
  if (count === undefined) return null;
  const ms = { ms: 1, µs: 0.001, us: 0.001, ns: 0.000001, s: 1_000, m: 60_000 }[unit.toLowerCase()] ?? 1_000;
  return Math.ceil(Number(count) * ms);
}

/** What a pull threw. Words of the engine that are not its own fault are the registry's. */
export function pullFault(thrown: unknown, signal: AbortSignal): EngineError {
  const fault = engineError({ thrown, what: "pull", fallback: "pull_failed", timedOut: signal.aborted });
  if (fault.reason !== "pull_failed") return fault;
  const { message } = fault;
  return new EngineError({ reason: pullReason(message), message, retryAfterMs: retryAfterMs(message), cause: thrown });
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
  const reason = callReason(text, fallback);
  // A volume's plugin that is not there is told in the same way as an image.
  if (fault.statusCode === 404 && reason !== "mount_missing")
    return new EngineError({ ...facts_, reason: fallback, message: text, gone: true });
  if (fault.statusCode === 409) return new EngineError({ ...facts_, reason: fallback, message: text, conflict: true });
  return new EngineError({ ...facts_, reason, message: text });
}
