import { randomInt } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { firewallRules, type LabPlan, startTimeOf, takeDown } from "./leftovers.ts";
import { run, tryRun } from "./run.ts";

/**
 * The ground a lab stands on: a claimed subnet, a bridge, and one network namespace per host.
 * The claim is a file in `labsDir`, written before anything is made, from which anyone can take the lab down again.
 */

/** Root's own folder: a predictable name in a world-writable one could be someone else's trap. */
const labsDir = "/var/lib/gantry-labs";

/** Claims an unused 10.x.y.0/24 and writes down all names the lab will use. */
export async function claimPlan(hostNames: readonly string[]): Promise<LabPlan> {
  mkdirSync(labsDir, { recursive: true, mode: 0o711 });
  const taken = await run("ip", ["-4", "route", "show", "table", "all"]);
  for (let attempt = 0; attempt < 200; attempt++) {
    const bytes = [randomInt(100, 250), randomInt(0, 256)] as const;
    if (taken.includes(`10.${bytes[0]}.`)) continue;
    const plan = planFor(Buffer.from(bytes).toString("hex"), hostNames);
    if (writeClaim(plan)) return plan;
  }
  throw new Error("No free 10.x.y.0/24 was found for the lab.");
}

/** `last` is 1 for the bridge, 11 and on for the hosts. */
export function addressOf(plan: LabPlan, last: number): string {
  const [x, y] = Buffer.from(plan.id, "hex");
  return `10.${x}.${y}.${last}`;
}

export function subnetOf(plan: LabPlan): string {
  return `${addressOf(plan, 0)}/24`;
}

/** Bridge, namespaces and addresses. */
export async function makeNetwork(plan: LabPlan): Promise<void> {
  await run("ip", ["link", "add", plan.bridge, "type", "bridge"]);
  await run("ip", ["addr", "add", `${addressOf(plan, 1)}/24`, "dev", plan.bridge]);
  await run("ip", ["link", "set", plan.bridge, "up"]);
  await openFirewall(plan.bridge);
  for (const [index, host] of plan.hosts.entries()) {
    await run("ip", ["netns", "add", host.netns]);
    await run("ip", ["link", "add", host.veth, "type", "veth", "peer", "name", "eth0", "netns", host.netns]);
    await run("ip", ["link", "set", host.veth, "master", plan.bridge, "up"]);
    // `ip -n` would mount things anew, which fails in a chroot
    const inside = (...args: string[]) => run("nsenter", [`--net=/run/netns/${host.netns}`, "ip", ...args]);
    await inside("link", "set", "lo", "up");
    await inside("addr", "add", `${addressOf(plan, 11 + index)}/24`, "dev", "eth0");
    await inside("link", "set", "eth0", "up");
    await inside("route", "add", "default", "via", addressOf(plan, 1));
  }
}

/** Cleans up after labs whose owner is gone (killed, or the machine went down). Returns their ids. */
export async function sweep(): Promise<string[]> {
  const swept: string[] = [];
  for (const plan of claims()) {
    if (startTimeOf(plan.owner.pid) === plan.owner.startedAt) continue;
    await takeDown(plan);
    releaseClaim(plan);
    swept.push(plan.id);
  }
  return swept;
}

export function releaseClaim(plan: LabPlan): void {
  rmSync(claimFile(plan.id), { force: true });
}

function planFor(id: string, hostNames: readonly string[]): LabPlan {
  return {
    id,
    bridge: `gb${id}`,
    dir: path.join(labsDir, id),
    hosts: hostNames.map((name, index) => ({
      name,
      netns: `g${id}-${name}`,
      veth: `gv${id}h${index}`,
      cgroup: `g${id}-${name}`,
    })),
    owner: { pid: process.pid, startedAt: startTimeOf(process.pid) ?? "" },
  };
}

/** False when another lab has it. */
function writeClaim(plan: LabPlan): boolean {
  try {
    writeFileSync(claimFile(plan.id), JSON.stringify(plan), { flag: "wx" });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

function claims(): LabPlan[] {
  const files = readFolder(labsDir).filter((name) => name.endsWith(".json"));
  return files.map((name) => readClaim(path.join(labsDir, name))).filter((plan) => plan !== null);
}

/** null when it is being written or removed this very moment. */
function readClaim(file: string): LabPlan | null {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as LabPlan;
  } catch {
    return null;
  }
}

function claimFile(id: string): string {
  return path.join(labsDir, `${id}.json`);
}

function readFolder(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** Only where the firewall refuses by default; anywhere else it is left as it is. */
async function openFirewall(bridge: string): Promise<void> {
  const policies = await run("iptables", ["-w", "-S"]).catch(() => "");
  if (!/^-P (INPUT|FORWARD) DROP$|-j (DROP|REJECT)/m.test(policies)) return;
  for (const [chain, ...rule] of firewallRules(bridge)) await tryRun("iptables", ["-w", "-I", chain as string, ...rule]);
}
