/** The server is killed while hosts go back, and while one gets lost. */
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
  seed: 300,
  rounds: [
    "host_restored.before_commit",
    "host_restored.after_commit 2",
    hostIsLost("before"),
    "goal.before_send 3",
    "report.after_commit 2",
    hostIsLost("after"),
    "host_restored.after_commit",
  ],
});
