/** The server is killed while it takes commands and decisions from several people. */
import { anyMoment, killRounds } from "./kit/kill-rounds.ts";

killRounds({
  seed: 1,
  rounds: [
    "inbox.before_insert",
    "inbox.after_insert",
    "inbox.after_ack",
    "open.before_commit",
    "open.after_commit",
    "approved.before_commit",
    "approved.after_commit",
    anyMoment(40),
    "snapshot.mid",
    "rejected.before_commit",
    "rejected.after_commit",
    "cancelled.before_commit",
    "cancelled.after_commit",
    anyMoment(90),
    "inbox.before_insert",
    "inbox.after_insert",
    "inbox.after_ack",
    anyMoment(150),
  ],
});
