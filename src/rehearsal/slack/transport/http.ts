/** Signed HTTP delivery, as Slack does it for apps with a request URL. */
import { createHmac } from "node:crypto";
import type { RehearsalClock } from "../clock.ts";
import type { SlackState } from "../state.ts";
import type { JsonObject } from "../types.ts";
import type { Envelope, SendResult, Transport } from "./transport.ts";

/** `v0=` and the HMAC-SHA256 of `v0:{seconds}:{body}` (api.slack.com/docs/verifying-requests-from-slack). */
function signature(facts: { secret: string; seconds: number; body: string }): string {
  return `v0=${createHmac("sha256", facts.secret).update(`v0:${facts.seconds}:${facts.body}`).digest("hex")}`;
}

export class HttpTransport implements Transport {
  readonly via = "http";
  readonly #url: string;
  readonly #secret: string;
  readonly #clock: RehearsalClock;
  readonly #state: SlackState;

  constructor(facts: { url: string; secret: string; state: SlackState }) {
    this.#url = facts.url;
    this.#secret = facts.secret;
    this.#state = facts.state;
    this.#clock = facts.state.clock;
  }

  async send(envelope: Envelope, signal: AbortSignal): Promise<SendResult> {
    const { body, contentType } = encode(envelope);
    const seconds = Math.floor(this.#clock.now() / 1000);
    this.#record(envelope);
    try {
      const response = await fetch(this.#url, {
        method: "POST",
        body: Buffer.from(body),
        signal,
        headers: {
          "Content-Type": contentType,
          "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
          "X-Slack-Request-Timestamp": String(seconds),
          "X-Slack-Signature": signature({ secret: this.#secret, seconds, body }),
          ...(envelope.retryAttempt > 0
            ? { "X-Slack-Retry-Num": String(envelope.retryAttempt), "X-Slack-Retry-Reason": envelope.retryReason }
            : {}),
        },
      });
      const text = await response.text();
      if (!response.ok) {
        return { kind: "failed", reason: "http_error", noRetry: response.headers.get("x-slack-no-retry") === "1" };
      }
      const answer = decodeAnswer(text);
      this.#state.record({ kind: "ack", envelopeId: envelope.id, payload: answer, late: signal.aborted });
      return { kind: "answered", answer };
    } catch {
      return { kind: "failed", reason: "connection_failed", noRetry: false };
    }
  }

  #record(envelope: Envelope): void {
    this.#state.record({
      kind: "envelope",
      via: "http",
      envelopeId: envelope.id,
      type: envelope.type,
      payload: envelope.payload,
      attempt: envelope.retryAttempt,
      connection: null,
    });
  }
}

/** Commands are form fields, interactions a form with one JSON field, events JSON. Never a charset: Bolt compares exactly. */
function encode(envelope: Envelope): { body: string; contentType: string } {
  switch (envelope.type) {
    case "slash_commands":
      return {
        body: new URLSearchParams(textFields(envelope.payload)).toString(),
        contentType: "application/x-www-form-urlencoded",
      };
    case "interactive":
      return {
        body: new URLSearchParams({ payload: JSON.stringify(envelope.payload) }).toString(),
        contentType: "application/x-www-form-urlencoded",
      };
    case "events_api":
      return { body: JSON.stringify(envelope.payload), contentType: "application/json" };
  }
}

function textFields(payload: JsonObject): Record<string, string> {
  return Object.fromEntries(Object.entries(payload).map(([key, value]) => [key, String(value)]));
}

function decodeAnswer(text: string): JsonObject {
  if (text.trim() === "") return {};
  try {
    const parsed: unknown = JSON.parse(text);
    return typeof parsed === "object" && parsed !== null ? (parsed as JsonObject) : { text };
  } catch {
    return { text };
  }
}
