/** Questions and answers as they travel, in both directions. What a question or a piece holds is checked by whoever knows its word. */
import { z } from "zod";
import { count, name, text } from "./container-shape.ts";

const body = z.record(z.string().max(128), z.unknown());

/** What this end can answer, or do. Words that are not known are passed over. */
export const abilities = z.exactOptional(z.array(z.string().max(64)).max(64));

export const askShapes = [
  z.object({ type: z.literal("ask"), id: count, what: name, body }),
  // The last one has `done` or `refused`.
  z.object({
    type: z.literal("answer"),
    id: count,
    body: z.exactOptional(body),
    done: z.exactOptional(z.literal(true)),
    refused: z.exactOptional(z.object({ reason: name, text })),
  }),
  // Whoever asked waits no more.
  z.object({ type: z.literal("enough"), id: count }),
] as const;

export type AskMessage = z.infer<(typeof askShapes)[number]>;
