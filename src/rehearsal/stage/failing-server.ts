/** The server, ending itself the hard way at the named point that was last written to its stdin. Only rehearsals start it. */
import { startServer } from "../../main.ts";
import { readSettings } from "../../settings.ts";

let point = "";
process.stdin.setEncoding("utf8").on("data", (text: string) => {
  point = text.trim();
});
const failpoint = (name: string): void => {
  if (name === point) process.kill(process.pid, "SIGKILL");
};
await startServer(readSettings(process.env).settings, { failpoint });
