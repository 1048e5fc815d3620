/** A channel as a test reads it: messages, threads, a transcript, and waiting for something to appear. */
import { seen } from "./render.ts";
import type { SlackState } from "./state.ts";
import type { Channel, SeenMessage, StoredMessage } from "./types.ts";

const DEFAULT_TIMEOUT_MS = 5_000;

export type Wanted = string | RegExp | ((message: SeenMessage) => boolean);

export class ChannelView {
  readonly #state: SlackState;
  readonly #channel: Channel;

  constructor(facts: { state: SlackState; channel: Channel }) {
    this.#state = facts.state;
    this.#channel = facts.channel;
  }

  get id(): string {
    return this.#channel.id;
  }

  get name(): string {
    return this.#channel.name;
  }

  /** What everybody sees, oldest first, without what is only in threads. */
  messages(): SeenMessage[] {
    return this.#public((message) => message.threadTs === null || message.broadcast);
  }

  /** A message and its replies. */
  thread(ts: string): SeenMessage[] {
    return this.#public((message) => message.ts === ts || message.threadTs === ts);
  }

  /** The newest of `messages()`. */
  latest(): SeenMessage {
    const latest = this.messages().at(-1);
    if (latest === undefined) throw new Error(`nobody has written in #${this.name} yet`);
    return latest;
  }

  /** Everything said here in order, threads under their message, with whom a private answer was for. */
  transcript(): string {
    const all = this.#state.messages.filter((message) => message.channel === this.#channel.id);
    const lines = all
      .filter((message) => message.threadTs === null)
      .flatMap((message) => [
        this.#line(message, ""),
        ...all.filter((reply) => reply.threadTs === message.ts).map((reply) => this.#line(reply, "  ↳ ")),
      ]);
    return lines.join("\n");
  }

  /**
   * The newest message (public, private or in a thread) that fits, as soon as there is one. A text or pattern is looked for in what the app and
   * Slack say, not in what people say; a function sees everything. `after`: only messages with a later ts. Rejects with the transcript.
   */
  async waitFor(wanted: Wanted, options: { timeoutMs?: number; after?: string } = {}): Promise<SeenMessage> {
    const find = () => this.#find(wanted, options.after);
    const already = find();
    if (already !== undefined) return already;
    return await new Promise((resolve, reject) => {
      const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
      const timer = setTimeout(() => {
        stop();
        reject(
          new Error(
            `nothing in #${this.name} matched ${String(wanted)} within ${timeoutMs} ms. Transcript:\n${this.transcript()}`,
          ),
        );
      }, timeoutMs);
      const stop = this.#state.onChange(() => {
        const found = find();
        if (found === undefined) return;
        stop();
        clearTimeout(timer);
        resolve(found);
      });
    });
  }

  #find(wanted: Wanted, after: string | undefined): SeenMessage | undefined {
    return this.#state.messages
      .filter((message) => message.channel === this.#channel.id && message.kind === "message")
      .filter((message) => after === undefined || message.ts > after)
      .filter((message) => typeof wanted === "function" || !this.#isPerson(message.user))
      .map((message) => seen(message, this.#state))
      .findLast((message) => matches(message, wanted));
  }

  #isPerson(userId: string): boolean {
    return this.#state.users.get(userId)?.isBot === false;
  }

  #public(keep: (message: StoredMessage) => boolean): SeenMessage[] {
    return this.#state.messages
      .filter((message) => message.channel === this.#channel.id && message.ephemeralTo === null && message.kind === "message")
      .filter(keep)
      .map((message) => seen(message, this.#state));
  }

  #line(message: StoredMessage, indent: string): string {
    const shown = seen(message, this.#state);
    const privately = shown.ephemeralTo === undefined ? "" : `(only ${shown.ephemeralTo} sees) `;
    const [first = "", ...rest] = shown.rendered.split("\n");
    const margin = " ".repeat(indent.length + 4);
    return [`${indent}${privately}${shown.user}: ${first}`, ...rest.map((line) => `${margin}${line}`)].join("\n");
  }
}

function matches(message: SeenMessage, wanted: Wanted): boolean {
  if (typeof wanted === "function") return wanted(message);
  const texts = [message.rendered, message.text];
  if (typeof wanted === "string") return texts.some((text) => text.includes(wanted));
  // A sticky or global pattern would remember where it stopped.
  const pattern = new RegExp(wanted.source, wanted.flags.replace(/[gy]/g, ""));
  return texts.some((text) => pattern.test(text));
}
