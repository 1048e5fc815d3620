import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { buildGate } from "../../host/gate/program.ts";
import { findProgram, run, systemEnvironment } from "./run.ts";

/**
 * What a lab (and the tests) need from the machine beside Node: a Docker engine, a registry and a few tools, all from Debian.
 * On Debian and Ubuntu, as root, they are installed; anywhere else a missing one is one line that says how to get it.
 */

type Need = { readonly program: string; readonly package: string; readonly what: string };

const labNeeds: readonly Need[] = [
  { program: "dockerd", package: "docker.io", what: "a Docker engine" },
  { program: "containerd", package: "docker.io", what: "containerd" },
  { program: "docker", package: "docker-cli", what: "the docker command" },
  { program: "docker-registry", package: "docker-registry", what: "an image registry" },
  { program: "busybox", package: "busybox-static", what: "a static busybox, the base of the sample images" },
  { program: "ip", package: "iproute2", what: "network namespaces" },
  { program: "iptables", package: "iptables", what: "the firewall command" },
];

const browserNeeds: readonly Need[] = [
  { program: "chromium", package: "chromium", what: "a browser for the tests of the windows" },
];

const compilerNeeds: readonly Need[] = [
  { program: "gcc", package: "gcc libc6-dev", what: "a C compiler, for the gate of a swap" },
];

const swapNeeds: readonly Need[] = [
  ...compilerNeeds,
  { program: "haproxy", package: "haproxy", what: "a proxy, for services that start first" },
  { program: "nft", package: "nftables", what: "the firewall command that holds connections" },
];

const composeNeeds: readonly Need[] = [
  { program: "docker-compose", package: "docker-compose", what: "Docker Compose, to compare with" },
];

/** One line that says what keeps this machine from running a lab, and how to get it; null when nothing does. */
export function missingForLab(): string | null {
  const missing = missingOf(labNeeds);
  if (missing.length > 0) return describeMissing(missing);
  if (process.getuid?.() !== 0) return "Starting Docker hosts needs root (network namespaces and engines): run this as root.";
  return null;
}

/** Makes the machine able to run a lab. Rejects with an Error of one line per missing thing when it cannot. */
export async function ensureEngine(onProgress: (line: string) => void = () => undefined): Promise<void> {
  await ensure(labNeeds, onProgress);
  const missing = missingForLab();
  if (missing !== null) throw new Error(missing);
}

/** A browser for the tests that look at windows. Rejects as ensureEngine does. */
export async function ensureBrowser(onProgress: (line: string) => void = () => undefined): Promise<void> {
  await ensure(browserNeeds, onProgress);
}

/** What can build the gate. Rejects as ensureEngine does. */
export async function ensureCompiler(onProgress: (line: string) => void = () => undefined): Promise<void> {
  await ensure(compilerNeeds, onProgress);
}

/** What the tests of all ways to swap need, the gate's program among it. Rejects as ensureEngine does. */
export async function ensureSwapTools(onProgress: (line: string) => void = () => undefined): Promise<void> {
  await ensure(swapNeeds, onProgress);
  await buildGate();
}

/** Docker Compose for the tests that compare with it, unless the machine's docker command has its own. Rejects as ensureEngine does. */
export async function ensureCompose(onProgress: (line: string) => void = () => undefined): Promise<void> {
  if (!(await hasComposePlugin())) await ensure(composeNeeds, onProgress);
}

/** Whether `docker compose` (version 2) is there. */
export async function hasComposePlugin(): Promise<boolean> {
  return await run("docker", ["compose", "version"]).then(
    () => true,
    () => false,
  );
}

async function ensure(needs: readonly Need[], onProgress: (line: string) => void): Promise<void> {
  const missing = missingOf(needs);
  if (missing.length === 0) return;
  if (process.getuid?.() !== 0 || !isDebian()) throw new Error(describeMissing(missing));
  await aptGet(["update", "-q"], onProgress);
  const packages = await available(missing.flatMap((need) => need.package.split(" ")));
  onProgress(`installing ${packages.join(" ")} (Debian packages, once)`);
  await aptGet(["install", "-y", "-q", "--no-install-recommends", ...packages], onProgress);
  const still = missingOf(needs);
  if (still.length > 0) throw new Error(describeMissing(still));
}

function missingOf(needs: readonly Need[]): Need[] {
  return needs.filter((need) => findProgram(need.program) === null || (need.program === "busybox" && !isStaticBusybox()));
}

function describeMissing(needs: readonly Need[]): string {
  const things = needs.map((need) => `${need.program} (${need.what})`).join(", ");
  const packages = [...new Set(needs.map((need) => need.package))].join(" ");
  return `Missing: ${things}. On Debian or Ubuntu, as root: apt-get install -y --no-install-recommends ${packages}`;
}

/** Older releases have the docker command inside docker.io. */
async function available(packages: readonly string[]): Promise<string[]> {
  const known = await run("apt-cache", ["pkgnames", "docker-cli"]).catch(() => "");
  const apart = /^docker-cli$/m.test(known);
  return [...new Set(packages.map((name) => (name === "docker-cli" && !apart ? "docker.io" : name)))];
}

/** A dynamically linked busybox would not start in an image that holds nothing else. */
function isStaticBusybox(): boolean {
  const file = findProgram("busybox");
  return file !== null && !readFileSync(file).subarray(0, 4096).includes("ld-linux");
}

function isDebian(): boolean {
  try {
    return /^ID(_LIKE)?=.*\b(debian|ubuntu)\b/m.test(readFileSync("/etc/os-release", "utf8")) && findProgram("apt-get") !== null;
  } catch {
    return false;
  }
}

/** Shows a line of apt's output now and then, so that a slow mirror does not look like a hang. */
function aptGet(args: readonly string[], onProgress: (line: string) => void): Promise<void> {
  onProgress(`apt-get ${args[0]} …`);
  const env = { ...systemEnvironment(), DEBIAN_FRONTEND: "noninteractive" };
  const child = spawn("apt-get", [...args, "-o", "DPkg::Lock::Timeout=300"], { env, stdio: ["ignore", "pipe", "pipe"] });
  let tail = "";
  let shownAt = Date.now();
  function hear(chunk: Buffer): void {
    tail = (tail + chunk.toString()).slice(-2_000);
    const line = tail.trim().split("\n").at(-1);
    if (line === undefined || Date.now() - shownAt < 2_000) return;
    shownAt = Date.now();
    onProgress(`  ${line}`);
  }
  child.stdout.on("data", hear);
  child.stderr.on("data", hear);
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => {
      if (code === 0) resolve();
      else reject(new Error(`apt-get ${args[0]} failed: ${tail.trim().split("\n").slice(-2).join(" ")}`));
    });
  });
}
