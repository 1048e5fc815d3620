/** What can go wrong with Slack, switched on by a test or by the person who rehearses. */
import type { Delivery, Outcome } from "./delivery.ts";
import type { DisconnectReason, SocketHub } from "./transport/socket.ts";

/** One thing that goes wrong with the next calls of a method. */
export type Failure = {
  /** Answer with this HTTP status instead of doing anything (5xx). */
  readonly status?: number;
  /** Answer `{ok: false, error}` instead of doing anything. */
  readonly error?: string;
  /** Cut the connection before doing anything. */
  readonly drop?: boolean;
  /** Do it, then cut the connection: the caller cannot know. */
  readonly lostResponse?: boolean;
  /** Do it, then answer this much later. */
  readonly delayMs?: number;
  /** Seconds in `Retry-After` of a 429. */
  readonly retryAfterS?: number;
  /** How many calls fail; default 1. */
  readonly times?: number;
};

export class Faults {
  readonly #hub: SocketHub;
  readonly #delivery: Delivery;
  readonly #failures: { method: string; failure: Failure; left: number }[] = [];
  #botError: string | null = null;
  #appError: string | null = null;
  #refusing = false;
  #blackhole = false;
  readonly #onBlackholeEnd: () => void;

  constructor(facts: { hub: SocketHub; delivery: Delivery; onBlackholeEnd: () => void }) {
    this.#hub = facts.hub;
    this.#delivery = facts.delivery;
    this.#onBlackholeEnd = facts.onBlackholeEnd;
  }

  /** Every call with the bot token fails from now on (`token_revoked`, `invalid_auth`, `account_inactive`). */
  revokeBotToken(error = "token_revoked"): void {
    this.#botError = error;
  }

  /** `apps.connections.open` fails from now on; open connections stay. */
  revokeAppToken(error = "invalid_auth"): void {
    this.#appError = error;
  }

  restoreTokens(): void {
    this.#botError = null;
    this.#appError = null;
  }

  /** `method` is a Web API method or `*`. Failures queue up behind earlier ones of the same method. */
  failNext(method: string, failure: Failure): void {
    this.#failures.push({ method, failure, left: failure.times ?? 1 });
  }

  /** The next call of the method is answered 429. */
  rateLimit(method: string, retryAfterS: number): void {
    this.failNext(method, { status: 429, retryAfterS });
  }

  /** Tells open connections to go. `count`: only that many, the oldest first. */
  disconnectSockets(reason: DisconnectReason = "refresh_requested", count?: number): void {
    this.#hub.disconnect(reason, count);
  }

  /** Cuts open connections without a word. */
  killSockets(): void {
    this.#hub.kill();
  }

  /** No new Socket Mode connections (`apps.connections.open` answers 503); open ones stay. */
  refuseConnections(refuse: boolean): void {
    this.#refusing = refuse;
  }

  /** Slack takes everything and answers nothing: no API answers, no envelopes, no pongs. */
  blackhole(on: boolean): void {
    this.#blackhole = on;
    this.#hub.blackhole = on;
    if (!on) this.#onBlackholeEnd();
  }

  /** Sends the newest envelope again, with the same id. */
  async redeliverLast(): Promise<Outcome> {
    return await this.#delivery.redeliverLast();
  }

  /** Ends all faults. */
  clear(): void {
    this.restoreTokens();
    this.#failures.length = 0;
    this.refuseConnections(false);
    this.blackhole(false);
  }

  get refusing(): boolean {
    return this.#refusing;
  }

  get isBlackhole(): boolean {
    return this.#blackhole;
  }

  tokenError(kind: "bot" | "app"): string | null {
    return kind === "bot" ? this.#botError : this.#appError;
  }

  /** The failure that the next call of `method` meets, taken from the queue. */
  take(method: string): Failure | null {
    const index = this.#failures.findIndex((entry) => entry.method === method || entry.method === "*");
    const entry = this.#failures[index];
    if (entry === undefined) return null;
    entry.left -= 1;
    if (entry.left <= 0) this.#failures.splice(index, 1);
    return entry.failure;
  }
}
