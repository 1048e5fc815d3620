/** The server is killed while it tells the outside what happened. */
import { killRounds } from "./kit/kill-rounds.ts";

killRounds({
  seed: 400,
  rounds: [
    "outbox.card.after_claim 3",
    "outbox.card.before_mark 2",
    "outbox.thread.after_claim 2",
    "outbox.thread.before_mark 4",
    "outbox.notice.after_claim",
    "outbox.notice.before_mark",
    "outbox.change.after_claim",
    "outbox.tickets.before_mark",
  ],
});
