/**
 * One HTTP exchange with deadlines. A request may stall for `stallMs` (no connection, no headers, no further byte) and may
 * take until `deadlineAt` in all, tries and waits included.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { Agent, request } from "undici";
import { OutsideError } from "../app/ports.ts";

export type Answer = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: Buffer;
};

export type Ask = {
  readonly method: "GET" | "HEAD" | "POST" | "PUT";
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** On the clock of `performance.now()`, which never jumps. */
  readonly deadlineAt: number;
};

/** An OutsideError of the registry itself, so that the caller may try a mirror. */
export function unreachable(message: string, options: { cause?: unknown; retryAfterMs?: number } = {}): OutsideError {
  return new OutsideError({ reason: "registry_unreachable", message, ...options });
}

const maxBodyBytes = 8 * 1024 * 1024;
const waitsMs = [150, 450];

/** Keeps connections open between calls: a digest is looked up while a person waits. */
export class Wire {
  private readonly agent: Agent;

  constructor(options: { stallMs: number }) {
    const { stallMs } = options;
    const pool = { keepAliveTimeout: 60_000, keepAliveMaxTimeout: 300_000, connections: 8 };
    this.agent = new Agent({ ...pool, connect: { timeout: stallMs }, headersTimeout: stallMs, bodyTimeout: stallMs });
  }

  /** Any answer but 429 and 5xx, which are tried again a little. Rejects with OutsideError `registry_unreachable`. */
  async ask(ask: Ask): Promise<Answer> {
    for (let attempt = 0; ; attempt++) {
      const waitMs = waitsMs[attempt];
      const answer = await this.askAcrossClosedSocket(ask);
      if (answer.status !== 429 && answer.status < 500) return answer;
      const retryAfterMs = retryAfter(answer.headers["retry-after"]);
      const nextMs = Math.max(waitMs ?? 0, retryAfterMs ?? 0);
      if (waitMs === undefined || performance.now() + nextMs >= ask.deadlineAt) throw busy(ask, answer.status, retryAfterMs);
      await sleep(nextMs);
    }
  }

  /** A kept connection may have been closed by the server just now: that says nothing about the next one. */
  private async askAcrossClosedSocket(ask: Ask): Promise<Answer> {
    try {
      return await this.askOnce(ask);
    } catch (error) {
      if (!["UND_ERR_SOCKET", "ECONNRESET", "EPIPE"].includes(codeOf(error))) throw failed(ask, error);
      return await this.askOnce(ask).catch((again) => Promise.reject(failed(ask, again)));
    }
  }

  private async askOnce(ask: Ask): Promise<Answer> {
    const leftMs = Math.max(1, Math.ceil(ask.deadlineAt - performance.now()));
    const signal = AbortSignal.timeout(leftMs);
    const { method, url, headers } = ask;
    // undici closes the connection after each HEAD unless told not to: each digest would pay for a new one.
    const options = { method, headers, body: ask.body ?? null, dispatcher: this.agent, signal, reset: false };
    const answer = await request(url, options);
    const chunks: Buffer[] = [];
    let bytes = 0;
    for await (const chunk of answer.body) {
      bytes += (chunk as Buffer).length;
      if (bytes > maxBodyBytes) throw new RangeError("the answer is larger than 8 MiB");
      chunks.push(chunk as Buffer);
    }
    const single = Object.entries(answer.headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(", ") : value]);
    return { status: answer.statusCode, headers: Object.fromEntries(single), body: Buffer.concat(chunks) };
  }

  async close(): Promise<void> {
    await this.agent.destroy();
  }
}

function codeOf(error: unknown): string {
  const { code, name, cause } = error as { code?: unknown; name?: string; cause?: unknown };
  if (typeof code === "string") return code;
  return cause === undefined ? (name ?? "unknown") : codeOf(cause);
}

function failed(ask: Ask, error: unknown): OutsideError {
  const { host } = new URL(ask.url);
  const code = codeOf(error);
  switch (code) {
    case "UND_ERR_CONNECT_TIMEOUT":
    case "UND_ERR_HEADERS_TIMEOUT":
    case "UND_ERR_BODY_TIMEOUT":
    case "TimeoutError":
      return unreachable(`${host} did not answer in time`, { cause: error });
    case "ECONNREFUSED":
      return unreachable(`${host} refuses the connection`, { cause: error });
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return unreachable(`the name ${host} cannot be resolved`, { cause: error });
    default:
      return unreachable(`${host}: ${code === "UND_ERR_SOCKET" ? "the connection broke off" : `the call failed (${code})`}`, {
        cause: error,
      });
  }
}

function busy(ask: Ask, status: number, retryAfterMs: number | null): OutsideError {
  const what = status === 429 ? "asks for fewer calls" : "has a fault";
  return unreachable(`${new URL(ask.url).host} ${what} (HTTP ${status})`, retryAfterMs === null ? {} : { retryAfterMs });
}

/** Seconds, or a date. */
function retryAfter(header: string | undefined): number | null {
  if (header === undefined) return null;
  if (/^\d{1,6}$/.test(header)) return Number(header) * 1000;
  const at = Date.parse(header);
  return Number.isNaN(at) ? null : Math.max(0, at - Date.now());
}
