/** `secrets`: an agent that creates a container asks its server for the value of one secret. Never in a picture, never logged. */
import { z } from "zod";
import { type Ask, AskError, type Question } from "../core/ask.ts";
import { count, name } from "./container-shape.ts";

export const secretsWord = "secrets";

const question = z.object({ service: name, environment: name, release: count, name });
/** Base64 of at most 64 KiB. */
const piece = z.object({ value: z.base64().max(90_000) });

export type SecretQuestion = z.infer<typeof question>;

/** The server's end. */
export function answerSecrets(
  valueFor: (host: string, order: SecretQuestion) => Promise<Uint8Array>,
): (host: string, asked: Question) => Promise<void> {
  return async (host, asked) => {
    const order = question.safeParse(asked.body);
    if (!order.success) throw new AskError("internal", "the question for a secret is not understood");
    const bytes = await valueFor(host, order.data);
    await asked.tell({ value: Buffer.from(bytes).toString("base64") });
  };
}

/** A command of the server's may take ten seconds. */
const deadlineMs = 20_000;

/** The agent's end. Rejects with AskError. */
export async function askForSecret(ask: (order: Ask) => Promise<void>, order: SecretQuestion): Promise<Uint8Array> {
  let value: string | null = null;
  const onPiece = (body: unknown) => {
    value = piece.parse(body).value;
  };
  await ask({ what: secretsWord, body: order, onPiece, signal: new AbortController().signal, deadlineMs });
  if (value === null) throw new AskError("host_lost", "the server gave no answer");
  return Buffer.from(value, "base64");
}
