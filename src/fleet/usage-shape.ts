/** What a host and its containers use, as it travels. */
import { z } from "zod";
import type { UsageSample } from "../core/usage.ts";
import { count, name } from "./container-shape.ts";

const amount = z.number().nonnegative();

const containerUsage = z.object({
  cpuMs: amount,
  memoryBytes: amount,
  memoryLimitBytes: amount.nullable(),
  network: z.object({ receivedBytes: amount, sentBytes: amount }).nullable(),
});

const container = z.object({
  service: name,
  environment: name,
  container: name,
  released: z.boolean(),
  release: count,
  generation: count,
  restarts: count,
  health: z.enum(["ok", "starting", "failing", "restarting", "exited"]),
  usage: containerUsage.nullable(),
  cores: amount.nullable(),
});

export const usageSample = z.object({
  machine: z.object({ cores: count, cpuMs: amount, load: amount, memoryBytes: amount, memoryTotalBytes: amount }).nullable(),
  coresInUse: amount.nullable(),
  diskFreeBytes: amount.nullable(),
  containers: z.array(container).max(2_000),
}) satisfies z.ZodType<UsageSample>;
