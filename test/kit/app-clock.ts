import type { Clock } from "../../src/app/ports.ts";
import type { ManualClock } from "../../src/rehearsal/slack/clock.ts";

/** The application's clock, turned by the same hand as the rehearsal's. */
export function appClock(clock: ManualClock): Clock {
  return { now: () => clock.now(), wakeAt: (at, wake) => clock.after(Math.max(0, at - clock.now()), wake) };
}
