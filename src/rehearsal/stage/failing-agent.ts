/** The agent, ending itself the hard way at a named point. Only rehearsals start it; its flags are those of `gantry agent`. */
import { parseArgs } from "node:util";
import { runAgent } from "../../agent.ts";

const point = process.env["GANTRY_REHEARSAL_FAILPOINT"];
const { values } = parseArgs({
  options: {
    server: { type: "string", default: "" },
    name: { type: "string", default: "" },
    label: { type: "string", multiple: true, default: [] },
    "docker-host": { type: "string", default: "" },
    "state-dir": { type: "string", default: "" },
    "token-file": { type: "string", default: "" },
    "env-dir": { type: "string", default: "" },
  },
});
await runAgent({
  server: values.server,
  name: values.name,
  labels: Object.fromEntries(values.label.map((label) => label.split("=") as [string, string])),
  dockerHost: values["docker-host"],
  stateDir: values["state-dir"],
  tokenFile: values["token-file"],
  envDir: values["env-dir"],
  failpoint: (name) => {
    if (name === point) process.kill(process.pid, "SIGKILL");
  },
});
