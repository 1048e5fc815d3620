import { setTimeout as sleep } from "node:timers/promises";

/**
 * Tries until the attempt neither throws nor rejects, and returns what it gave; past `deadlineMs` the last failure is
 * thrown. For what cannot be awaited because it happens outside this process.
 */
export async function eventually<T>(attempt: () => T | Promise<T>, deadlineMs = 10_000): Promise<T> {
  const deadlineAt = performance.now() + deadlineMs;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (performance.now() > deadlineAt) throw error;
      await sleep(10);
    }
  }
}
