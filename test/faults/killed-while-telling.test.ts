/** The server is killed while it tells the outside what happened, and while it goes down in good order. */
import { isDead, killRounds, type Round } from "./kit/kill-rounds.ts";

/** Told to end, it is killed on its way down. What it declines meanwhile it says so. */
const onTheWayDown = (point: string): Round => ({
  name: `at ${point}`,
  async dies(stage, witness) {
    const { log } = stage.slack;
    stage.failAt(point);
    const from = log.length;
    stage.server().child.kill("SIGTERM");
    await isDead(stage, point);
    witness.mayDecline(from, log.length);
  },
});

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
  seed: 300,
  rounds: [
    "outbox.card.after_claim",
    "outbox.card.before_mark",
    "outbox.thread.after_claim",
    "outbox.thread.before_mark",
    "outbox.notice.after_claim",
    "outbox.notice.before_mark",
    inTheNextLife("outbox.answer.after_claim"),
    inTheNextLife("outbox.answer.before_mark"),
    onTheWayDown("shutdown.begun"),
    onTheWayDown("shutdown.conductor_stopped"),
    onTheWayDown("shutdown.outbox_stopped"),
    onTheWayDown("shutdown.slack_stopped"),
    onTheWayDown("shutdown.hub_stopped"),
    onTheWayDown("shutdown.before_close"),
    onTheWayDown("shutdown.closed"),
    "outbox.change.after_claim",
    "outbox.tickets.before_mark",
  ],
});
