/** How clicks and commands arrive: twice, late, unacknowledged, unanswered (SL1 to SL4, SL9). */
import type { Fault } from "./fault.ts";

export const slackTrouble: Fault = {
  name: "slack_trouble",
  arm({ world, random }) {
    const { weather } = world.slack;
    Object.assign(weather, {
      duplicates: random.pick([0.05, 0.3, 0.6]),
      losesAcks: random.pick([0, 0.2]),
      losesAnswers: random.pick([0, 0.1]),
      slowestMs: random.pick([400, 5_000]),
    });
    return () => Object.assign(weather, { duplicates: 0, losesAcks: 0, losesAnswers: 0, slowestMs: 400 });
  },
};
