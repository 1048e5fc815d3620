import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { buildSampleImages } from "../../../src/rehearsal/fleet/images.ts";
import { run } from "../../../src/rehearsal/fleet/run.ts";
import { eventually } from "../../kit/eventually.ts";
import { sampleCommit, testLab } from "../../kit/lab.ts";

const fleet = testLab({ name: "prod-1", labels: { env: "prod" } }, "prod-2");
const good = sampleCommit("1a4c9e2");
const newer = sampleCommit("3f2a1c9");

/** Starts a sample build as the seed runs services: on the host's network, kept running. */
async function serve(host: string, build = good, ...options: string[]): Promise<string> {
  const image = `${fleet.repository}@${fleet.digest(build)}`;
  return fleet.host(host).docker("run", "-d", "--net=host", "--restart=unless-stopped", ...options, image);
}

function page(host: string): Promise<string> {
  return eventually(async () => (await fleet.host(host).fetch("/")).body);
}

test("each host has port 8080, a name and containers of its own", async () => {
  const first = await serve("prod-1", good);
  const second = await serve("prod-2", newer);
  assert.equal(await page("prod-1"), `api ${good.sha} on prod-1\n`);
  assert.equal(await page("prod-2"), `api ${newer.sha} on prod-2\n`);
  assert.equal(await fleet.host("prod-1").docker("ps", "-q", "--no-trunc"), first);
  assert.equal(await fleet.host("prod-2").docker("ps", "-q", "--no-trunc"), second);
  assert.deepEqual(fleet.host("prod-1").labels, { env: "prod" });
});

test("the engine may die and come back; the service does not notice", async () => {
  const host = fleet.host("prod-1");
  await host.killEngine();
  assert.equal((await host.fetch("/healthz")).body, "ok\n");
  await assert.rejects(host.docker("ps"));
  await host.startEngine();
  assert.match(await host.docker("ps"), /Up .*api|api.* Up/s);
});

test("a host without power is gone, and after the boot serves again", async () => {
  const host = fleet.host("prod-1");
  await host.cutPower();
  await assert.rejects(host.fetch("/"), /ECONNREFUSED/);
  await host.startEngine();
  assert.equal(await page("prod-1"), `api ${good.sha} on prod-1\n`);
});

test("a partition hangs rather than refuses, and heals", async () => {
  const host = fleet.host("prod-2");
  await host.partition();
  await assert.rejects(host.fetch("/", 300), { name: "AbortError" });
  assert.equal((await fleet.host("prod-1").fetch("/")).status, 200);
  await host.heal();
  assert.equal(await page("prod-2"), `api ${newer.sha} on prod-2\n`);
});

test("a process spawned on a host sees the host's name and network, and reaches this machine over the bridge", async () => {
  const registry = fleet.lab.registry.address;
  const script = `hostname; busybox wget -qO- http://127.0.0.1:8080/healthz; busybox wget -qO- http://${registry}/v2/`;
  const child = fleet.host("prod-1").spawn("sh", ["-c", script]);
  let said = "";
  child.stdout?.on("data", (chunk) => {
    said += chunk;
  });
  await new Promise((resolve) => child.on("close", resolve));
  assert.equal(said, "prod-1\nok\n{}");
});

test("the registry can be stopped: no pulls, but what is on a host still starts", async () => {
  const host = fleet.host("prod-2");
  await fleet.lab.registry.stop();
  await assert.rejects(host.docker("pull", `${fleet.repository}@${fleet.digest(good)}`), /refused/);
  await host.docker("restart", await host.docker("ps", "-q"));
  assert.equal(await page("prod-2"), `api ${newer.sha} on prod-2\n`);
  await fleet.lab.registry.start();
  await host.docker("pull", `${fleet.repository}@${fleet.digest(good)}`);
});

test("sample builds behave as the history says", async () => {
  const host = fleet.host("prod-2");
  await host.docker("rm", "-f", await host.docker("ps", "-q"));

  const unhealthy = await serve("prod-2", sampleCommit("7c81f36"));
  await page("prod-2");
  assert.equal((await host.fetch("/healthz")).status, 503);
  assert.match(await host.docker("logs", unhealthy), /user database unreachable/);
  await host.docker("rm", "-f", unhealthy);

  const dying = await serve("prod-2", sampleCommit("9d05b8a"), "--restart=no", "-e", "EXIT_AFTER_MS=300");
  assert.equal(await host.docker("wait", dying), "1");
  assert.match(await host.docker("logs", dying), /session cache is not a map\n.*at SessionCache/);
  await host.docker("rm", dying);

  const polite = await serve("prod-2");
  await page("prod-2");
  const askedAt = performance.now();
  await host.docker("stop", "-t", "8", polite);
  assert.ok(performance.now() - askedAt < 4_000, "a service stops when asked, long before it is killed");
  assert.equal(await host.docker("inspect", "-f", "{{.State.ExitCode}}", polite), "0");
});

test("building again finds every image as it was, and pushes nothing", async () => {
  const said: string[] = [];
  const builds = [{ commit: good.sha, behaviour: good.behaviour, message: good.title }];
  const registry = fleet.lab.registry.address;
  const again = await buildSampleImages({ registry, service: "api", builds, onProgress: (line) => said.push(line) });
  assert.equal(again.get(good.sha), fleet.digest(good));
  assert.match(said.join(), /^found api:1a4c9e2/);
});

test("a stopped lab leaves nothing: no process, mount, namespace, interface, cgroup or file", async () => {
  const { lab } = fleet;
  const id = lab.dir.split("/").at(-1) ?? "";
  assert.match(id, /^[0-9a-f]{4}$/);
  await lab.stop();
  assert.equal(existsSync(lab.dir), false);
  assert.equal(existsSync(`${lab.dir}.json`), false);
  assert.doesNotMatch(readFileSync("/proc/self/mountinfo", "utf8"), new RegExp(lab.dir));
  assert.doesNotMatch(await run("ip", ["netns"]), new RegExp(`g${id}-`));
  assert.doesNotMatch(await run("ip", ["-br", "link"]), new RegExp(`g[bv]${id}`));
  assert.equal(await run("sh", ["-c", `ls -d /sys/fs/cgroup/g${id}-* /sys/fs/cgroup/*/g${id}-* 2>/dev/null || true`]), "");
  assert.doesNotMatch(await run("ps", ["-eo", "args"]), new RegExp(`${lab.dir}/`));
});
