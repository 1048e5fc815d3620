/** When a container has proved that it serves: how often, for how long, and that it was this very container that answered. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { afterEach, describe, it } from "node:test";
import { systemClock } from "../../src/app/clock.ts";
import type { Health, HealthProbe } from "../../src/core/release.ts";
import { createFakeEngine, type FakeProgram } from "../../src/docker/fake.ts";
import type { Answer, ContainerState, Engine, Prober } from "../../src/host/engine.ts";
import { createProber } from "../../src/host/probe.ts";
import { type Proof, proveHealth } from "../../src/host/prove.ts";
import { jumpyClock } from "./kit/jumpy-clock.ts";
import { plainSpec, spec } from "./kit/orders.ts";

const hour = 3_600_000;
const { health } = spec();

describe("the proof of a container's health", () => {
  for (const byMs of [hour, -hour]) {
    it(`does not mind that the time of day is set ${byMs > 0 ? "on" : "back"} meanwhile`, async () => {
      const clock = jumpyClock();
      const engine = createFakeEngine({ clock });
      const digest = `sha256:${"a".repeat(64)}`;
      engine.registries.push({ repository: plainSpec.image, digest, program: { healthyAfterMs: null } });
      const imageRef = await engine.pull({ repository: plainSpec.image, digest, signal: new AbortController().signal });
      const id = await engine.create({ name: "one", imageRef, spec: plainSpec, environment: [], labels: {} });
      await engine.start(id);
      let asked = 0;
      const prober = {
        ...engine.prober,
        ask: async () => {
          asked += 1;
          if (asked === 2) clock.setTimeOfDay(byMs);
          if (asked === 4) clock.pass(health.deadlineMs + 1);
          return { ok: false, detail: "answered 503" };
        },
      };
      const facts = { id, health, hostNetwork: true, signal: new AbortController().signal };
      const proof = await proveHealth({ engine, prober, clock }, facts);
      assert.deepEqual(proof, { ok: false, reason: "unhealthy", detail: "not healthy after 3 s: answered 503" });
      assert.equal(asked, 4, "it asked until the deadline had passed, and no longer");
    });
  }
});

/** Proves the health of a container whose service answers as listed (the last for ever), and tells how often it was asked. */
async function proof(facts: {
  answers: readonly boolean[];
  health: Partial<Health>;
  holder?: Prober["holder"];
}): Promise<{ proof: Proof; asked: number; tookMs: number }> {
  let asked = 0;
  const inspect = async () => running;
  const prober: Prober = {
    async ask(): Promise<Answer> {
      const ok = facts.answers[Math.min(asked, facts.answers.length - 1)] ?? false;
      asked += 1;
      return { ok, detail: ok ? "answered 200" : "answered 503" };
    },
    holder: facts.holder ?? (async () => ({ by: "container" })),
  };
  const hands = { engine: { inspect } as unknown as Engine, prober, clock: systemClock };
  const begunAt = performance.now();
  const whole = { ...health, deadlineMs: 5_000, ...facts.health };
  const told = await proveHealth(hands, { id: "c1", health: whole, hostNetwork: true, signal: new AbortController().signal });
  return { proof: told, asked, tookMs: performance.now() - begunAt };
}

const running = {
  id: "c1",
  status: "running",
  pid: 7,
  startedAt: 1,
  restarts: 0,
  labels: {},
  environment: [],
} as unknown as ContainerState;

describe("AG35: an answer alone proves nothing", () => {
  it("a service that flaps is not healthy before it answered well as often in a row as it should", async () => {
    const answers = [true, false, true, true, false, true, true, true];
    const { proof: told, asked } = await proof({ answers, health: { threshold: 3, startIntervalMs: 1 } });
    assert.equal(told.ok, true);
    assert.equal(asked, 8);
    const byDefault = await proof({ answers: [true, false, true, true, false], health: {} });
    assert.deepEqual([byDefault.proof.ok, byDefault.asked], [true, 4], "twice in a row is enough for others");
  });

  it("a service that flaps for ever fails at its deadline", async () => {
    const { proof: told } = await proof({
      answers: Array.from({ length: 10_000 }, (_, n) => n % 3 !== 2),
      health: { threshold: 3, startIntervalMs: 1, deadlineMs: 300 },
    });
    assert.deepEqual(told, { ok: false, reason: "unhealthy", detail: "not healthy after 0.3 s: answered 503" });
  });

  it("failures in the start period do not count, those after it do", async () => {
    const {
      proof: told,
      tookMs,
      asked,
    } = await proof({
      answers: [false],
      health: { startPeriodMs: 200, startIntervalMs: 10, intervalMs: 20, failures: 4 },
    });
    const detail = "failed 4 times in a row after its start period of 0.2 s: answered 503";
    assert.deepEqual(told, { ok: false, reason: "unhealthy", detail });
    assert.ok(tookMs >= 200 && tookMs < 3_000, `${tookMs} ms, long before the deadline`);
    assert.ok(asked > 5, "it asked meanwhile");
  });

  it("one good answer after the start period makes the failures begin anew", async () => {
    const pace = { startPeriodMs: 0, startIntervalMs: 1, intervalMs: 1, failures: 3 };
    const { proof: told } = await proof({ answers: [false, false, true, false, false, true, true], health: pace });
    assert.equal(told.ok, true);
  });

  it("without a start period only the deadline ends the wait", async () => {
    const { proof: told, asked } = await proof({ answers: [...Array(20).fill(false), true], health: {} });
    assert.equal(told.ok, true);
    assert.equal(asked, 22);
  });
});

