/** Work that never ends must not hold what waits behind it for ever. */
import type { Clock } from "./ports.ts";

/** It may still come to an end; nobody waits for that any more. */
export class LeaseEnded extends Error {
  override readonly name = "LeaseEnded";
}

/** What the work gives, or LeaseEnded once that much time has passed. However it ends after that is ignored. */
export async function withinLease<T>(clock: Clock, leaseMs: number, work: Promise<T>): Promise<T> {
  const over = Promise.withResolvers<never>();
  const cancel = clock.wakeAt(clock.now() + leaseMs, () => over.reject(new LeaseEnded(`no end after ${leaseMs / 60_000} min`)));
  try {
    return await Promise.race([work, over.promise]);
  } finally {
    cancel();
  }
}
