/** The server is killed while hosts swap, soak, go back and get lost. */
import { diesAt, killRounds, type Round } from "./kit/kill-rounds.ts";

/** A host that stands in mid-swap with its cable out is lost in the end; all is well again with it when the server is dead. */
const hostIsLost = (when: "before" | "after"): Round => ({
  name: `${when} the loss of a host is committed`,
  async dies(stage) {
    const { relay, holdSwap } = stage.host("prod-1");
    const swap = holdSwap();
    try {
      await swap.stands;
      relay.cut();
      await diesAt(stage, `host_overdue.${when}_commit`);
    } finally {
      relay.mend();
      swap.goOn();
    }
  },
});

killRounds({
  seed: 200,
  rounds: [
    "image_present.before_commit",
    "image_present.after_commit",
    "goal.before_send",
    "report.after_commit",
    "host_swapped.before_commit",
    "host_swapped.after_commit",
    hostIsLost("before"),
    "soaked.before_commit",
    "soaked.after_commit",
    "host_restored.before_commit",
    "host_restored.after_commit",
    hostIsLost("after"),
    "snapshot.mid",
    "goal.before_send",
    "report.after_commit",
  ],
});
