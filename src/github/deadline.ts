/** A time limit over a whole piece of work: requests, retries and waits for a rate limit together. */
import { OutsideError } from "../app/ports.ts";

export type Deadline = {
  /** Aborts the request in flight. */
  readonly signal: AbortSignal;
  remainingMs(): number;
};

/**
 * Runs the work and rejects with `github_unreachable` when it is not done in time. The race is needed besides the signal,
 * because Octokit's plugins queue and wait without looking at it.
 */
export async function withDeadline<T>(timeoutMs: number, work: (deadline: Deadline) => Promise<T>): Promise<T> {
  const startedAt = performance.now();
  const controller = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(new OutsideError({ reason: "github_unreachable", message: `GitHub did not answer within ${timeoutMs} ms` }));
      controller.abort();
    }, timeoutMs);
  });
  const deadline = { signal: controller.signal, remainingMs: () => timeoutMs - (performance.now() - startedAt) };
  try {
    return await Promise.race([work(deadline), late]);
  } finally {
    clearTimeout(timer);
  }
}
