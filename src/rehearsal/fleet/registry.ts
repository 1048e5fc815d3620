import type { ChildProcess } from "node:child_process";
import { closeSync, mkdirSync, openSync, writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { startDetached } from "./run.ts";

/** Debian's docker-registry (CNCF distribution) on the lab's bridge. */
export type LabRegistry = {
  /** `10.x.y.1:5000`: what stands in front of image names. */
  readonly address: string;
  /** Resolves when it answers. Does nothing when it runs. */
  start(): Promise<void>;
  /** Resolves when nothing answers any more. What was pushed stays. */
  stop(): Promise<void>;
};

const port = 5000;

/** `storage` may outlive the lab, so that images need not be pushed again. */
export function makeRegistry(place: { host: string; dir: string; storage: string }): LabRegistry {
  const address = `${place.host}:${port}`;
  let child: ChildProcess | null = null;

  async function start(): Promise<void> {
    if (child !== null) return;
    mkdirSync(place.dir, { recursive: true });
    mkdirSync(place.storage, { recursive: true });
    const config = path.join(place.dir, "config.json");
    writeFileSync(config, JSON.stringify(registryConfig(address, place.storage)));
    const log = openSync(path.join(place.dir, "registry.log"), "a");
    child = startDetached("docker-registry", ["serve", config], { stdio: ["ignore", log, log] });
    closeSync(log);
    await answering(address, child);
  }

  async function stop(): Promise<void> {
    const stopping = child;
    child = null;
    if (stopping === null || stopping.exitCode !== null || stopping.signalCode !== null) return;
    const ended = new Promise((resolve) => stopping.once("exit", resolve));
    // it would wait for connections that engines keep open
    stopping.ref();
    stopping.kill("SIGKILL");
    await ended;
  }

  return { address, start, stop };
}

/** JSON is YAML. */
function registryConfig(address: string, storage: string): object {
  return {
    version: 0.1,
    log: { level: "warn", accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: storage }, delete: { enabled: true } },
    http: { addr: address },
  };
}

async function answering(address: string, child: ChildProcess): Promise<void> {
  const deadlineAt = Date.now() + 20_000;
  while (Date.now() < deadlineAt && child.exitCode === null) {
    const answer = await fetch(`http://${address}/v2/`, { signal: AbortSignal.timeout(2_000) }).catch(() => null);
    if (answer?.ok) return;
    await sleep(25);
  }
  throw new Error(`The registry at ${address} did not start; see its registry.log.`);
}
