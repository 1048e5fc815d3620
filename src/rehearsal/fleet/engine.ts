import type { ChildProcess } from "node:child_process";
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import net from "node:net";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { run, startDetached } from "./run.ts";

/**
 * One Docker engine of its own: a containerd and a dockerd that share nothing with the machine's or another host's,
 * inside the host's network namespace and under the host's name. Containers outlive it (live-restore), as they should anywhere.
 */

export type EnginePlace = {
  readonly name: string;
  readonly netns: string;
  readonly cgroup: string;
  readonly dir: string;
  /** Where plain-HTTP registries are allowed: the lab's subnet. */
  readonly insecureRegistries: string;
};

export type Engine = {
  readonly socket: string;
  /** Starts what is not running; resolves when the engine answers. Settings hold until the next start that names any. */
  start(settings?: EngineSettings): Promise<void>;
  /** Ends dockerd (SIGKILL unless told otherwise) and resolves when it is gone. containerd and the containers stay. */
  kill(signal: NodeJS.Signals): Promise<void>;
  /** Sends dockerd a signal that does not end it. */
  signal(signal: "SIGSTOP" | "SIGCONT"): void;
};

export type EngineSettings = {
  /** Whether containers outlive dockerd. True unless said. */
  readonly liveRestore: boolean;
};

const startDeadlineMs = 60_000;

export function makeEngine(place: EnginePlace): Engine {
  const socket = path.join(place.dir, "docker.sock");
  let dockerd: ChildProcess | null = null;
  let storageDriver = "overlay2";
  let liveRestore = true;

  async function start(settings?: EngineSettings): Promise<void> {
    liveRestore = settings?.liveRestore ?? liveRestore;
    await startContainerd(place);
    if (dockerd !== null && dockerd.exitCode === null && dockerd.signalCode === null) return;
    dockerd = await startDockerd(place, { storageDriver, liveRestore });
    if (await answersOrEnds(dockerd, () => pings(socket))) return;
    const why = logTail(place.dir, "dockerd");
    if (storageDriver !== "overlay2" || !/overlay|graphdriver|storage-driver/i.test(why))
      throw new Error(`dockerd ended: ${why}`);
    // overlayfs on top of overlayfs is refused: slower, but this works anywhere
    storageDriver = "vfs";
    return start();
  }

  async function kill(signal: NodeJS.Signals): Promise<void> {
    const child = dockerd;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.ref();
    child.kill(signal);
    await ended;
  }

  return { socket, start, kill, signal: (signal) => void dockerd?.kill(signal) };
}

/**
 * The command line that runs a program on a host: in its network, under its name.
 * nsenter and not `ip netns exec`, which mounts /sys anew and so hides the devices cgroup from the engine.
 */
export function onHost(host: { name: string; netns: string }, command: string, args: readonly string[]): [string, string[]] {
  const rename = 'hostname "$0" && exec "$@"';
  return ["nsenter", [`--net=/run/netns/${host.netns}`, "unshare", "--uts", "sh", "-c", rename, host.name, command, ...args]];
}

async function startContainerd(place: EnginePlace): Promise<void> {
  const dir = path.join(place.dir, "containerd");
  const socket = path.join(dir, "c.sock");
  if (await connects(socket)) return;
  mkdirSync(dir, { recursive: true });
  const config = path.join(dir, "config.toml");
  writeFileSync(config, containerdConfig(dir));
  const child = startLogged(place, "containerd", ["--config", config]);
  if (!(await answersOrEnds(child, () => connects(socket))))
    throw new Error(`containerd ended: ${logTail(place.dir, "containerd")}`);
}

async function startDockerd(
  place: EnginePlace,
  { storageDriver, liveRestore }: EngineSettings & { readonly storageDriver: string },
): Promise<ChildProcess> {
  const at = (name: string) => path.join(place.dir, name);
  // its number may belong to someone else by now, and then dockerd would refuse to start
  rmSync(at("dockerd.pid"), { force: true });
  writeFileSync(at("daemon.json"), JSON.stringify(await daemonConfig(place)));
  return startLogged(place, "dockerd", [
    ...["--config-file", at("daemon.json"), "--data-root", at("data"), "--exec-root", at("exec"), "--pidfile", at("dockerd.pid")],
    ...["--host", `unix://${at("docker.sock")}`, "--containerd", at("containerd/c.sock"), "--storage-driver", storageDriver],
    ...["--bridge=none", "--iptables=false", "--ip-masq=false", "--ip-forward=false", "--userland-proxy=false"],
    ...["--cgroup-parent", `/${place.cgroup}`, "--exec-opt", "native.cgroupdriver=cgroupfs"],
    ...(liveRestore ? ["--live-restore"] : []),
    ...["--insecure-registry", place.insecureRegistries, "--log-level", "warn"],
  ]);
}

/** A file of its own also keeps the machine's /etc/docker/daemon.json out of it. */
async function daemonConfig(place: EnginePlace): Promise<object> {
  const version = await run("dockerd", ["--version"]);
  const major = Number(/version (\d+)\./.exec(version)?.[1] ?? 0);
  // engines before 23 write a key into /etc/docker unless told where; later ones refuse the setting
  return major < 23 ? { "deprecated-key-path": path.join(place.dir, "key.json") } : {};
}

function containerdConfig(dir: string): string {
  return `version = 2
root = "${dir}/root"
state = "${dir}/state"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
  address = "${dir}/c.sock"
[plugins."io.containerd.internal.v1.opt"]
  path = "${dir}/opt"
`;
}

function startLogged(place: EnginePlace, program: string, args: readonly string[]): ChildProcess {
  const log = openSync(path.join(place.dir, `${program}.log`), "a");
  const child = startDetached(...onHost(place, program, args), { stdio: ["ignore", log, log] });
  closeSync(log);
  return child;
}

/** True when it answers; false when the process ended before it did. Rejects past the deadline. */
async function answersOrEnds(child: ChildProcess, answers: () => Promise<boolean>): Promise<boolean> {
  const deadlineAt = Date.now() + startDeadlineMs;
  while (Date.now() < deadlineAt) {
    if (await answers()) return true;
    if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return false;
    await sleep(25);
  }
  throw new Error(`${child.spawnargs.join(" ")}: no answer within ${startDeadlineMs / 1000} s`);
}

function pings(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const request = http.get({ socketPath, path: "/_ping", timeout: 2_000, agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    request.on("timeout", () => request.destroy());
    request.on("error", () => resolve(false));
  });
}

function connects(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(socketPath);
    socket.on("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.on("error", () => resolve(false));
  });
}

function logTail(dir: string, program: string): string {
  const lines = readFileSync(path.join(dir, `${program}.log`), "utf8")
    .trim()
    .split("\n");
  return lines.slice(-3).join(" | ");
}
