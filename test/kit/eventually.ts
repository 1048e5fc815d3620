import { setTimeout as sleep } from "node:timers/promises";

/**
 * Tries until the attempt neither throws nor rejects, and returns what it gave; past `deadlineMs` the last failure is
 * thrown. For what cannot be awaited because it happens outside this process. An attempt that takes long is followed by a pause as
 * long, up to a quarter of a second: what is waited for needs the machine too.
 */
export async function eventually<T>(attempt: () => T | Promise<T>, deadlineMs = 10_000): Promise<T> {
  const deadlineAt = performance.now() + deadlineMs;
  for (;;) {
    const begunAt = performance.now();
    try {
      return await attempt();
    } catch (error) {
      if (performance.now() > deadlineAt) throw error;
      await sleep(Math.min(250, Math.max(10, performance.now() - begunAt)));
    }
  }
}
