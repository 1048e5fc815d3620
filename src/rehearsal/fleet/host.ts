import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { writeFileSync } from "node:fs";
import http from "node:http";
import path from "node:path";
import { type Engine, type EngineSettings, onHost } from "./engine.ts";
import { forgetRuntime, hostProcesses, killAll } from "./leftovers.ts";
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
  startEngine(settings?: EngineSettings): Promise<void>;
  /** The engine stands still: it takes connections, and answers nothing until it is thawed. */
  freezeEngine(): void;
  thawEngine(): void;
  /** Everything on the host ends this instant: engine, containers, agents. `startEngine` is the boot after it. */
  cutPower(): Promise<void>;
  /**
   * Power off and on: what is spawned from then on sees another boot id. Resolves when the engine answers, which is after it
   * has started what its policies say: it tells systemd no earlier either, so that a unit `After=docker.service` sees the same.
   */
  reboot(): Promise<void>;
  /** The docker command line against this host's engine; resolves to its stdout, trimmed. */
  docker(...args: string[]): Promise<string>;
  /** The cable is out: connections hang, nothing is refused. */
  partition(): Promise<void>;
  /** Packets in one direction, as the host sees it, vanish; `share` of them (0 to 1), or all. */
  losePackets(direction: "in" | "out", share?: number): Promise<void>;
  /** Ends both. */
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
  const inside = (command: string, ...args: string[]) => run("nsenter", [`--net=/run/netns/${netns}`, command, ...args]);
  /** A file with the boot id since the first reboot; before it, the machine's own is as good. */
  let bootIdFile: string | null = null;

  async function boot(): Promise<void> {
    bootIdFile = path.join(dir, "boot-id");
    writeFileSync(bootIdFile, `${randomUUID()}\n`);
    await engine.start();
  }

  return {
    name,
    labels,
    address,
    netns,
    dir,
    dockerSocket: engine.socket,
    spawn(command, args, options = {}) {
      const started = bootIdFile === null ? ([command, args] as const) : underBootId(bootIdFile, command, args);
      return spawn(...onHost({ name, netns }, ...started), { env: systemEnvironment(), ...options });
    },
    fetch(url, timeoutMs = 2_000) {
      return get(new URL(url, `http://${address}:8080/`), timeoutMs);
    },
    killEngine(signal = "SIGKILL") {
      return engine.kill(signal);
    },
    startEngine(settings) {
      return engine.start(settings);
    },
    freezeEngine: () => engine.signal("SIGSTOP"),
    thawEngine: () => engine.signal("SIGCONT"),
    cutPower() {
      return killAll(() => hostProcesses({ netns, cgroup }));
    },
    async reboot() {
      await killAll(() => hostProcesses({ netns, cgroup }));
      await forgetRuntime(dir);
      await boot();
    },
    async docker(...args) {
      return (await run("docker", ["-H", `unix://${engine.socket}`, ...args], { timeoutMs: 60_000 })).trim();
    },
    async partition() {
      await run("ip", ["link", "set", veth, "down"]);
    },
    async losePackets(direction, share = 1) {
      const [chain, through] = direction === "in" ? ["INPUT", "-i"] : ["OUTPUT", "-o"];
      const some = share < 1 ? ["-m", "statistic", "--mode", "random", "--probability", String(share)] : [];
      await inside("iptables", "-w", "-A", chain as string, through as string, "eth0", ...some, "-j", "DROP");
    },
    async heal() {
      await inside("iptables", "-w", "-F");
      await run("ip", ["link", "set", veth, "up"]);
    },
  };
}

/** In a mount namespace of its own, since the boot id is the machine's. */
function underBootId(file: string, command: string, args: readonly string[]): [string, string[]] {
  const cover = 'mount --bind "$0" /proc/sys/kernel/random/boot_id && exec "$@"';
  return ["unshare", ["--mount", "sh", "-c", cover, file, command, ...args]];
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
