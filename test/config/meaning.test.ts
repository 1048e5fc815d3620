import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { loadConfig } from "../../src/config/load.ts";
import type { EnvironmentConfig } from "../../src/config/valid.ts";
import { defaultPolicy } from "../../src/core/plan.ts";
import type { ContainerSpec, Health } from "../../src/core/release.ts";
import { goodService, valid, withCompose, withGantry, withProd } from "./files.ts";

const examples = join(dirname(fileURLToPath(import.meta.url)), "../../examples");

function containerOf(...lines: readonly string[]): ContainerSpec {
  return (valid({ service: withCompose(...lines) }).services[0] as { spec: { container: ContainerSpec } }).spec.container;
}

function healthOf(service: string): Health {
  return (valid({ service }).services[0] as { spec: { health: Health } }).spec.health;
}

function prodOf(text: string): EnvironmentConfig {
  return valid({ service: withProd(text) }).services[0]?.environments.at(-1) as EnvironmentConfig;
}

test("the examples are valid", () => {
  const loaded = loadConfig(join(examples, "gantry.yml"));
  assert.deepEqual(loaded.ok ? loaded.config.services.map(({ name }) => name) : loaded.errors, [
    "api",
    "mailer",
    "metrics",
    "orders",
    "web",
  ]);
});

test("a short file has every default", () => {
  const [service] = valid({}).services;
  assert.deepEqual(service?.spec, {
    container: {
      image: "registry.example.com/api",
      environment: {},
      envFiles: [],
      command: null,
      entrypoint: null,
      volumes: [],
      user: null,
      healthcheck: null,
      stopSignal: null,
      stopGraceMs: 10_000,
      ulimits: [],
      memoryBytes: null,
      cpus: null,
      labels: {},
      network: "host",
      logging: null,
    },
    health: { probe: { kind: "none" }, intervalMs: 1000, deadlineMs: 60_000 },
  });
  assert.deepEqual(service?.environments[1], {
    name: "prod",
    after: "staging",
    hosts: { env: "prod" },
    approvals: { required: 0, from: [], notRequester: true, expireMs: 1_800_000 },
    deployers: ["deployers"],
    oncall: ["oncall"],
    rollout: defaultPolicy,
  });
  assert.equal(service?.repository, null);
});

test("a scalar is the text that was written: a SHA is never a number", () => {
  const written = ["12e4567", "0012345", "0xabc123", "1_000", ".inf", "no", "yes", "on", "true", "1.10"];
  const spec = containerOf("environment:", ...written.map((value, at) => `  V${at}: ${value}`));
  assert.deepEqual(Object.values(spec.environment), written);
});

test("the compose keys mean what they mean to Compose", () => {
  const spec = containerOf(
    "environment: [A=1, B=, 'C=x=y', 'D=a$$b']",
    "env_file: [/etc/api/a.env, b.env]",
    `command: serve --name 'two words' "a \\"b\\"" c\\ d ''`,
    "entrypoint: [/bin/api, '']",
    "volumes: ['/srv/a:/a:ro', { type: bind, source: /srv/b, target: /b }]",
    "user: 1000:1000",
    "healthcheck: { test: curl -f localhost || exit 1, interval: 1m30s, timeout: 500ms, retries: 2, start_period: 5s }",
    "stop_signal: INT",
    "stop_grace_period: 1m",
    "ulimits: { nofile: { soft: 1024, hard: 2048 }, core: 0, memlock: -1 }",
    "mem_limit: 1.5g",
    "deploy: { resources: { limits: { cpus: '0.5', memory: 1536m } } }",
    "labels: [team=a=b, empty]",
    "network_mode: bridge",
    "logging: { driver: json-file, options: { max-size: 10m } }",
  );
  assert.deepEqual(spec, {
    image: "registry.example.com/api",
    environment: { A: "1", B: "", C: "x=y", D: "a$b" },
    envFiles: ["/etc/api/a.env", "b.env"],
    command: ["serve", "--name", "two words", 'a "b"', "c d", ""],
    entrypoint: ["/bin/api", ""],
    volumes: [
      { source: "/srv/a", target: "/a", readOnly: true },
      { source: "/srv/b", target: "/b", readOnly: false },
    ],
    user: "1000:1000",
    healthcheck: {
      disabled: false,
      test: ["CMD-SHELL", "curl -f localhost || exit 1"],
      intervalMs: 90_000,
      timeoutMs: 500,
      retries: 2,
      startPeriodMs: 5000,
    },
    stopSignal: "SIGINT",
    stopGraceMs: 60_000,
    ulimits: [
      { name: "nofile", soft: 1024, hard: 2048 },
      { name: "core", soft: 0, hard: 0 },
      { name: "memlock", soft: -1, hard: -1 },
    ],
    memoryBytes: 1_610_612_736,
    cpus: 0.5,
    labels: { team: "a=b", empty: "" },
    network: "bridge",
    logging: { driver: "json-file", options: { "max-size": "10m" } },
  });
});

