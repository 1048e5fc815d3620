/** Several containers in one file: which one is released, what each waits for, and which images they may have. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { membersOf, mostContainers } from "../../src/core/members.ts";
import type { ReleaseSpec } from "../../src/core/release.ts";
import { parseFromServer } from "../../src/fleet/protocol.ts";
import { goodGantry, goodService, saysOfService, valid, withCompose } from "./files.ts";
import { type Case, tell } from "./tell.ts";

/** The good file with more containers: the first one is on line 5. */
function beside(...containers: readonly string[]): string {
  return goodService.replace("x-gantry:", () => [...containers.map((line) => `  ${line}`), "x-gantry:"].join("\n"));
}

const metrics = "metrics: { image: registry.example.com/metrics:v3, healthcheck: { test: [CMD, /up] } }";

function specOf(service: string): ReleaseSpec {
  return valid({ service }).services[0]?.spec as ReleaseSpec;
}

function orderOf(spec: ReleaseSpec): readonly string[] {
  return membersOf({ digest: "sha256:0", spec }).map(({ name }) => name ?? "(released)");
}

test("a container beside the released one stands in the spec with its tag, its health and what it waits for", () => {
  const spec = specOf(
    withCompose("depends_on: { metrics: { condition: service_healthy } }").replace(
      "x-gantry:",
      () =>
        `  ${metrics}\n  logs: { image: registry.example.com/logs@sha256:${"a".repeat(64)}, depends_on: [metrics] }\nx-gantry:`,
    ),
  );
  assert.equal(spec.name, "api");
  assert.deepEqual(spec.dependsOn, [{ on: "metrics", condition: "healthy" }]);
  const told = spec.supporting?.map(({ name, reference, digest, dependsOn, container }) => {
    return { name, reference, digest, dependsOn, image: container.image };
  });
  assert.deepEqual(told, [
    { name: "metrics", reference: "v3", digest: null, dependsOn: [], image: "registry.example.com/metrics" },
    {
      name: "logs",
      reference: `sha256:${"a".repeat(64)}`,
      digest: null,
      dependsOn: [{ on: "metrics", condition: "started" }],
      image: "registry.example.com/logs",
    },
  ]);
  assert.deepEqual(
    spec.supporting?.map(({ health }) => health.probe.kind),
    ["container", "none"],
  );
  assert.deepEqual(orderOf(spec), ["metrics", "logs", "(released)"]);
});

test("a plain service has no word of other containers in its spec", () => {
  assert.deepEqual(Object.keys(specOf(goodService)), ["container", "health"]);
});

test("a container of the released image without tag runs each new build: a migration", () => {
  const spec = specOf(
    withCompose("depends_on: { migrate: { condition: service_completed_successfully } }").replace(
      "x-gantry:",
      "  migrate: { image: registry.example.com/api, command: migrate, restart: no }\nx-gantry:",
    ),
  );
  const [migrate] = membersOf({ digest: "sha256:new", spec });
  assert.deepEqual([migrate?.name, migrate?.digest, migrate?.isOneShot], ["migrate", "sha256:new", true]);
  assert.equal(spec.supporting?.[0]?.reference, null);
  assert.equal(spec.supporting?.[0]?.health.deadlineMs, 300_000, "it has five minutes to get to its end");
});

test("the released container is the only one, the one that x-gantry names, or the one named like the service", () => {
  const two = "name: web\nservices:\n  one: { image: registry.example.com/a:v1 }\n  web: { image: registry.example.com/b }\n";
  const block = "x-gantry:\n  environments: { prod: { hosts: { env: prod } } }";
  assert.equal(specOf(two + block).name, "web");
  const named = `${two.replace("a:v1", "a").replace("/b", "/b:v1")}${block}\n  release: one`;
  assert.equal(specOf(named).name, "one");
  assert.deepEqual(saysOfService(`${two.replace("web:", "two:")}${block}`), [
    "2:1 none of one, two is called web, so that it is open which one gets the new image; write release: one under x-gantry, or whichever it is",
  ]);
});

