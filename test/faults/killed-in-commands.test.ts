/** The server is killed while it takes commands from several people. */
import { anyMoment, killRounds } from "./kit/kill-rounds.ts";

killRounds({
  seed: 1,
  rounds: [
    "inbox.before_insert",
    "inbox.after_insert 3",
    "inbox.after_ack 2",
    "open.before_commit 2",
    "open.after_commit",
    anyMoment(40),
    "inbox.before_insert 4",
    "inbox.after_insert",
    "inbox.after_ack 5",
    "inbox.before_answer 2",
    "inbox.after_answer",
    anyMoment(150),
    "inbox.after_answer 4",
  ],
});
