/** Translates what Octokit throws into what the application understands. */
import { OutsideError } from "../app/ports.ts";
import { redact } from "../core/redact.ts";

type HttpFailure = Error & {
  readonly status: number;
  readonly response?: { readonly headers: Readonly<Record<string, string | number | undefined>>; readonly data?: unknown };
};

function isHttpFailure(error: unknown): error is HttpFailure {
  return error instanceof Error && "status" in error && typeof error.status === "number";
}

/** The answer's status, or null when there was no answer. Octokit reports a dead connection as 500 without a response. */
export function statusOf(error: unknown): number | null {
  return isHttpFailure(error) && error.response !== undefined ? error.status : null;
}

/** True for "there is no such thing": 404, and the 409 and 422 that some routes give instead. */
export function isMissing(error: unknown): boolean {
  const status = statusOf(error);
  return status === 404 || status === 409 || status === 422;
}

/** Always an OutsideError. Octokit's error is not kept as the cause: it holds the request and its headers. */
export function translated(error: unknown, secrets: readonly string[]): OutsideError {
  if (error instanceof OutsideError) return error;
  const status = statusOf(error);
  const said = redact(error instanceof Error ? error.message : String(error), secrets).slice(0, 300);
  if (status === null) return new OutsideError({ reason: "github_unreachable", message: `GitHub does not answer: ${said}` });
  const limit = rateLimitOf(error as HttpFailure);
  if (limit !== null) {
    const message = `GitHub's rate limit is reached; it asks to wait ${Math.ceil(limit / 1000)} s`;
    return new OutsideError({ reason: "github_unreachable", message, retryAfterMs: limit });
  }
  const message = `GitHub answered ${status}: ${said}`;
  return new OutsideError({ reason: status === 401 || status === 403 ? "github_auth" : "github_unreachable", message });
}

/** Milliseconds to wait, or null when it is no rate limit. GitHub says 403 or 429 for both of its kinds. */
function rateLimitOf(error: HttpFailure): number | null {
  if (error.status !== 403 && error.status !== 429) return null;
  const headers = error.response?.headers ?? {};
  const retryAfterS = Number(headers["retry-after"] ?? Number.NaN);
  if (Number.isFinite(retryAfterS)) return Math.max(0, retryAfterS * 1000);
  if (String(headers["x-ratelimit-remaining"]) === "0") {
    return Math.max(1000, Number(headers["x-ratelimit-reset"] ?? 0) * 1000 - Date.now());
  }
  // Without a header GitHub's documentation asks for a minute at least.
  return error.status === 429 || /secondary rate/i.test(error.message) ? 60_000 : null;
}
