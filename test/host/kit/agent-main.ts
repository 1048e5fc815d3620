/**
 * The agent as a process of its own, that can be told to kill itself at a named point: `node agent-main.ts JSON`.
 * Production has no such option: this file is the only root that passes a failpoint.
 */
import { readFileSync, rmSync } from "node:fs";
import { type AgentOptions, runAgent } from "../../../src/agent.ts";

export type ProcessOptions = AgentOptions & {
  /** A file that names a point (`before:stop`, `after:start` …): SIGKILL when it is reached; SIGSTOP, written `SIGSTOP before:stop`. */
  readonly dieFile: string;
};

const { dieFile, ...options } = JSON.parse(process.argv[2] ?? "{}") as ProcessOptions;

await runAgent({
  ...options,
  failpoint(name) {
    const point = armed();
    if (name === point) process.kill(process.pid, "SIGKILL");
    if (`SIGSTOP ${name}` !== point) return;
    // Once: it must not stop again when it goes on.
    rmSync(dieFile);
    process.kill(process.pid, "SIGSTOP");
  },
}).catch((error) => {
  console.error(`gantry agent: ${error.message}`);
  process.exitCode = 1;
});

function armed(): string {
  try {
    return readFileSync(dieFile, "utf8");
  } catch {
    return "";
  }
}
