/** How containers change places, as it travels. */
import { z } from "zod";
import type { SwapSpec } from "../core/swap.ts";
import { count, name, text } from "./container-shape.ts";

const port = z.number().int().min(1).max(65_535);

export const swapShape = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("hold"), port, mostMs: count }),
  z.object({
    kind: z.literal("proxy"),
    proxy: z.object({ kind: z.literal("haproxy"), socket: text, backend: name, servers: z.tuple([name, name]) }),
    ports: z.tuple([port, port]),
    variable: name,
    drainMs: count,
  }),
  z.object({ kind: z.literal("reuse-port") }),
]) satisfies z.ZodType<SwapSpec>;
