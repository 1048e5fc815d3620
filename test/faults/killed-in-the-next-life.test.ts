/** The server is killed again by what an earlier kill left to do at the start. */
import { isDead, killRounds, type Round } from "./kit/kill-rounds.ts";

/** Killed, and killed again by what the first kill left to do. */
const inTheNextLife = (point: string): Round => ({
  name: `at ${point}, in a life that begins with what an earlier one accepted`,
  async dies(stage) {
    stage.failAt("inbox.after_ack");
    // Questions among them: what is asked is answered by direct message then.
    const zed = stage.slack.as("zed");
    const asked = Array.from({ length: 6 }, () => zed.says("/gantry status"));
    await Promise.all([isDead(stage, "inbox.after_ack"), ...asked]);
    stage.launch({ failpoint: point });
    await isDead(stage, point);
  },
});

killRounds({
  seed: 450,
  rounds: [
    inTheNextLife("outbox.answer.after_claim"),
    inTheNextLife("outbox.answer.before_mark"),
    inTheNextLife("checkpoint.before"),
    inTheNextLife("checkpoint.before_mark"),
    inTheNextLife("lock.after_acquire"),
  ],
});