test("health has short and long forms", () => {
  const probes: readonly (readonly [string, Health["probe"]])[] = [
    ["http://localhost/", { kind: "http", url: "http://localhost/" }],
    ["{ http: 'http://[::1]:8080/healthz?deep=1' }", { kind: "http", url: "http://[::1]:8080/healthz?deep=1" }],
    ["{ http: http://127.0.0.1:8080 }", { kind: "http", url: "http://127.0.0.1:8080/" }],
    ["tcp://127.0.0.1:6379", { kind: "tcp", host: "127.0.0.1", port: 6379 }],
    ["{ tcp: 6379 }", { kind: "tcp", host: "127.0.0.1", port: 6379 }],
    ["{ tcp: '[::1]:6379' }", { kind: "tcp", host: "::1", port: 6379 }],
    ["container", { kind: "container" }],
    ["{ container: true, deadline: 5m }", { kind: "container" }],
    ["none", { kind: "none" }],
    ["{ interval: 2s }", { kind: "none" }],
  ];
  for (const [text, probe] of probes) assert.deepEqual(healthOf(withGantry(`health: ${text}`)).probe, probe, text);
  assert.deepEqual(healthOf(withGantry("health: { tcp: 80, interval: 200ms, deadline: 90s }")), {
    probe: { kind: "tcp", host: "127.0.0.1", port: 80 },
    intervalMs: 200,
    deadlineMs: 90_000,
  });
});

test("without health, the container's own healthcheck is asked if there is one", () => {
  assert.equal(healthOf(withCompose("healthcheck: { test: 'true' }")).probe.kind, "container");
  assert.equal(healthOf(withCompose("healthcheck: { disable: true }")).probe.kind, "none");
  assert.deepEqual(containerOf("healthcheck: { test: [NONE] }").healthcheck, { disabled: true });
});

test("environments stand in promotion order, whatever the order written", () => {
  const service = goodService.replace(
    / {4}staging:[\s\S]*/,
    [
      "    prod: { after: staging, hosts: { env: prod } }",
      "    canary-lab: { hosts: { env: lab } }",
      "    staging: { after: dev, hosts: { env: staging } }",
      "    dev: { hosts: { env: dev } }",
    ].join("\n"),
  );
  const names = valid({ service }).services[0]?.environments.map(({ name }) => name);
  assert.deepEqual(names, ["canary-lab", "dev", "staging", "prod"]);
});

test("approvals are required once somebody may give them", () => {
  assert.equal(prodOf("{ hosts: { e: p }, approvals: { from: [release-captains] } }").approvals.required, 1);
  assert.equal(prodOf("{ hosts: { e: p }, approvals: { from: release-captains, required: 0 } }").approvals.required, 0);
  assert.equal(
    prodOf("{ hosts: { e: p }, approvals: { from: [oncall], required: 5 } }").approvals.required,
    5,
    "groups cannot be counted",
  );
});

test("a rollout's amounts are numbers or shares", () => {
  const { rollout } = prodOf(
    "{ hosts: { e: p }, rollout: { canary: 0, batch: 3, soak: 0s, perHostDeadline: 3m, maxFailed: 10%, maxUnavailable: 4 } }",
  );
  assert.deepEqual(rollout, {
    ...defaultPolicy,
    canary: { hosts: 0 },
    batch: { hosts: 3 },
    soakMs: 0,
    endSoakMs: 0,
    hostDeadlineMs: 180_000,
    maxFailed: { percent: 10 },
    maxUnavailable: { hosts: 4 },
  });
  assert.deepEqual(prodOf("{ hosts: { e: p }, rollout: { canary: 5%, batch: 100% } }").rollout.canary, { percent: 5 });
});

test("a list of batches says how much of the fleet has the release by then, and is its own canary", () => {
  const { rollout } = prodOf("{ hosts: { e: p }, rollout: { batch: [1, 10%, 25%, 100%] } }");
  assert.deepEqual(rollout.batch, [{ hosts: 1 }, { percent: 10 }, { percent: 25 }, { percent: 100 }]);
  assert.deepEqual(rollout.canary, { hosts: 0 });
});

test("soak, watch and spread have a short form and a long one", () => {
  const long = prodOf(
    "{ hosts: { e: p }, rollout: { soak: { end: 10m }, watch: { for: 1h, onUnwell: rollback }, spread: { label: zone, order: in-turn } } }",
  ).rollout;
  assert.equal(long.soakMs, 30_000);
  assert.equal(long.endSoakMs, 600_000);
  assert.deepEqual(long.watch, { forMs: 3_600_000, onUnwell: "rollback" });
  assert.deepEqual(long.spread, { label: "zone", order: "in_turn" });
  const short = prodOf("{ hosts: { e: p }, rollout: { soak: 1m, watch: 0s, spread: zone } }").rollout;
  assert.deepEqual([short.soakMs, short.endSoakMs], [60_000, 60_000]);
  assert.deepEqual(short.watch, { forMs: 0, onUnwell: "raise" });
  assert.deepEqual(short.spread, { label: "zone", order: "apart" });
});

test("a failed rollout waits for a person where approvals are needed, and goes back by itself elsewhere", () => {
  assert.equal(prodOf("{ hosts: { e: p } }").rollout.onFailure, "rollback");
  assert.equal(prodOf("{ hosts: { e: p }, approvals: { from: [oncall] } }").rollout.onFailure, "pause");
  assert.equal(
    prodOf("{ hosts: { e: p }, approvals: { from: [oncall] }, rollout: { onFailure: restore } }").rollout.onFailure,
    "restore",
  );
});

test("the default deadline without progress leaves room for a host that takes long", () => {
  assert.equal(prodOf("{ hosts: { e: p }, rollout: { perHostDeadline: 1h } }").rollout.deadlineMs, 3_660_000);
});

test("the default host deadline leaves room for a long health deadline", () => {
  const [service] = valid({ service: withGantry("health: { tcp: 80, deadline: 10m }") }).services;
  assert.equal(service?.environments[0]?.rollout.hostDeadlineMs, 600_000 + 10_000 + 30_000);
});

test("the file's name is the service's name when none is written", () => {
  assert.equal(valid({ service: goodService.replace("name: api\n", "") }).services[0]?.name, "api");
});
