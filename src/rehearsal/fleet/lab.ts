import { mkdirSync } from "node:fs";
import path from "node:path";
import { makeEngine } from "./engine.ts";
import { type LabHost, makeHost } from "./host.ts";
import { type LabPlan, takeDown } from "./leftovers.ts";
import { addressOf, claimPlan, makeNetwork, releaseClaim, subnetOf, sweep } from "./network.ts";
import { type LabRegistry, makeRegistry } from "./registry.ts";
import { missingForLab } from "./setup.ts";

export type { LabHost } from "./host.ts";
export type { LabRegistry } from "./registry.ts";

/**
 * Several real Docker hosts on one machine. A host is a network namespace on a bridge with an address, a host name, a
 * containerd and a dockerd of its own, so that `--net=host` services of different hosts do not meet. The registry and
 * whoever started the lab sit on the bridge's own address.
 */
export type Lab = {
  readonly hosts: readonly LabHost[];
  readonly registry: LabRegistry;
  /** Where hosts reach things that listen on this machine, such as the Gantry server. */
  readonly bridgeAddress: string;
  /** Scratch space that goes with the lab. */
  readonly dir: string;
  /** Throws when there is no host of that name. */
  host(name: string): LabHost;
  /** Removes everything the lab made. Safe to call twice, and at any time. */
  stop(): Promise<void>;
};

/** The machine cannot run a lab. The message is one line that says what is missing and how to get it. */
export class LabUnavailable extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, { cause });
    this.name = "LabUnavailable";
  }
}

export type LabOptions = {
  /** Names become host names: lower-case letters, digits and dashes, at most 20 of them. */
  readonly hosts: readonly { readonly name: string; readonly labels?: Readonly<Record<string, string>> }[];
  /** Keeps what was pushed to the registry here for the next start. Without it nothing is kept. */
  readonly dir?: string;
  readonly onProgress?: (line: string) => void;
};

/** More than this at once on a small machine only makes each of them slower. */
const enginesAtOnce = 4;

/**
 * Starts a lab; every host's engine and the registry answer when it resolves. Sweeps up after labs whose owner was killed.
 * Rejects with LabUnavailable, having removed what it had made.
 */
export async function startLab(options: LabOptions): Promise<Lab> {
  const progress = options.onProgress ?? (() => undefined);
  const missing = missingForLab();
  if (missing !== null) throw new LabUnavailable(missing);
  checkNames(options.hosts.map((host) => host.name));
  for (const id of await sweep()) progress(`removed what a killed lab (${id}) had left`);
  const plan = await claimPlan(options.hosts.map((host) => host.name));
  try {
    return await startParts(plan, options, progress);
  } catch (error) {
    await remove(plan);
    throw new LabUnavailable(`The Docker hosts could not be started: ${error instanceof Error ? error.message : error}`, error);
  }
}

async function startParts(plan: LabPlan, options: LabOptions, progress: (line: string) => void): Promise<Lab> {
  mkdirSync(plan.dir, { recursive: true });
  progress(`network ${subnetOf(plan)} for ${plan.hosts.length} hosts`);
  await makeNetwork(plan);
  const registry = makeRegistry({
    host: addressOf(plan, 1),
    dir: path.join(plan.dir, "registry"),
    storage: path.join(options.dir ?? plan.dir, "registry", "storage"),
  });
  const hosts = plan.hosts.map((names, index) => ({ names, labels: options.hosts[index]?.labels ?? {}, index }));
  const startRegistry = registry.start().then(() => progress(`registry ${registry.address} answers`));
  const [started] = await Promise.all([atMost(enginesAtOnce, hosts, (host) => startHost(plan, host, progress)), startRegistry]);
  return {
    hosts: started,
    registry,
    bridgeAddress: addressOf(plan, 1),
    dir: plan.dir,
    host(name) {
      const found = started.find((host) => host.name === name);
      if (found === undefined) throw new Error(`The lab has no host "${name}".`);
      return found;
    },
    stop: () => remove(plan),
  };
}

async function startHost(
  plan: LabPlan,
  host: { names: LabPlan["hosts"][number]; labels: Readonly<Record<string, string>>; index: number },
  progress: (line: string) => void,
): Promise<LabHost> {
  const dir = path.join(plan.dir, host.names.name);
  mkdirSync(dir, { recursive: true });
  const engine = makeEngine({ ...host.names, dir, insecureRegistries: subnetOf(plan) });
  await engine.start();
  const made = makeHost({ ...host.names, labels: host.labels, address: addressOf(plan, 11 + host.index), dir, engine });
  progress(`host ${made.name} (${made.address}): its Docker engine answers`);
  return made;
}

async function remove(plan: LabPlan): Promise<void> {
  await takeDown(plan);
  releaseClaim(plan);
}

function checkNames(names: readonly string[]): void {
  for (const name of names) {
    if (!/^[a-z0-9][a-z0-9-]{0,19}$/.test(name)) throw new Error(`"${name}" cannot be a host name of a lab.`);
  }
  if (new Set(names).size < names.length) throw new Error("Two hosts of the lab have the same name.");
  if (names.length > 200) throw new Error("A lab has at most 200 hosts.");
}

/** Does `work` on each, at most `limit` at a time, results in order. The first failure waits for those still under way. */
async function atMost<In, Out>(limit: number, items: readonly In[], work: (item: In) => Promise<Out>): Promise<Out[]> {
  const results = new Map<number, Out>();
  const queue = [...items.entries()];
  const failures: unknown[] = [];
  async function worker(): Promise<void> {
    for (let next = queue.shift(); next !== undefined && failures.length === 0; next = queue.shift()) {
      const [index, item] = next;
      try {
        results.set(index, await work(item));
      } catch (error) {
        failures.push(error);
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker));
  if (failures.length > 0) throw failures[0];
  return items.map((_, index) => results.get(index) as Out);
}
