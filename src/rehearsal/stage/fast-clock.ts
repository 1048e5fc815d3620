/** Time that runs faster from a moment on, in whole processes: what a server allows minutes for passes in seconds. */
import type { Clock } from "../../app/ports.ts";

/** Processes that share `since` (epoch milliseconds) agree on the time, so that a server that is started again goes on in it. */
export function fastClock(facts: { readonly speed: number; readonly since: number }): Clock {
  const { speed, since } = facts;
  const now = () => Math.floor(since + (Date.now() - since) * speed);
  return {
    now,
    mono: () => performance.now() * speed,
    wakeAt(at, wake) {
      const wait = () => Math.max(0, Math.ceil((at - now()) / speed));
      const ring = () => {
        if (now() >= at) wake();
        else timer = setTimeout(ring, wait());
      };
      let timer = setTimeout(ring, wait());
      return () => clearTimeout(timer);
    },
    soon: (work) => void setImmediate(work),
  };
}