test("a supporting container's own check gives it the time that it takes to say no", () => {
  const slow =
    "slow: { image: registry.example.com/slow:v1, healthcheck: { test: x, interval: 30s, timeout: 10s, retries: 4, start_period: 1m } }";
  assert.equal(specOf(beside(slow)).supporting?.[0]?.health.deadlineMs, 60_000 + 4 * 40_000);
});

test("x-gantry.supporting says how its health is told; a host has time for all that is waited for", () => {
  const service = withCompose("depends_on: { metrics: { condition: service_healthy } }").replace(
    "x-gantry:",
    "  metrics: { image: registry.example.com/metrics:v3 }\nx-gantry:\n  supporting: { metrics: { health: { tcp: 9100, deadline: 3m } } }",
  );
  const [config] = valid({ service }).services;
  assert.deepEqual(config?.spec.supporting?.[0]?.health, {
    probe: { kind: "tcp", host: "127.0.0.1", port: 9100 },
    intervalMs: 1000,
    deadlineMs: 180_000,
  });
  assert.equal(config?.environments[0]?.rollout.hostDeadlineMs, 180_000 + 60_000 + 20_000 + 30_000);
});

test("what has profiles is for the laptop: hosts do not run it, and its keys are not looked at", () => {
  const spec = specOf(
    withCompose("depends_on: { shell: { condition: service_started, required: false } }").replace(
      "x-gantry:",
      "  shell: { build: ., profiles: [debug] }\nx-gantry:",
    ),
  );
  assert.deepEqual(Object.keys(spec), ["container", "health"]);
});

