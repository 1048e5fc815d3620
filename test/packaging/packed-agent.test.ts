/** The agent as it is shipped, on a real engine: as one file on a bare machine, with the rights of the unit, in a container. */
import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { type Packed, packAgent } from "../../scripts/pack/agent.ts";
import type { DesiredSlot, ObservedSlot } from "../../src/core/slot.ts";
import { buildGate } from "../../src/host/gate/program.ts";
import { run } from "../../src/rehearsal/fleet/run.ts";
import { order } from "../host/kit/orders.ts";
import { startTestServer, type TestServer } from "../host/kit/real-host.ts";
import { eventually } from "../kit/eventually.ts";
import { sampleCommit, testLab } from "../kit/lab.ts";
import { makeBareMachine } from "./kit/bare-machine.ts";
import { settingsOf } from "./kit/unit.ts";

const name = "prod-1";
const [one, two, three, sick] = ["1a4c9e2", "3f2a1c9", "5b7e0d4", "7c81f36"] as const;

describe("the packed agent", () => {
  const lab = testLab(name);
  const host = () => lab.host(name);
  const at = (path: string) => join(host().dir, path);
  let server: TestServer;
  let packed: Packed;
  let agent: ChildProcess | null = null;
  let said = "";
  let generation = 0;

  before(async () => {
    server = await startTestServer(lab.lab.bridgeAddress);
    packed = await packAgent({ folder: at("packed"), gate: await buildGate() });
    makeBareMachine(at("bare"));
    mkdirSync(at("etc"));
    server.desk.tokens.set("gnt_once", { name });
    writeFileSync(at("etc/token"), "gnt_once\n");
  });
  after(async () => {
    await end("SIGKILL");
    await server?.stop();
  });

  function next(commit: string, { release, deadlineMs = 15_000 }: { release?: number; deadlineMs?: number } = {}): DesiredSlot {
    generation += 1;
    const digest = lab.digest(sampleCommit(commit));
    const container = { image: lab.repository };
    return order({ generation, release: release ?? generation, digest, container, health: { deadlineMs } });
  }

  function tell(slot: DesiredSlot): Promise<ObservedSlot> {
    server.desk.desire(name, slot);
    server.hub.nudge(name);
    return server.desk.settled(name, slot.generation, 60_000);
  }

  async function deploys(commit: string, release?: number): Promise<void> {
    const { outcome } = await tell(next(commit, release === undefined ? {} : { release }));
    assert.equal(outcome?.ok, true, `${JSON.stringify(outcome)}\n${said}`);
    assert.match((await host().fetch("/")).body, new RegExp(sampleCommit(commit).sha));
  }

  const flags = () => ["--server", server.url, "--name", name, "--token-file", at("etc/token"), "--state-dir", at("agent")];
  const oneFileArgs = () => [packed.file, ...flags(), "--docker-host", `unix://${host().dockerSocket}`, "--env-dir", at("env")];

  async function starts(command: string, args: readonly string[]): Promise<void> {
    agent = host().spawn(command, args, { stdio: ["ignore", "pipe", "pipe"] });
    said = "";
    for (const stream of [agent.stdout, agent.stderr]) stream?.on("data", (data) => (said += String(data)));
    await eventually(() => assert.ok(server.hub.isConnected(name), said), 60_000);
  }

  async function end(signal: NodeJS.Signals): Promise<void> {
    const ending = agent;
    agent = null;
    if (ending === null || ending.exitCode !== null || ending.signalCode !== null) return;
    ending.kill(signal);
    await once(ending, "exit");
    await eventually(() => assert.equal(server.hub.isConnected(name), false));
  }

  it("enrols and swaps as one file on a machine with glibc and Docker alone, without PATH and HOME", async () => {
    const enter = `mount --rbind /proc "$1/proc" && mount --rbind /dev "$1/dev" && mkdir -p "$1$2" && mount --rbind "$2" "$1$2" &&
      root=$1 && shift 2 && exec chroot "$root" /bin/busybox env -u PATH -u HOME "$@"`;
    await starts("unshare", ["--mount", "sh", "-c", enter, "sh", at("bare"), host().dir, ...oneFileArgs()]);
    await deploys(one);
    await deploys(two);
    const live = await host().docker("ps", "-q", "--filter", "label=gantry.gate");
    assert.notEqual(live, "", "the gate came along in the file");
    await end("SIGTERM");
    assert.match((await host().fetch("/")).body, new RegExp(sampleCommit(two).sha));
  });

  it("swaps with the rights that the systemd unit leaves it, and sees whose the port is", async () => {
    const names = settingsOf("Service").get("CapabilityBoundingSet")?.split(" ") ?? [];
    const kept = names.map((each) => `+${each.replace("CAP_", "").toLowerCase()}`);
    const rights = ["--no-new-privs", "--bounding-set", ["-all", ...kept].join(",")];
    await starts("setpriv", [...rights, "env", "-u", "HOME", ...oneFileArgs()]);
    await deploys(three);
    assert.doesNotMatch(said, /cannot be seen/);
  });

  it("is killed in the middle of a swap, and the agent that takes its place, in a container, ends it", async () => {
    await run("tar", [
      "-cf",
      at("bare.tar"),
      "-C",
      at("bare"),
      "--exclude=./proc/*",
      "--exclude=./dev/*",
      "--one-file-system",
      ".",
    ]);
    await slowly("import", at("bare.tar"), "bare");
    await slowly("build", "-t", "gantry-agent", "--build-arg", "BASE=bare", packed.context);
    // It never becomes healthy, so the agent is in the middle for as long as the deadline lasts.
    const slot = next(sick);
    server.desk.desire(name, slot);
    server.hub.nudge(name);
    await eventually(async () => assert.notEqual(await host().docker("ps", "-q", "--filter", `name=-g${generation}$`), ""));
    await end("SIGKILL");
    await host().docker(...documentedRun());
    const { outcome } = await server.desk.settled(name, slot.generation, 60_000);
    assert.equal(outcome?.ok === false && outcome.after, "restored", JSON.stringify(outcome));
    assert.match((await host().fetch("/")).body, new RegExp(sampleCommit(three).sha));
    assert.equal((await host().docker("ps", "-q", "--filter", "label=gantry.role=live")).split("\n").length, 1);
  });

  it("deploys and rolls back from its container, behind the gate, and sees whose the port is", async () => {
    await deploys(two);
    const before = generation;
    const { outcome } = await tell(next(sick, { deadlineMs: 1_500 }));
    assert.deepEqual(
      outcome?.ok === false && [outcome.reason, outcome.after],
      ["unhealthy", "restored"],
      JSON.stringify(outcome),
    );
    assert.match((await host().fetch("/")).body, new RegExp(sampleCommit(two).sha));
    await deploys(three);
    await deploys(two, before);
    const gated = await host().docker("ps", "-q", "--filter", "label=gantry.gate");
    assert.notEqual(gated, "", "the engine finds the gate at the path where the agent put it");
    assert.doesNotMatch(await host().docker("logs", "gantry-agent"), /cannot be seen/);
  });

  it("ends at once beside another agent of its host, and says so", async () => {
    const beside = documentedRun().filter((word) => word !== "-d" && !word.startsWith("--restart"));
    const second = host().docker(...beside.with(beside.indexOf("--name") + 1, "second"));
    await assert.rejects(second, /another agent .*: stop it/);
  });

  it("leaves services running when its container is stopped", async () => {
    await host().docker("stop", "gantry-agent");
    assert.equal(await host().docker("inspect", "--format", "{{.State.ExitCode}}", "gantry-agent"), "0");
    assert.match((await host().fetch("/")).body, new RegExp(sampleCommit(two).sha));
  });

  /** What moves an image of 140 MB on a busy machine. */
  const slowly = (...args: string[]) => run("docker", ["-H", `unix://${host().dockerSocket}`, ...args], { timeoutMs: 240_000 });

  /** The command of the how-to page, with the paths and names of this host. */
  function documentedRun(): string[] {
    const page = readFileSync(new URL("../../docs/how-to/run-the-agent.md", import.meta.url), "utf8");
    const command = /```sh\n(docker run [^`]*)```/.exec(page)?.[1] ?? "";
    return command
      .replaceAll("\\\n", " ")
      .replace("/var/run/docker.sock:", `${host().dockerSocket}:`)
      .replace("/var/lib/docker/tmp:/var/lib/docker", "/tmp:/data-root")
      .replaceAll("/var/lib/gantry-agent", at("agent"))
      .replace("/etc/gantry:", `${at("etc")}:`)
      .replace("https://gantry.example.com", server.url)
      .concat(` --state-dir ${at("agent")}`)
      .trim()
      .split(/\s+/)
      .slice(1);
  }
});
