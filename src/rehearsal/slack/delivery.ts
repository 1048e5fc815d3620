/**
 * Brings what people do to the app and waits at most 3 s for its acknowledgement. Commands and interactions are tried once, and their
 * person sees a failure. Events are tried again: at once, after one minute, after five, under the same envelope and event ids.
 */
import type { SlackState } from "./state.ts";
import type { Envelope, SendResult, Transport } from "./transport/transport.ts";
import type { DeliveryError, EnvelopeType, JsonObject } from "./types.ts";

const ACK_DEADLINE_MS = 3_000;
const EVENT_RETRY_DELAYS_MS = [0, 60_000, 300_000] as const;

export type Outcome =
  | { readonly kind: "acked"; readonly answer: JsonObject }
  | { readonly kind: "failed"; readonly error: DeliveryError; readonly reason: string; readonly noRetry: boolean };

export class Delivery {
  readonly #state: SlackState;
  readonly #cancels = new Set<() => void>();
  #transport: Transport;
  #last: Envelope | null = null;

  constructor(facts: { state: SlackState; transport: Transport }) {
    this.#state = facts.state;
    this.#transport = facts.transport;
  }

  setTransport(transport: Transport): void {
    this.#transport = transport;
  }

  /** A command or an interaction. Resolves when the app answered or the deadline passed; never rejects. */
  async deliver(type: Exclude<EnvelopeType, "events_api">, payload: JsonObject): Promise<Outcome> {
    return await this.#attempt(this.#envelope(type, payload));
  }

  /** An event. Resolves after the first attempt; the others follow on the clock. */
  async event(payload: JsonObject): Promise<Outcome> {
    const envelope = this.#envelope("events_api", payload);
    const outcome = await this.#attempt(envelope);
    this.#retryLater({ envelope, outcome, attempt: 1 });
    return outcome;
  }

  /** Sends the newest envelope once more, with the same id, as Slack does when it missed an ack. */
  async redeliverLast(): Promise<Outcome> {
    if (this.#last === null) throw new Error("nothing was delivered yet, so there is nothing to redeliver");
    return await this.#attempt(this.#last);
  }

  stop(): void {
    for (const cancel of [...this.#cancels]) cancel();
    this.#cancels.clear();
  }

  #envelope(type: EnvelopeType, payload: JsonObject): Envelope {
    const envelope: Envelope = {
      id: this.#state.ids.uuid(),
      type,
      payload,
      acceptsResponse: type !== "events_api",
      retryAttempt: 0,
      retryReason: "",
    };
    this.#last = envelope;
    return envelope;
  }

  async #attempt(envelope: Envelope): Promise<Outcome> {
    const abort = new AbortController();
    const deadline = this.#deadline();
    const result = await Promise.race([this.#transport.send(envelope, abort.signal), deadline.passed]);
    deadline.cancel();
    abort.abort();
    const outcome = outcomeOf(result, this.#transport.via);
    if (outcome.kind === "failed") this.#state.record({ kind: "undelivered", envelopeId: envelope.id, error: outcome.error });
    return outcome;
  }

  /** Ends early, as passed, when the workspace stops. */
  #deadline(): { passed: Promise<"timeout">; cancel: () => void } {
    let finish: () => void = () => {};
    const passed = new Promise<"timeout">((resolve) => {
      finish = () => resolve("timeout");
    });
    const cancelTimer = this.#state.clock.after(ACK_DEADLINE_MS, finish);
    const stopped = () => {
      cancelTimer();
      finish();
    };
    this.#cancels.add(stopped);
    const cancel = () => {
      cancelTimer();
      this.#cancels.delete(stopped);
    };
    return { passed, cancel };
  }

  #retryLater(facts: { envelope: Envelope; outcome: Outcome; attempt: number }): void {
    const delayMs = EVENT_RETRY_DELAYS_MS[facts.attempt - 1];
    if (facts.outcome.kind === "acked" || facts.outcome.noRetry || delayMs === undefined) return;
    const retry: Envelope = { ...facts.envelope, retryAttempt: facts.attempt, retryReason: facts.outcome.reason };
    const cancel = this.#state.clock.after(delayMs, () => {
      this.#cancels.delete(cancel);
      void this.#attempt(retry).then((outcome) => this.#retryLater({ envelope: retry, outcome, attempt: facts.attempt + 1 }));
    });
    this.#cancels.add(cancel);
  }
}

function outcomeOf(result: SendResult | "timeout", via: Transport["via"]): Outcome {
  if (result === "timeout") {
    return { kind: "failed", error: "operation_timeout", reason: via === "http" ? "http_timeout" : "timeout", noRetry: false };
  }
  if (result.kind === "answered") return { kind: "acked", answer: result.answer };
  const reason = result.reason === "no_connection" ? "connection_failed" : result.reason;
  return { kind: "failed", error: "dispatch_failed", reason, noRetry: result.noRetry };
}
