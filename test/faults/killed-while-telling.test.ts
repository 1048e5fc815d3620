/** The server is killed while it tells the outside what happened. */
import { isDead, killRounds, type Round } from "./kit/kill-rounds.ts";

/** Killed, and killed again by what the first kill left to do. */
const inTheNextLife = (point: string): Round => ({
  name: `at ${point} of what an earlier life accepted`,
  async dies(stage) {
    stage.failAt("inbox.after_ack");
    await isDead(stage, "inbox.after_ack");
    stage.launch({ failpoint: point });
    await isDead(stage, point);
  },
});

killRounds({
  seed: 400,
  rounds: [
    "outbox.card.after_claim 3",
    "outbox.card.before_mark 2",
    "outbox.thread.after_claim 2",
    "outbox.thread.before_mark 4",
    "outbox.notice.after_claim",
    "outbox.notice.before_mark",
    inTheNextLife("outbox.answer.after_claim"),
    inTheNextLife("outbox.answer.before_mark"),
    "outbox.change.after_claim",
    "outbox.tickets.before_mark",
  ],
});
