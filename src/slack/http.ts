/**
 * HTTP mode: a guard before Bolt's own request listener. Bolt takes timestamps from the future, the same bytes twice, and refuses
 * `; charset=utf-8`; the guard checks size, time, signature and replay first and hands on only what passed.
 */
import { createHmac, timingSafeEqual } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Clock, Log } from "../app/ports.ts";

export type Guard = (request: IncomingMessage, response: ServerResponse) => void;

export const eventsPath = "/slack/events";

const mostBytes = 1024 * 1024;
const mostUnsignedBytes = 1024;
const windowS = 300;
const readTimeoutMs = 5_000;

type Refused = { readonly status: number; readonly why: string };

export function createGuard(options: {
  readonly signingSecret: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Whether requests can be served now; if not, Slack is told to come again (503). */
  readonly ready: () => boolean;
  /** Bolt's listener. The body stands in `rawBody`, where Bolt looks before it reads. */
  readonly next: (request: IncomingMessage & { rawBody: Buffer }, response: ServerResponse) => void;
}): Guard {
  const { clock, log } = options;
  const seen = createReplayCache(clock);

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    // What the machine says, and not Gantry's own time: that may still be on its way after the clock was set right.
    const early = refuseByHeaders(request, Date.now());
    if (early !== null) return refuse(response, early);
    const contentType = normalType(request);
    if (contentType === null) return refuse(response, { status: 415, why: "content type" });
    const body = await read(request);
    if (body === null) return refuse(response, { status: 413, why: "too large, or too slow" });
    // Slack's certificate check carries no signature and asks for nothing; whatever else such a body holds is not looked at.
    if (contentType === formType && new URLSearchParams(body.toString()).get("ssl_check") === "1") return answer(response, 200);
    const signature = request.headers["x-slack-signature"];
    if (typeof signature !== "string" || !isSigned(request, body, signature))
      return refuse(response, { status: 401, why: "signature" });
    if (!seen.add(signature)) return refuse(response, { status: 401, why: "replayed" });
    if (!options.ready()) return refuse(response, { status: 503, why: "the workspace is not known yet" });
    request.headers["content-type"] = contentType;
    options.next(Object.assign(request, { rawBody: body }), response);
  }

  function isSigned(request: IncomingMessage, body: Buffer, signature: string): boolean {
    const timestamp = request.headers["x-slack-request-timestamp"];
    const mac = createHmac("sha256", options.signingSecret).update(`v0:${timestamp}:`).update(body).digest("hex");
    const expected = Buffer.from(`v0=${mac}`);
    const given = Buffer.from(signature);
    return given.length === expected.length && timingSafeEqual(given, expected);
  }

  function refuse(response: ServerResponse, { status, why }: Refused): void {
    log.warn({ status, why }, "A request to the Slack address was refused");
    answer(response, status);
  }

  return (request, response) => {
    handle(request, response).catch((error: unknown) => {
      log.error({ error: String(error) }, "Handling a Slack request threw");
      if (!response.headersSent) answer(response, 500);
    });
  };
}

/** Before a byte of the body is read. */
function refuseByHeaders(request: IncomingMessage, now: number): Refused | null {
  const path = (request.url ?? "").split("?")[0];
  if (path !== eventsPath) return { status: 404, why: "path" };
  if (request.method !== "POST") return { status: 405, why: "method" };
  const length = Number(request.headers["content-length"] ?? 0);
  if (length > mostBytes) return { status: 413, why: "too large" };
  if (request.headers["x-slack-signature"] === undefined) {
    const mayBeSslCheck = request.headers["content-length"] !== undefined && length <= mostUnsignedBytes;
    return mayBeSslCheck ? null : { status: 401, why: "no signature" };
  }
  const timestamp = String(request.headers["x-slack-request-timestamp"]);
  const offS = Math.abs(now / 1_000 - Number(timestamp));
  // Number("") is 0 and NaN fails every comparison, so the shape is asked for first.
  if (!/^\d{1,12}$/.test(timestamp) || offS > windowS)
    return { status: 401, why: "timestamp: is the clock of this machine right?" };
  return null;
}

const formType = "application/x-www-form-urlencoded";

/** Exactly what Bolt compares with, or null when it is neither. Proxies like to add a charset. */
function normalType(request: IncomingMessage): string | null {
  const [, type] = /^\s*([\w/+.-]+)\s*(?:;\s*charset="?utf-8"?\s*)?$/i.exec(request.headers["content-type"] ?? "") ?? [];
  const known = [formType, "application/json"].find((each) => each === type?.toLowerCase());
  return known ?? null;
}

/** Null: more than the cap, or not there in time. */
async function read(request: IncomingMessage): Promise<Buffer | null> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  const deadline = setTimeout(() => request.destroy(), readTimeoutMs);
  try {
    // Not destroyed on return: the refusal still has to be sent.
    for await (const chunk of request.iterator({ destroyOnReturn: false })) {
      bytes += chunk.length;
      if (bytes > mostBytes) return null;
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  } catch {
    return null;
  } finally {
    clearTimeout(deadline);
  }
}

/** `add` is false when it was there already. Signatures are kept for the whole window in which their timestamp is accepted. */
function createReplayCache(clock: Clock): { add(signature: string): boolean } {
  const seen = new Map<string, number>();
  return {
    add(signature) {
      const now = clock.now();
      for (const [old, at] of seen) {
        if (now - at <= 2 * windowS * 1_000) break;
        seen.delete(old);
      }
      if (seen.has(signature)) return false;
      seen.set(signature, now);
      return true;
    },
  };
}

export function answer(response: ServerResponse, status: number): void {
  response.writeHead(status, status >= 400 ? { connection: "close" } : {}).end();
}
