/** The server is killed while it goes down in good order. */
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

killRounds({
  seed: 500,
  rounds: [
    onTheWayDown("shutdown.begun"),
    onTheWayDown("shutdown.conductor_stopped"),
    onTheWayDown("shutdown.outbox_stopped"),
    onTheWayDown("shutdown.slack_stopped"),
    onTheWayDown("shutdown.hub_stopped"),
    onTheWayDown("shutdown.before_close"),
    onTheWayDown("shutdown.closed"),
  ],
});
