/** Questions over a connection that both ends use: each side may ask what the other side said that it can answer. */
import type { ReasonCode } from "./reasons.ts";

/** A question was not answered: refused by the other side, or there is nobody to ask. */
export class AskError extends Error {
  readonly reason: ReasonCode;
  constructor(reason: ReasonCode, message: string) {
    super(message);
    this.name = "AskError";
    this.reason = reason;
  }
}

/** What is asked. It ends when `signal` aborts, after `deadlineMs`, with the connection, or when the other side is done. */
export type Ask = {
  /** One of the words that the other side's introduction names. */
  readonly what: string;
  readonly body: object;
  /** Every piece of the answer, as it came: whoever asks checks its shape. */
  readonly onPiece: (piece: unknown) => void;
  readonly signal: AbortSignal;
  /** null: as long as it takes. */
  readonly deadlineMs: number | null;
};

/** A question as it came. `signal` aborts when nobody waits for the answer any more. */
export type Question = {
  readonly body: unknown;
  /** Sends a piece; resolves when it has left this process, so that whoever waits for it does not pile up what nobody takes. */
  tell(piece: object): Promise<void>;
  readonly signal: AbortSignal;
};

/** Resolves when all was told. Rejects with what has a `reason` and a `message`, both of which the asker is told. */
export type Answerer = (question: Question) => Promise<void>;
