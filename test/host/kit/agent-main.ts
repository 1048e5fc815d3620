/**
 * The agent as a process of its own, that can be told to kill itself at a named point: `node agent-main.ts JSON`.
 * Production has no such option: this file is the only root that passes a failpoint.
 */
import { readFileSync, rmSync } from "node:fs";
import { type AgentOptions, runAgent } from "../../../src/agent.ts";
import { createDockerEngine } from "../../../src/docker/engine.ts";
import type { Engine } from "../../../src/host/engine.ts";

export type ProcessOptions = AgentOptions & {
  /** A file that names a point (`before:stop`, `after:start` …): SIGKILL when it is reached; SIGSTOP, written `SIGSTOP before:stop`. */
  readonly dieFile: string;
  /** How long a call of the engine may take, when not as long as in production. */
  readonly callMs?: number;
};

const { dieFile, callMs, ...options } = JSON.parse(process.argv[2] ?? "{}") as ProcessOptions;

await runAgent({
  ...options,
  ...(callMs === undefined ? {} : { engine: impatientEngine(callMs) }),
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

function impatientEngine(ms: number): Engine {
  const dockerHost = options.dockerHost ?? "";
  return createDockerEngine({ dockerHost, quickMs: ms, heavyMs: ms });
}

function armed(): string {
  try {
    return readFileSync(dieFile, "utf8");
  } catch {
    return "";
  }
}
