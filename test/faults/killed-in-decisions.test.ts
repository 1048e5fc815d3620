/** The server is killed while people decide: approve, reject, go back. */
import { anyMoment, killRounds } from "./kit/kill-rounds.ts";

killRounds({
  seed: 100,
  rounds: [
    "approved.before_commit",
    "approved.after_commit 2",
    "rejected.before_commit",
    anyMoment(90),
    "cancelled.before_commit",
    "rejected.after_commit",
    "cancelled.after_commit",
    "approved.after_commit",
    "snapshot.mid 4",
    anyMoment(20),
  ],
});
