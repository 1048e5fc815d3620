/** The journeys that need real containers: what people see in the channel, and what the hosts really run. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { globSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { sampleHistory } from "../../examples/sample-service/history.ts";
import { buildSampleImages } from "../../src/rehearsal/fleet/images.ts";
import { eventually } from "../kit/eventually.ts";
import { logsFold, reaches, realStage } from "../kit/real-stage.ts";

const stage = realStage({
  hosts: [
    { name: "prod-1", labels: { env: "prod" } },
    { name: "prod-2", labels: { env: "prod" } },
  ],
  service: { soak: "1s", batch: "1", hostDeadline: "20s" },
});

const [first, second] = sampleHistory.filter((c) => c.behaviour === "good");
const crashes = "c0ffee0".padEnd(40, "0");

async function deploy(commit: string): Promise<void> {
  const { slack } = stage();
  await slack.as("ana").says(`/deploy api prod ${commit.slice(0, 7)}`);
  await reaches(stage(), commit, ["awaiting_approval"]);
  await eventually(() => slack.as("bo").clicks("Approve"));
}

async function answers(): Promise<string[]> {
  const bodies = await Promise.all(stage().lab.hosts.map(async (host) => (await host.fetch("/")).body));
  return bodies.map((body) => /[0-9a-f]{40}/.exec(body)?.[0] ?? body);
}

/** Names of the containers of a host by what their label says of them, running ones first. */
async function containers(host: string): Promise<{ live: number; kept: number; running: number }> {
  const lines = (await stage().lab.host(host).docker("ps", "-a", "--format", '{{.Label "gantry.role"}} {{.State}}')).split("\n");
  const count = (wanted: (line: string) => boolean) => lines.filter((line) => line !== "" && wanted(line)).length;
  return {
    live: count((l) => l.startsWith("live ")),
    kept: count((l) => l.startsWith("previous ")),
    running: count((l) => l.endsWith(" running")),
  };
}

test("two deploys: the new one serves on every host, exactly one container before it is kept, stopped", async () => {
  assert.ok(first !== undefined && second !== undefined);
  await deploy(first.sha);
  await reaches(stage(), first.sha, ["succeeded"]);
  await deploy(second.sha);
  await reaches(stage(), second.sha, ["succeeded"]);
  assert.deepEqual(await answers(), [second.sha, second.sha]);
  for (const host of ["prod-1", "prod-2"]) {
    await eventually(async () => assert.deepEqual(await containers(host), { live: 1, kept: 1, running: 1 }));
  }
  const image = await stage().lab.host("prod-1").docker("ps", "--format", "{{.Image}}");
  const label = await stage().lab.host("prod-1").docker("ps", "--format", '{{.Label "gantry.digest"}}');
  assert.equal(label, stage().digests.get(second.sha), "the approved digest runs");
  assert.doesNotMatch(image, /:[0-9a-f]{40}$/, "by digest, not by tag");
  const policy = await stage()
    .lab.host("prod-1")
    .docker("inspect", "-f", "{{.HostConfig.RestartPolicy.Name}}", await liveId("prod-1"));
  assert.equal(policy, "unless-stopped");
});

test("gantry logs shows what each host printed, and follows it until Ctrl-C, which ends the stream at the engine", async () => {
  const all = await stage().gantry("logs", "api", "prod", "--lines", "5");
  assert.equal(all.code, 0, all.stderr);
  for (const host of ["prod-1", "prod-2"])
    assert.match(all.stdout, new RegExp(`^${host} \\| api \\w+: starting on port 8080`, "m"));
  const before = await stage().gantry("logs", "api", "prod", "prod-1", "--previous");
  assert.equal(before.code, 1);
  assert.match(before.stderr, /^prod-1: no container before the present one of api prod is here any more \(no_container\)$/m);
  const quiet = await readers("prod-1");
  const env = { PATH: process.env["PATH"], GANTRY_DATA: join(stage().dir, "data"), SUDO_USER: "root" };
  const words = ["logs", "api", "prod", "prod-1", "--follow"];
  const terminal = spawn(process.execPath, [cli, ...words], { env, stdio: ["ignore", "pipe", "inherit"] });
  let printed = "";
  terminal.stdout.on("data", (chunk) => (printed += chunk));
  try {
    await eventually(() => assert.match(printed, /^prod-1 \| api \w+: starting/m));
    assert.ok((await readers("prod-1")) > quiet, "the engine sends");
    const hello = ["sh", "-c", "echo token ghp_0123456789abcdefghij from r2 > /proc/1/fd/1"];
    await stage()
      .lab.host("prod-1")
      .docker("exec", await liveId("prod-1"), ...hello);
    await eventually(() => assert.match(printed, /^prod-1 \| token \[redacted\] from r2$/m));
  } finally {
    terminal.kill("SIGINT");
  }
  await eventually(async () => assert.equal(await readers("prod-1"), quiet, "the engine sends no more"));
});

