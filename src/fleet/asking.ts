/**
 * Questions over one connection, the same on both ends. An answer comes in pieces, so that it may be long, or go on until
 * the asker has enough. Whatever ends the connection ends every question on it; nobody asks again by himself.
 */
import type { Clock, Log } from "../app/ports.ts";
import { type Answerer, type Ask, AskError } from "../core/ask.ts";
import { isReasonCode } from "../core/reasons.ts";
import type { AskMessage } from "./ask-shape.ts";

export type Asking = {
  /** Rejects with AskError. Resolves when all is told, and when the asker's signal aborts. */
  ask(order: Ask): Promise<void>;
  hear(message: AskMessage): void;
  /** The connection is gone. */
  end(): void;
};

export type Answerers = Readonly<Record<string, Answerer>>;

/** Of one peer: nobody makes the other one busy without end. */
const mostAtOnce = 32;
/** Of one message: reports and orders of the same connection must not wait long behind it. */
const mostBytes = 128 * 1024;
const longestText = 1_000;

type Pending = { readonly onPiece: Ask["onPiece"]; readonly settle: (error: AskError | null) => void };

export function createAsking(parts: {
  /** Resolves when the message has left this process, rejects when it never will. */
  readonly send: (text: string) => Promise<void>;
  readonly peerCan: readonly string[];
  readonly answerers: Answerers;
  readonly clock: Clock;
  readonly log: Log;
}): Asking {
  const { peerCan, answerers, clock, log } = parts;
  const asked = new Map<number, Pending>();
  const answering = new Map<number, AbortController>();
  let newest = 0;
  let isOver = false;

  async function send(message: AskMessage): Promise<void> {
    const text = JSON.stringify(message);
    if (Buffer.byteLength(text) > mostBytes) throw new AskError("overloaded", `more than ${mostBytes / 1024} KiB at once`);
    await parts.send(text);
  }

  /** One that cannot be sent means that the connection ends, and every question with it. */
  function say(message: AskMessage): void {
    send(message).catch(() => undefined);
  }

  async function ask({ what, body, onPiece, signal, deadlineMs }: Ask): Promise<void> {
    if (isOver) throw connectionEnded();
    if (!peerCan.includes(what)) throw new AskError("incompatible_agent", `the other side cannot answer "${what}"`);
    if (asked.size >= mostAtOnce) throw tooMany();
    if (signal.aborted) return;
    newest += 1;
    const id = newest;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const settle = (error: AskError | null) => (error === null ? resolve() : reject(error));
    const leave = (error: AskError | null) => {
      if (asked.delete(id)) say({ type: "enough", id });
      settle(error);
    };
    const enough = () => leave(null);
    const late = () => leave(new AskError("host_lost", `no answer within ${Math.round((deadlineMs ?? 0) / 1000)} s`));
    const cancel = deadlineMs === null ? () => undefined : clock.wakeAt(clock.now() + deadlineMs, late);
    signal.addEventListener("abort", enough, { once: true });
    asked.set(id, { onPiece, settle });
    try {
      await Promise.all([promise, send({ type: "ask", id, what, body: { ...body } }).catch((error) => leave(asAskError(error)))]);
    } finally {
      cancel();
      signal.removeEventListener("abort", enough);
      asked.delete(id);
    }
  }

  async function answer({ id, what, body }: Extract<AskMessage, { type: "ask" }>): Promise<void> {
    const refuse = (error: unknown) => {
      const { reason, message } = asAskError(error);
      say({ type: "answer", id, refused: { reason, text: message.slice(0, longestText) } });
    };
    const answerer = Object.hasOwn(answerers, what) ? answerers[what] : undefined;
    if (answerer === undefined) return refuse(new AskError("incompatible_agent", `"${what}" is not known here`));
    if (answering.has(id) || answering.size >= mostAtOnce) return refuse(tooMany());
    const over = new AbortController();
    answering.set(id, over);
    const tell = async (piece: object) => {
      if (!over.signal.aborted) await send({ type: "answer", id, body: { ...piece } });
    };
    try {
      await answerer({ body, tell, signal: over.signal });
      if (!over.signal.aborted) say({ type: "answer", id, done: true });
    } catch (error) {
      if (over.signal.aborted) return;
      if (!isKnown(error))
        log.error({ what, error: String((error as Error)?.stack ?? error) }, "a question could not be answered");
      refuse(error);
    } finally {
      // The next question may have the same number only if the other side counts wrongly.
      answering.delete(id);
    }
  }

  function hearAnswer({ id, body, done, refused }: Extract<AskMessage, { type: "answer" }>): void {
    const pending = asked.get(id);
    if (pending === undefined) return;
    try {
      if (body !== undefined) pending.onPiece(body);
    } catch (error) {
      asked.delete(id);
      say({ type: "enough", id });
      pending.settle(asAskError(error));
      return;
    }
    if (refused !== undefined) {
      const reason = isReasonCode(refused.reason) ? refused.reason : "internal";
      pending.settle(new AskError(reason, refused.text));
    } else if (done === true) pending.settle(null);
  }

  return {
    ask,
    hear(message) {
      switch (message.type) {
        case "ask":
          void answer(message);
          return;
        case "answer":
          hearAnswer(message);
          return;
        case "enough":
          answering.get(message.id)?.abort();
          return;
      }
    },
    end() {
      isOver = true;
      for (const over of answering.values()) over.abort();
      for (const { settle } of [...asked.values()]) settle(connectionEnded());
      asked.clear();
    },
  };
}

function connectionEnded(): AskError {
  return new AskError("host_lost", "the connection ended");
}

function tooMany(): AskError {
  return new AskError("overloaded", `${mostAtOnce} questions are being answered already`);
}

type Known = { readonly reason: AskError["reason"]; readonly message: string };

/** An AskError, or the error of an engine: what a person can do something about. */
function isKnown(error: unknown): error is Known {
  const { reason, message } = (error ?? {}) as { reason?: unknown; message?: unknown };
  return typeof reason === "string" && isReasonCode(reason) && typeof message === "string";
}

function asAskError(error: unknown): AskError {
  if (error instanceof AskError) return error;
  return isKnown(error) ? new AskError(error.reason, error.message) : new AskError("internal", "a fault; its log says more");
}