describe("AG15: the old container, or a stranger, answers", () => {
  const children: ChildProcess[] = [];
  afterEach(() => {
    for (const child of children.splice(0)) child.kill("SIGKILL");
  });

  /** A process that serves HTTP on the port (0: any) as soon as it is free, or one that only stands there. */
  async function program(port: number | null): Promise<{ pid: number; port: number; end(): Promise<void> }> {
    const serve = `
      const server = require("http").createServer((q, r) => r.end("ok"));
      server.on("listening", () => console.log(server.address().port));
      server.on("error", () => { console.log(0); setTimeout(() => server.listen(${port}, "127.0.0.1"), 20); });
      server.listen(${port}, "127.0.0.1");`;
    const stand = "setInterval(() => 0, 1e6); console.log(0)";
    const child = spawn(process.execPath, ["-e", port === null ? stand : serve], { stdio: ["ignore", "pipe", "inherit"] });
    children.push(child);
    const [said] = await once(child.stdout, "data");
    const end = async () => {
      child.kill("SIGKILL");
      await once(child, "exit");
    };
    return { pid: child.pid ?? 0, port: Number(said), end };
  }

  function prove(pid: number, probe: HealthProbe, exec?: Engine["exec"]): Promise<Proof> {
    const inspect = async () => ({ ...running, pid });
    const hands = { engine: { inspect, exec } as unknown as Engine, prober: createProber(), clock: systemClock };
    const whole = { ...health, probe, deadlineMs: 5_000 };
    return proveHealth(hands, { id: "c1", health: whole, hostNetwork: true, signal: new AbortController().signal });
  }

  it("over HTTP: its answers do not count for the new one, and it is named", async () => {
    const [old, fresh] = [await program(0), await program(null)];
    const told = await prove(fresh.pid, { kind: "http", url: `http://127.0.0.1:${old.port}/` });
    assert.equal(told.ok, false);
    assert.equal(!told.ok && told.reason, "port_in_use");
    assert.match(
      told.ok ? "" : told.detail,
      new RegExp(`port ${old.port} is held by .*\\(pid ${old.pid}\\), not by the new container`),
    );
    const own = await prove(old.pid, { kind: "http", url: `http://127.0.0.1:${old.port}/` });
    assert.equal(own.ok, true, "for itself they do");
  });

  it("to a command in the container: they do not count when the port is named", async () => {
    const [old, fresh] = [await program(0), await program(null)];
    const exec: Engine["exec"] = async () => ({ exitCode: 0, output: "" });
    const told = await prove(fresh.pid, { kind: "container", command: ["/check"], port: old.port }, exec);
    assert.equal(!told.ok && told.reason, "port_in_use");
    assert.equal((await prove(old.pid, { kind: "container", command: ["/check"], port: old.port }, exec)).ok, true);
  });

  it("for a moment only, while the old one ends: then the new one has the port and is proved", async () => {
    const old = await program(0);
    const fresh = await program(old.port);
    const proving = prove(fresh.pid, { kind: "tcp", host: "127.0.0.1", port: old.port });
    await old.end();
    assert.equal((await proving).ok, true);
  });

  it("an answer that names its release needs no look at the socket", async () => {
    let looks = 0;
    const echo = { kind: "http", url: "http://127.0.0.1:1/", echo: "body" } as const;
    const holder: Prober["holder"] = async () => {
      looks += 1;
      return { by: "other", detail: "port 1 is held by haproxy (pid 9)" };
    };
    assert.equal((await proof({ answers: [true], health: { probe: echo }, holder })).proof.ok, true);
    assert.equal(looks, 0);
  });
});

describe("a command in the container", () => {
  async function prove(command: readonly string[], more: Partial<Health> = {}, program: FakeProgram = {}): Promise<Proof> {
    const engine = createFakeEngine({ clock: systemClock });
    const digest = `sha256:${"a".repeat(64)}`;
    engine.registries.push({ repository: plainSpec.image, digest, program });
    const imageRef = await engine.pull({ repository: plainSpec.image, digest, signal: new AbortController().signal });
    const environment = ["DB_PASSWORD=hunter2hunter2"];
    const id = await engine.create({ name: "one", imageRef, spec: plainSpec, environment, labels: {} });
    await engine.start(id);
    const probe = { kind: "container", command, timeoutMs: 100 } as const;
    const whole = { intervalMs: 100, deadlineMs: 400, startIntervalMs: 10, probe, ...more };
    const facts = { id, health: whole, hostNetwork: true, signal: new AbortController().signal };
    return await proveHealth({ engine, prober: engine.prober, clock: systemClock }, facts);
  }

  it("is healthy when it ends with exit code 0", async () => {
    assert.equal((await prove(["sh", "-c", "exit 0"])).ok, true);
  });

  it("says how it ended and its first line, without the container's secrets", async () => {
    const told = await prove(["sh", "-c", "echo no database as hunter2hunter2; exit 4"]);
    const detail = "not healthy after 0.4 s: its command sh ended with exit code 4: no database as [redacted]";
    assert.deepEqual(told, { ok: false, reason: "unhealthy", detail });
  });

  it("that hangs, or is not in the image, says so", async () => {
    const hung = await prove(["sleep", "60"]);
    assert.equal(!hung.ok && hung.detail, "not healthy after 0.4 s: its command sleep did not end in 0.1 s");
    const missing = await prove(["/bin/chek"]);
    assert.match(missing.ok ? "" : missing.detail, /its command \/bin\/chek ended with exit code 126: .*no such file/);
  });

  it("in a container that ends meanwhile tells of the container", async () => {
    const told = await prove(["sh", "-c", "exit 1"], {}, { exitAfterMs: 50, exitCode: 3 });
    assert.deepEqual(told, { ok: false, reason: "exited", detail: "the container ended: exit code 3" });
  });
});