test("what is wrong with several containers is told at its place", (t) => {
  const waits = (text: string) => `2nd: { image: registry.example.com/b:v1, depends_on: ${text} }`;
  const cases: readonly Case[] = [
    [
      "an image without tag",
      beside("metrics: { image: registry.example.com/metrics }"),
      '5:21 the image "registry.example.com/metrics" has no tag, so that it would be another one whenever its latest changes; write a tag or a digest, such as registry.example.com/metrics:v1 (only registry.example.com/api may stand without: it is the release itself)',
    ],
    [
      "a tag on the released one",
      goodService.replace("com/api", "com/api:v1"),
      '4:12 "registry.example.com/api:v1" has a tag; write registry.example.com/api: Gantry adds the digest of the commit',
    ],
    [
      "half a digest",
      beside("metrics: { image: registry.example.com/metrics@sha256:abc }"),
      '5:21 "sha256:abc" is not a digest; write sha256: and 64 of 0-9 and a-f',
      '5:21 the image "registry.example.com/metrics" has no tag, so that it would be another one whenever its latest changes; write a tag or a digest, such as registry.example.com/metrics:v1 (only registry.example.com/api may stand without: it is the release itself)',
    ],
    [
      "more containers than a service has",
      beside(...Array.from({ length: 32 }, (_, at) => `c${at}: { image: registry.example.com/c:v1 }`)),
      "36:3 more than 32 containers; give what is deployed by itself a service file of its own",
    ],
    [
      "a registry that gantry.yml does not name",
      beside("metrics: { image: registry.exmaple.com/metrics:v1 }"),
      '5:21 the registry "registry.exmaple.com" is not one of gantry.yml; did you mean "registry.example.com"?',
    ],
    [
      "an unknown name",
      beside(metrics, waits("[metrisc]")),
      '6:57 depends_on: there is no compose service "metrisc"; did you mean "metrics"?',
    ],
    [
      "an unknown condition",
      beside(metrics, waits("{ metrics: { condition: service_healhty } }")),
      '6:80 "service_healhty" is not one of service_started, service_healthy, service_completed_successfully; did you mean "service_healthy"?',
    ],
    [
      "restart: true",
      beside(metrics, waits("{ metrics: { restart: true } }")),
      "6:78 restart: true: a container is swapped when its own image or spec changed, and not otherwise; remove it",
    ],
    [
      "healthy without a healthcheck",
      beside("plain: { image: registry.example.com/p:v1 }", waits("{ plain: { condition: service_healthy } }")),
      "6:58 depends_on: plain has no healthcheck, so that it would never be healthy; write healthcheck: { test: … } under services.plain, or x-gantry.supporting.plain.health, or wait for service_started",
    ],
    [
      "healthy, of a released one without health",
      beside(waits("{ api: { condition: service_healthy } }")),
      "5:58 depends_on: api has no healthcheck, so that it would never be healthy; write healthcheck: { test: … } under services.api, or x-gantry.health, or wait for service_started",
    ],
    [
      "the end of the released one",
      beside(waits("{ api: { condition: service_completed_successfully } }")),
      "5:58 depends_on: api is the released container, which serves and does not end; wait for service_healthy or service_started",
    ],
    [
      "healthy here, its end there",
      beside(
        "job: { image: registry.example.com/j:v1, healthcheck: { test: x } }",
        waits("{ job: { condition: service_completed_successfully } }"),
        "3rd: { image: registry.example.com/c:v1, depends_on: { job: { condition: service_healthy } } }",
      ),
      "7:58 depends_on: job is waited for to end elsewhere, and here to be healthy; write condition: service_completed_successfully",
    ],
    [
      "a circle",
      withCompose("depends_on: [metrics]").replace(
        "x-gantry:",
        "  metrics: { image: registry.example.com/m:v1, depends_on: [api] }\nx-gantry:",
      ),
      "6:61 depends_on goes in a circle: api → metrics → api; let one of them not wait for the other",
    ],
    [
      "itself",
      withCompose("depends_on: [api]"),
      "5:18 depends_on goes in a circle: api → api; let one of them not wait for the other",
    ],
    [
      "what is only for the laptop",
      withCompose("depends_on: [shell]").replace("x-gantry:", "  shell: { build: ., profiles: [debug] }\nx-gantry:"),
      "5:18 depends_on: shell has profiles, so that it does not run on hosts; write required: false here, or remove profiles there",
    ],
    [
      "a released one with profiles",
      `${withCompose("profiles: [web]")}\n  release: api`,
      "5:15 the released container has profiles, so that hosts would not run it; remove profiles, or name another container under x-gantry.release",
    ],
    [
      "restart: no on what serves",
      withCompose("restart: no"),
      "5:14 restart: no on a container that serves: after a crash it would stay down; remove it; only what others wait for with service_completed_successfully runs once",
    ],
    [
      "health of a container that is not there",
      beside(metrics).replace("  environments:", "  supporting: { metrcs: { health: none }, api: {} }\n  environments:"),
      '7:17 there is no supporting container "metrcs"; did you mean "metrics"?',
      "7:43 api is the released container; write its health under x-gantry.health",
    ],
  ];
  return tell(t, cases);
});

test("the most containers that a file may have are told to an agent whole, with the most mirrors", () => {
  const others = Array.from({ length: mostContainers - 1 }, (_, at) => `c${at}: { image: registry.example.com/c:v1 }`);
  const hosts = Array.from({ length: 16 }, (_, at) => `m${at}.example.com`);
  const gantry = goodGantry.replace("[mirror.example.com]", `[${hosts.join(", ")}]`);
  const config = valid({ gantry, service: beside(...others) });
  const spec = config.services[0]?.spec as ReleaseSpec;
  const mirrors = config.registries[0]?.mirrors ?? [];
  assert.equal(membersOf({ digest: "sha256:0", spec }).length, mostContainers);
  assert.equal(mirrors.length, 16);
  const digest = `sha256:${"a".repeat(64)}`;
  const supportingMirrors = Object.fromEntries((spec.supporting ?? []).map(({ name }) => [name, mirrors]));
  const release = { number: 1, digest, commit: "c", spec, mirrors, supportingMirrors };
  const slot = { service: "api", environment: "prod", generation: 1, rollout: 1, release };
  const picture = { epoch: 1, serverId: "s", slots: [slot], prepare: [] };
  const parsed = parseFromServer(JSON.stringify({ type: "desired", picture }));
  assert.deepEqual(parsed.ok ? null : parsed.why, null);
});
