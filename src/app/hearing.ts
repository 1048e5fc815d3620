/**
 * Silence takes time to mean something. After a start, or when the process stood still, no host has had the time to be
 * heard; and a connection that broke a moment ago is most often back a moment later. Such hosts are out of service, but
 * nobody is skipped, failed or left behind for it yet.
 */
import type { Clock } from "./ports.ts";
import type { StoredHost } from "./store.ts";
import { graceMs } from "./timers.ts";

/** A break that is shorter than this is none. */
const blinkMs = 20_000;

export type Hearing = {
  /** Nobody was listened to until now. */
  begin(): void;
  /** A host's connection broke. */
  broke(): void;
  /** `patient`: a break that may be a blink is not held against the host. */
  isUnheard(host: Pick<StoredHost, "lastSeenAt">, patient: boolean): boolean;
  stop(): void;
};

/** `overdue`: silence means something now that did not before. */
export function createHearing(parts: { readonly clock: Clock; readonly overdue: () => void }): Hearing {
  const { clock } = parts;
  let since = clock.now();
  const cancels = new Map<"start" | "break", () => void>();

  function wake(name: "start" | "break", at: number): void {
    cancels.get(name)?.();
    const ring = () => {
      cancels.delete(name);
      parts.overdue();
    };
    cancels.set(name, clock.wakeAt(at, ring));
  }

  return {
    begin() {
      since = clock.now();
      wake("start", since + graceMs);
    },
    broke: () => wake("break", clock.now() + blinkMs),
    isUnheard({ lastSeenAt }, patient) {
      const now = clock.now();
      const seenAt = lastSeenAt ?? 0;
      if (seenAt < since) return now < since + graceMs;
      return patient && now < seenAt + blinkMs;
    },
    stop() {
      for (const cancel of cancels.values()) cancel();
    },
  };
}
