import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { ContainerSpec, Health } from "../../src/core/release.ts";
import type { DesiredSlot, ObservedSlot } from "../../src/core/slot.ts";
import { eventually } from "../kit/eventually.ts";
import { sampleCommit, testLab } from "../kit/lab.ts";
import { emptyOrder, order } from "./kit/orders.ts";
import { type RealHost, realHost, startTestServer, type TestServer } from "./kit/real-host.ts";

const lab = testLab("prod-1");
const good = sampleCommit("1a4c9e2");
const better = sampleCommit("3f2a1c9");
const unhealthy = sampleCommit("7c81f36");

/** The sample service, until there is a file /told/die: however slow this machine is, it was healthy first. */
const diesWhenTold = [
  ...["/bin/busybox", "sh", "-c"],
  `{ until [ -e /told/die ]; do usleep 50000; done; echo "fatal: session cache is not a map"; kill -USR1 1; } & . /entrypoint.sh`,
];

describe("one agent on a real engine", () => {
  let server: TestServer;
  let host: RealHost;
  let generation = 0;

  before(async () => {
    server = await startTestServer(lab.lab.bridgeAddress);
    host = realHost(lab.host("prod-1"), server);
    await host.start();
  });
  after(async () => {
    await host.end();
    await server.stop();
  });

  type Changes = { release: number; container?: Partial<ContainerSpec>; health?: Partial<Health> };

  function next(commit: { sha: string }, changes: Changes): DesiredSlot {
    generation += 1;
    const container = { image: lab.repository, ...changes.container };
    return order({ ...changes, generation, digest: lab.digest(sampleCommit(commit.sha)), container });
  }

  function failureOf(slot: ObservedSlot) {
    assert.equal(slot.outcome?.ok, false, JSON.stringify(slot));
    return slot.outcome as Extract<ObservedSlot["outcome"], { ok: false }>;
  }

  async function answers(commit: { sha: string }): Promise<void> {
    const { status, body } = await host.lab.fetch("/");
    assert.equal(status, 200);
    assert.match(body, new RegExp(commit.sha));
  }

  it("deploys to an empty host, then swaps and keeps the one before", async () => {
    const first = await host.carryOut(next(good, { release: 1 }));
    assert.equal(first.outcome?.ok, true, JSON.stringify(first));
    assert.equal(first.live?.release, 1);
    await answers(good);
    const second = await host.carryOut(next(better, { release: 2 }));
    assert.equal(second.outcome?.ok, true, JSON.stringify(second));
    await answers(better);
    await eventually(async () => assert.deepEqual(await host.containers(), ["live r2 running", "previous r1 created"]));
    const image = await host.lab.docker(
      "inspect",
      "--format",
      "{{.Config.Image}} {{.HostConfig.RestartPolicy.Name}}",
      name(second),
    );
    assert.equal(image, `${lab.repository}@${lab.digest(better)} unless-stopped`);
  });

  it("restores the old one when the new one never becomes healthy, and says why with its last lines", async () => {
    const failure = failureOf(await host.carryOut(next(unhealthy, { release: 3, health: { deadlineMs: 1_200 } })));
    assert.equal(failure.reason, "unhealthy");
    assert.match(failure.detail, /not healthy after 1.2 s: GET http:\/\/127.0.0.1:8080\/healthz answered 503/);
    assert.match(failure.logTail.join("\n"), /user database unreachable/);
    assert.equal(failure.after, "restored");
    await answers(better);
    await eventually(async () => assert.deepEqual(await host.containers(), ["live r2 running", "previous r1 created"]));
  });

  it("restores the old one when the new one exits at once", async () => {
    const failure = failureOf(
      await host.carryOut(next(good, { release: 3, container: { environment: { EXIT_AT_START: "3" } } })),
    );
    assert.equal(failure.reason, "exited");
    assert.match(failure.detail, /exit code 3/);
    assert.match(failure.logTail.join("\n"), /DATABASE_URL is missing/);
    await answers(better);
  });

  it("AG8: restores the old one when the new one cannot be started at all", async () => {
    const failure = failureOf(await host.carryOut(next(good, { release: 3, container: { entrypoint: ["/no/such/program"] } })));
    assert.equal(failure.reason, "start_failed");
    assert.equal(failure.after, "restored");
    await answers(better);
  });

  it("AG16: is not fooled by a stranger who answers well on the port, and does not touch the old one for that", async () => {
    const startedAt = async () => await host.lab.docker("inspect", "--format", "{{.State.StartedAt}}", name(await now()));
    const serving = await startedAt();
    const stranger = host.lab.spawn("busybox", ["nc", "-ll", "-p", "9090", "-e", "/bin/echo", "-e", "HTTP/1.1 200 OK\r\n\r\n"]);
    try {
      const health: Partial<Health> = { probe: { kind: "tcp", host: "127.0.0.1", port: 9090 }, deadlineMs: 10_000 };
      const failure = failureOf(await host.carryOut(next(good, { release: 3, health })));
      assert.equal(failure.reason, "port_in_use", JSON.stringify(failure));
      assert.match(failure.detail, /port 9090 is held by busybox \(pid \d+\); nothing was touched/);
      await answers(better);
      assert.equal(await startedAt(), serving);
    } finally {
      stranger.kill();
      await once(stranger, "exit");
    }
  });

  it("leaves the old one alone when an env_file is not on the host", async () => {
    const before_ = await host.lab.docker("inspect", "--format", "{{.State.StartedAt}}", name(await now()));
    const failure = failureOf(await host.carryOut(next(good, { release: 3, container: { envFiles: ["api.env"] } })));
    assert.equal(failure.reason, "env_file_missing");
    assert.match(failure.detail, /api\.env is not on this host/);
    assert.equal(failure.after, "restored");
    assert.equal(await host.lab.docker("inspect", "--format", "{{.State.StartedAt}}", name(await now())), before_);
  });

  it("AG18: kills an old one that ignores SIGTERM after its grace", async () => {
    const container = { environment: { IGNORE_TERM: "1" }, stopGraceMs: 1_000 };
    assert.equal((await host.carryOut(next(good, { release: 4, container }))).outcome?.ok, true);
    const slot = await host.carryOut(next(better, { release: 5 }));
    assert.equal(slot.outcome?.ok, true, JSON.stringify(slot));
    assert.ok((slot.outcome?.tookMs ?? 0) >= 1_000);
    assert.ok(host.log.some((line) => line.includes("ignored its stop signal")));
    await answers(better);
  });

  it("goes back with the registry stopped", async () => {
    await lab.lab.registry.stop();
    try {
      const slot = await host.carryOut(next(good, { release: 4 }));
      assert.equal(slot.outcome?.ok, true, JSON.stringify(slot));
      await answers(good);
    } finally {
      await lab.lab.registry.start();
    }
  });

  it("does nothing when what is wanted serves already, and says so at once", async () => {
    const container = await now();
    const slot = await host.carryOut(next(good, { release: 4 }));
    assert.equal(slot.outcome?.ok, true);
    assert.equal(slot.live?.containerId, container.live?.containerId);
    assert.equal(slot.live?.generation, generation);
  });

  it("AG14: notices a container that dies after it was healthy", async () => {
    const told = await mkdtemp(join(host.lab.dir, "told-"));
    const volumes = [{ source: told, target: "/told", readOnly: true }];
    const slot = await host.carryOut(next(good, { release: 6, container: { volumes, entrypoint: diesWhenTold } }));
    assert.equal(slot.outcome?.ok, true, JSON.stringify(slot));
    await writeFile(join(told, "die"), "");
    const sick = await host.desk.seen("prod-1", (p) => p.slots[0]?.live?.health === "restarting");
    assert.match(sick.slots[0]?.live?.detail ?? "", /Docker started it again/);
    assert.match((sick.slots[0]?.live?.logTail ?? []).join("\n"), /session cache is not a map/);
    const back = await host.carryOut(next(better, { release: 5 }));
    assert.equal(back.outcome?.ok, true);
    await answers(better);
  });

  it("fails for an image that the registry does not have, without touching anything", async () => {
    generation += 1;
    const digest = `sha256:${"0".repeat(64)}`;
    const slot = order({ generation, release: 7, digest, container: { image: lab.repository } });
    const failure = failureOf(await host.carryOut(slot));
    assert.equal(failure.reason, "image_missing");
    await answers(better);
  });

  it("AG4: goes on when the engine is killed in the middle of a swap", async () => {
    host.tell(next(good, { release: 8, container: { environment: { START_DELAY_MS: "1500" } }, health: { deadlineMs: 20_000 } }));
    await host.desk.seen("prod-1", (p) => p.slots[0]?.generation === generation && p.slots[0].step === "checking");
    await host.lab.killEngine();
    await host.desk.seen("prod-1", (p) => !p.engine.ok);
    await host.lab.startEngine();
    const slot = await host.desk.settled("prod-1", generation, 30_000);
    assert.equal(slot.outcome?.ok, true, JSON.stringify(slot));
    await answers(good);
    await eventually(async () => assert.deepEqual(await host.containers(), ["live r8 running", "previous r5 created"]));
  });

  it("makes the slot empty", async () => {
    generation += 1;
    const slot = await host.carryOut(emptyOrder(generation));
    assert.equal(slot.outcome?.ok, true);
    assert.deepEqual(await host.containers(), []);
  });

  async function now(): Promise<ObservedSlot> {
    const picture = await host.desk.seen("prod-1", (p) => p.slots[0]?.live != null);
    return picture.slots[0] as ObservedSlot;
  }

  function name(slot: ObservedSlot): string {
    return slot.live?.containerId ?? "nothing";
  }
});
