/** The server, ending itself the hard way at a named point. Only rehearsals start it. */
import { startServer } from "../../main.ts";
import { readSettings } from "../../settings.ts";

const point = process.env["GANTRY_REHEARSAL_FAILPOINT"];
const failpoint = (name: string): void => {
  if (name === point) process.kill(process.pid, "SIGKILL");
};
await startServer(readSettings(process.env).settings, { failpoint });
