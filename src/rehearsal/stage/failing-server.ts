/**
 * The server, ending itself the hard way at a named point. Only rehearsals start it.
 *
 *   GANTRY_REHEARSAL_FAILPOINT   the point at its start; later ones are written to its stdin, a line each. `name 3` is the third time
 *   GANTRY_REHEARSAL_CLOCK       JSON of fastClock's facts: minutes pass in seconds
 *   GANTRY_REHEARSAL_SLACK       JSON of waits of the Slack adapter to shorten
 */
import { startServer } from "../../main.ts";
import { readSettings } from "../../settings.ts";
import { fastClock } from "./fast-clock.ts";

const { env } = process;
let point = "";
let left = 0;
arm(env["GANTRY_REHEARSAL_FAILPOINT"] ?? "");
process.stdin.setEncoding("utf8").on("data", (text: string) => arm(text));

function arm(text: string): void {
  const [name = "", times = "1"] = text.trim().split(" ");
  point = name;
  left = Number(times);
}

const failpoint = (name: string): void => {
  if (name !== point) return;
  left -= 1;
  if (left <= 0) process.kill(process.pid, "SIGKILL");
};

const clock = env["GANTRY_REHEARSAL_CLOCK"];
const slack = env["GANTRY_REHEARSAL_SLACK"];
try {
  const running = await startServer(readSettings(env).settings, {
    failpoint,
    ...(clock === undefined ? {} : { clock: fastClock(JSON.parse(clock)) }),
    ...(slack === undefined ? {} : { slackTiming: JSON.parse(slack) }),
  });
  process.once("SIGTERM", () => void running.stop().then(() => process.exit()));
} catch (error) {
  console.error(`gantry: ${(error as Error).message}`);
  process.exit(1);
}
