/** The server is killed while hosts prepare, swap and soak. */
import { killRounds } from "./kit/kill-rounds.ts";

killRounds({
  seed: 200,
  rounds: [
    "image_present.before_commit 2",
    "image_present.after_commit",
    "goal.before_send 2",
    "report.after_commit 3",
    "host_swapped.before_commit 2",
    "host_swapped.after_commit",
    "soaked.before_commit",
    "soaked.after_commit 2",
    "snapshot.mid 7",
    "goal.before_send 5",
    "report.after_commit 9",
  ],
});
