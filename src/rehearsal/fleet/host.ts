import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import http from "node:http";
import { type Engine, onHost } from "./engine.ts";
import { hostProcesses, killAll } from "./leftovers.ts";
import { run, systemEnvironment } from "./run.ts";

/** One Docker host of a lab: a machine as far as anything on it can tell, with port 8080 to itself. */
export type LabHost = {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly address: string;
  readonly netns: string;
  /** Path of the engine's Unix socket. */
  readonly dockerSocket: string;
  /** Scratch space of this host; goes with the lab. */
  readonly dir: string;
  /** Starts a process on the host: in its network, under its host name. It ends with the lab at the latest. */
  spawn(command: string, args: readonly string[], options?: SpawnOptions): ChildProcess;
  /** An HTTP GET from outside, over the bridge: `fetch("/")` is `http://ADDRESS:8080/`. Rejects when nothing answers. */
  fetch(url: string, timeoutMs?: number): Promise<{ status: number; body: string }>;
  /** Ends dockerd, as a crash does unless a signal is given. The containers go on. */
  killEngine(signal?: NodeJS.Signals): Promise<void>;
  startEngine(): Promise<void>;
  /** Everything on the host ends this instant: engine, containers, agents. `startEngine` is the boot after it. */
  cutPower(): Promise<void>;
  /** The docker command line against this host's engine; resolves to its stdout, trimmed. */
  docker(...args: string[]): Promise<string>;
  /** The cable is out: connections hang, nothing is refused. */
  partition(): Promise<void>;
  heal(): Promise<void>;
};

export function makeHost(facts: {
  name: string;
  labels: Readonly<Record<string, string>>;
  address: string;
  netns: string;
  veth: string;
  cgroup: string;
  dir: string;
  engine: Engine;
}): LabHost {
  const { name, labels, address, netns, veth, cgroup, dir, engine } = facts;
  return {
    name,
    labels,
    address,
    netns,
    dir,
    dockerSocket: engine.socket,
    spawn(command, args, options = {}) {
      return spawn(...onHost({ name, netns }, command, args), { env: systemEnvironment(), ...options });
    },
    fetch(url, timeoutMs = 2_000) {
      return get(new URL(url, `http://${address}:8080/`), timeoutMs);
    },
    killEngine(signal = "SIGKILL") {
      return engine.kill(signal);
    },
    startEngine() {
      return engine.start();
    },
    cutPower() {
      return killAll(() => hostProcesses({ netns, cgroup }));
    },
    async docker(...args) {
      return (await run("docker", ["-H", `unix://${engine.socket}`, ...args], { timeoutMs: 60_000 })).trim();
    },
    async partition() {
      await run("ip", ["link", "set", veth, "down"]);
    },
    async heal() {
      await run("ip", ["link", "set", veth, "up"]);
    },
  };
}

/** A connection of its own each time, past any proxy of the environment: what a new client would see. */
function get(url: URL, timeoutMs: number): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const request = http.get(url, { agent: false, signal: AbortSignal.timeout(timeoutMs) }, (response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => {
        body += chunk;
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, body }));
      response.on("error", reject);
    });
    request.on("error", reject);
  });
}