const cli = fileURLToPath(new URL("../../src/cli.ts", import.meta.url));

/** How often the log file of what serves on the host is open: its engine writes it, and reads it for those who follow. */
async function readers(host: string): Promise<number> {
  const id = await stage().lab.host(host).docker("ps", "-q", "--no-trunc", "--filter", "label=gantry.role=live");
  const files = globSync("/proc/[0-9]*/fd/*").map((file) => {
    try {
      return readlinkSync(file);
    } catch {
      return "";
    }
  });
  return files.filter((file) => file.endsWith(`${id}-json.log`)).length;
}

async function liveId(host: string): Promise<string> {
  return stage().lab.host(host).docker("ps", "-q", "--filter", "label=gantry.role=live");
}

test("a container that crashes after its health check passed is caught while it soaks, and the old one serves again", async () => {
  assert.ok(second !== undefined);
  const builds = [{ commit: crashes, behaviour: "good" as const, message: "crashes", environment: { EXIT_AFTER_MS: "500" } }];
  await buildSampleImages({ registry: stage().lab.registry.address, service: "api", builds });
  await deploy(crashes);
  await reaches(stage(), crashes, ["restored"]);
  assert.deepEqual(await answers(), [second.sha, second.sha]);
  await eventually(() => {
    const card = stage()
      .slack.channel("deploys")
      .messages()
      .map((m) => m.rendered)
      .join("\n");
    assert.match(
      card,
      /crash_loop[\s\S]*fatal: session cache is not a map[\s\S]*c0ffee0/,
      "the reason and the last lines are on the card",
    );
  });
  await stage().slack.as("ana").says("/deploy api prod c0ffee0");
  await eventually(() => assert.match(stage().slack.as("ana").sees("deploys").at(-1)?.rendered ?? "", /judged bad/));
});

test("the agent is killed in the middle of a swap: the next one ends it, and the service was not lost", async () => {
  assert.ok(first !== undefined);
  await stage().agent("prod-1").stop("SIGKILL");
  const failing = await stage().startAgent("prod-1", { failpoint: "before:start" });
  await deploy(first.sha);
  assert.equal(await failing.ended, "SIGKILL");
  await stage().startAgent("prod-1");
  const row = await reaches(stage(), first.sha, ["succeeded", "restored"]);
  const expected = row.phase === "succeeded" ? first.sha : second?.sha;
  assert.deepEqual(await answers(), [expected, expected]);
  for (const host of ["prod-1", "prod-2"]) assert.equal((await containers(host)).running, 1, "never two, never none");
});

test("the engine is killed while hosts swap: containers go on, and the rollout ends as it would have", async () => {
  assert.ok(first !== undefined);
  const third = sampleHistory.filter((c) => c.behaviour === "good")[3];
  assert.ok(third !== undefined);
  await deploy(third.sha);
  await reaches(stage(), third.sha, ["rolling", "soaking"]);
  const host = stage().lab.host("prod-1");
  await host.killEngine();
  await host.startEngine();
  const row = await reaches(stage(), third.sha, ["succeeded", "restored"]);
  const now = await answers();
  assert.equal(new Set(now).size, 1, `all hosts serve the same after ${row.phase}`);
  assert.equal((await containers("prod-1")).running, 1);
});

test("rollback with the registry, GitHub and Jira stopped goes back, and the logs fold to their snapshots", async () => {
  await stage().lab.registry.stop();
  await stage().github.stop();
  await stage().jira.stop();
  const before = await answers();
  await stage().slack.as("eva").says("/rollback api prod --now");
  await eventually(async () => assert.notDeepEqual(await answers(), before), 20_000);
  const after = await eventually(async () => {
    const now = await answers();
    assert.equal(new Set(now).size, 1);
    return now;
  }, 20_000);
  assert.notEqual(after[0], before[0]);
  await stage().lab.registry.start();
  logsFold(stage());
});
