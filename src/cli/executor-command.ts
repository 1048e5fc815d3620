/** `gantry executor`, which the packed agent has, too: the other half of a host whose agent holds no engine. */
import type { Command } from "commander";

type ExecutorFlags = {
  readonly socket: string;
  readonly group?: string;
  readonly policy: string;
  readonly stateDir: string;
  readonly dockerHost?: string;
};

/** Gives a command the executor's flags and its work. */
export function asExecutor(command: Command): Command {
  return command
    .description(
      "run the part of a host's agent that holds the engine and obeys the host's policy; the agent itself needs no rights",
    )
    .option("--socket <file>", "where the agent asks", "/run/gantry/executor.sock")
    .option("--group <group>", "whose members may ask (default: root alone)")
    .option("--policy <file>", "what containers may be here; root's own file", "/etc/gantry/policy.yaml")
    .option("--state-dir <folder>", "where gates are kept", "/var/lib/gantry-executor")
    .option("--docker-host <url>", "the engine's socket (default: unix:///var/run/docker.sock)")
    .action(async ({ policy: policyFile, ...options }: ExecutorFlags) => {
      const { runExecutor } = await import("../executor.ts");
      await runExecutor({ ...options, policyFile });
    });
}
