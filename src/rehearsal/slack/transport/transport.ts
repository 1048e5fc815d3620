/** How an envelope reaches the app. */
import type { EnvelopeType, JsonObject } from "../types.ts";

export type Envelope = {
  readonly id: string;
  readonly type: EnvelopeType;
  readonly payload: JsonObject;
  readonly acceptsResponse: boolean;
  readonly retryAttempt: number;
  readonly retryReason: string;
};

/** `answered`: the app acknowledged, with what it answered. `failed`: it could not be reached or said no. */
export type SendResult =
  | { readonly kind: "answered"; readonly answer: JsonObject }
  | { readonly kind: "failed"; readonly reason: "no_connection" | "http_error" | "connection_failed"; readonly noRetry: boolean };

export interface Transport {
  readonly via: "socket" | "http";
  /** May stay open for ever: the caller has the deadline. `signal` ends the wait. */
  send(envelope: Envelope, signal: AbortSignal): Promise<SendResult>;
}
