/** `gantry agent`, which the packed agent has as its only command. */
import { type Command, InvalidArgumentError } from "commander";
import { defaultEnvDir } from "../host/env-file.ts";
import { defaultSecretsDir } from "../host/secrets.ts";

type AgentFlags = {
  readonly server: string;
  readonly name: string;
  readonly label: Record<string, string>;
  readonly dockerHost?: string;
  readonly executor?: string;
  readonly stateDir: string;
  readonly tokenFile?: string;
  readonly envDir: string;
  readonly secretsDir: string;
  readonly metrics?: string;
  readonly gate: boolean;
};

/** Gives a command the agent's flags and its work. */
export function asAgent(command: Command): Command {
  return command
    .description("run the agent of one host: it dials the server and swaps containers here")
    .requiredOption("--server <url>", "the server, e.g. https://gantry.example.com")
    .requiredOption("--name <name>", "this host's name, as enrolled")
    .option("--label <k=v>", "at the enrolment, a label besides those of the token; may be repeated", collectLabel, {})
    .option("--docker-host <url>", "the engine's socket (default: DOCKER_HOST, else unix:///var/run/docker.sock)")
    .option("--executor <url>", "instead of an engine: the socket of `gantry executor`, unix:///run/gantry/executor.sock")
    .option("--state-dir <folder>", "where the host's key and memory are kept", "/var/lib/gantry-agent")
    .option("--token-file <file>", "the enrolment token; needed once")
    .option("--env-dir <folder>", "where relative env_file paths of services begin", defaultEnvDir)
    .option("--secrets-dir <folder>", "where files with secrets of services are", defaultSecretsDir)
    .option(
      "--metrics <address>",
      "show Prometheus what is used here at /metrics: PORT on loopback, or HOST:PORT (default: nowhere)",
    )
    .option("--no-gate", "start new containers only when the old one has stopped, without the gate that saves that time")
    .action(async (options: AgentFlags) => {
      const { runAgent } = await import("../agent.ts");
      await runAgent({ ...options, labels: options.label });
    });
}

/** `k=v`, gathered over repeated flags. */
export function collectLabel(text: string, labels: Record<string, string>): Record<string, string> {
  const match = /^([a-zA-Z0-9_.-]+)=([a-zA-Z0-9_.-]+)$/.exec(text);
  if (match?.[1] === undefined || match[2] === undefined) throw new InvalidArgumentError("write it as name=value, e.g. env=prod");
  return { ...labels, [match[1]]: match[2] };
}
