/** A host of the lab whose agent is nobody, beside an executor that is root: two processes of the real program. */
import { type ChildProcess, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chownSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createExecutorClient } from "../../../src/executor/client.ts";
import type { LabHost } from "../../../src/rehearsal/fleet/lab.ts";
import { systemEnvironment } from "../../../src/rehearsal/fleet/run.ts";
import { type RealHost, realHost, type TestServer } from "../../host/kit/real-host.ts";
import { eventually } from "../../kit/eventually.ts";
import { inherited } from "../../kit/inherited.ts";

const nobody = 65_534;
const asNobody = [`--reuid=${nobody}`, `--regid=${nobody}`, "--clear-groups", "--no-new-privs", "--bounding-set=-all"];
/** Root with no more than the unit in docs/how-to/split-the-agent.md leaves it. */
const asInUnit = ["--no-new-privs", "--bounding-set=-all,+chown,+fowner,+kill,+sys_ptrace,+dac_read_search,+net_admin"];
const cli = fileURLToPath(new URL("../../../src/cli.ts", import.meta.url));

export type SplitHost = {
  readonly agent: RealHost;
  /** Whether the agent's process stands still. */
  isStill(): boolean;
  readonly socket: string;
  startExecutor(): Promise<void>;
  endExecutor(signal: NodeJS.Signals): Promise<void>;
  reloadPolicy(): void;
  /** What the executor has logged, as lines. */
  readonly log: string[];
};

export function splitHost(lab: LabHost, server: TestServer, policyFile: string): SplitHost {
  const socket = join(lab.dir, "executor", "executor.sock");
  const dir = join(lab.dir, "nobody");
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  chownSync(dir, nobody, nobody);
  let agentPid = 0;
  const agentsHost: LabHost = {
    ...lab,
    dir,
    spawn(command, args, options) {
      const agent = lab.spawn("setpriv", [...asNobody, command, ...args], options);
      agentPid = agent.pid ?? 0;
      return agent;
    },
  };
  const log: string[] = [];
  let child: ChildProcess | null = null;
  return {
    // Empty: the agent must not fall back to an engine of its own.
    agent: realHost(agentsHost, server, { dockerHost: "", executor: `unix://${socket}` }),
    isStill: () => /\) T /.test(readFileSync(`/proc/${agentPid}/stat`, "utf8")),
    socket,
    log,
    async startExecutor() {
      const flags = ["--socket", socket, "--group", String(nobody), "--policy", policyFile];
      const more = ["--state-dir", join(lab.dir, "executor-state"), "--docker-host", `unix://${lab.dockerSocket}`];
      const env = { ...systemEnvironment(), ...inherited() };
      child = lab.spawn("setpriv", [...asInUnit, process.execPath, cli, "executor", ...flags, ...more], {
        stdio: ["ignore", "pipe", "pipe"],
        env,
      });
      for (const stream of [child.stdout, child.stderr])
        stream?.on("data", (data) => log.push(...String(data).trim().split("\n")));
      const { engine } = createExecutorClient({ socketPath: socket });
      await eventually(() => engine.info()).catch((error) => {
        throw new Error(`${error.message}\n${log.join("\n")}`);
      });
    },
    async endExecutor(signal) {
      const ending = child;
      if (ending === null || ending.exitCode !== null || ending.signalCode !== null) return;
      const ended = once(ending, "exit");
      ending.kill(signal);
      await ended;
    },
    reloadPolicy: () => void child?.kill("SIGHUP"),
  };
}

/** Whether the agent's user may open a socket or read a file. */
export function nobodyMay(what: "connect" | "read", path: string): boolean {
  const scripts = {
    connect: `require("node:net").connect(process.argv[1]).on("connect", () => process.exit(0)).on("error", () => process.exit(1))`,
    read: `require("node:fs").readFileSync(process.argv[1])`,
  };
  return spawnSync("setpriv", [...asNobody, process.execPath, "-e", scripts[what], path]).status === 0;
}
