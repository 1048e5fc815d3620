/** `extends`: what a service takes over from another one, and how Compose's rules lay the two over one another. */
import assert from "node:assert/strict";
import { rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { parse } from "yaml";
import type { ContainerSpec } from "../../src/core/release.ts";
import { findCompose } from "../kit/compose.ts";
import { folderOf, goodGantry, goodService, sayOf, withCompose } from "./files.ts";

const extending = "extends: { file: shared/web.yml, service: web }";

function containerOf(files: Readonly<Record<string, string>>): ContainerSpec {
  const { loaded, lines } = sayOf(folderOf({ "gantry.yml": goodGantry, ...files }));
  if (!loaded.ok) throw new Error(lines.join("\n"));
  return loaded.config.services[0]?.spec.container as ContainerSpec;
}

/** The api service laid over a base, both as lines of a compose service. */
function laidOver(base: readonly string[], own: readonly string[]): ContainerSpec {
  return containerOf({
    "services/api.yml": withCompose(extending, ...own),
    "services/shared/web.yml": ["services:", "  web:", ...base.map((line) => `    ${line}`)].join("\n"),
  });
}

function said(files: Readonly<Record<string, string>>): readonly string[] {
  return sayOf(folderOf({ "gantry.yml": goodGantry, ...files })).lines;
}

test("maps are merged, single values replaced", () => {
  const container = laidOver(
    [
      "image: registry.example.com/other",
      "stop_grace_period: 5s",
      "user: web",
      "environment: { A: 1, B: 2 }",
      "labels: { team: a }",
    ],
    ["stop_grace_period: 1m", "environment: { B: 3, C: 4 }", "labels: { tier: b }"],
  );
  assert.equal(container.image, "registry.example.com/api");
  assert.equal(container.stopGraceMs, 60_000);
  assert.equal(container.user, "web");
  assert.deepEqual(container.environment, { A: "1", B: "3", C: "4" });
  assert.deepEqual(container.labels, { team: "a", tier: "b" });
});

test("a list of variables and a map of them are merged by name all the same", () => {
  const container = laidOver(
    ["environment: [A=1, B=2]", "labels: [team=a, bare]"],
    ["environment: { B: 3 }", "labels: [team=b]"],
  );
  assert.deepEqual(container.environment, { A: "1", B: "3" });
  assert.deepEqual(container.labels, { bare: "", team: "b" });
  const lists = laidOver(["environment: [A=1, B=2]"], ["environment: [B=x=y]"]);
  assert.deepEqual(lists.environment, { A: "1", B: "x=y" });
});

test("lists are appended; a mount takes the place of the one on its target", () => {
  const container = laidOver(
    ["volumes: ['/srv/a:/a', '/srv/b:/b']", "env_file: base.env", "dns: 10.0.0.1"],
    ["volumes: [{ type: bind, source: /srv/other, target: /a }]", "env_file: [base.env, api.env]", "dns: [10.0.0.2]"],
  );
  assert.deepEqual(
    container.volumes.map(({ source, target }) => `${source}:${target}`),
    ["/srv/other:/a", "/srv/b:/b"],
  );
  assert.deepEqual(container.envFiles, ["base.env", "api.env"]);
  assert.deepEqual(container.dns, ["10.0.0.1", "10.0.0.2"]);
});

test("command, entrypoint and the test of a healthcheck are replaced as a whole", () => {
  const container = laidOver(
    ["command: [serve, --all]", "entrypoint: [/bin/sh, -c]", "healthcheck: { test: [CMD, a, b], interval: 5s }"],
    ["command: [serve]", "entrypoint: [/app]", "healthcheck: { test: [CMD, c] }"],
  );
  assert.deepEqual([container.command, container.entrypoint], [["serve"], ["/app"]]);
  const { healthcheck } = container;
  assert.ok(healthcheck !== null && !healthcheck.disabled);
  assert.deepEqual([healthcheck.test, healthcheck.intervalMs], [["CMD", "c"], 5000]);
});

test("options of a logging driver go with their driver", () => {
  const base = ["logging: { driver: json-file, options: { max-size: 10m } }"];
  const same = laidOver(base, ["logging: { options: { max-file: 3 } }"]);
  assert.deepEqual(same.logging, { driver: "json-file", options: { "max-size": "10m", "max-file": "3" } });
  const other = laidOver(base, ["logging: { driver: journald }"]);
  assert.deepEqual(other.logging, { driver: "journald", options: {} });
});

test("extends goes over several files, and within one; the x-gantry of the others is not taken over", () => {
  const container = containerOf({
    "services/api.yml": withCompose(extending),
    "services/shared/web.yml":
      "services:\n  web: { extends: base, user: web }\n  base: { extends: { file: deep/all.yml, service: all }, init: true }\nx-gantry: rubbish",
    "services/shared/deep/all.yml": "services: { all: { mem_limit: 64m, x-note: $HOME } }",
  });
  assert.deepEqual([container.user, container.init, container.memoryBytes], ["web", true, 64 * 1024 ** 2]);
});

test("Compose makes the same of it", async () => {
  const base = [
    "image: registry.example.com/web",
    "command: [serve, --all]",
    "environment: [A=1, B=2]",
    "labels: { team: a, tier: b }",
    "volumes: ['/srv/a:/a', '/srv/b:/b:ro']",
    "dns: 10.0.0.1",
    "healthcheck: { test: [CMD, x], interval: 5s }",
    "ulimits: { nofile: { soft: 1, hard: 2 } }",
    "logging: { driver: json-file, options: { max-size: 10m } }",
    "stop_grace_period: 5s",
    "user: web",
  ];
  const own = [
    "command: [serve]",
    "environment: { B: '3', C: four }",
    "labels: [tier=c]",
    "volumes: ['/srv/other:/a']",
    "dns: [10.0.0.2]",
    "healthcheck: { retries: 7 }",
    "ulimits: { core: 0 }",
    "logging: { driver: journald }",
    "stop_grace_period: 30s",
  ];
  const service = ["services:", "  api:", `    ${extending}`, ...own.map((line) => `    ${line}`)];
  const gantry = ["x-gantry:", "  environments: { prod: { hosts: { env: prod } } }"];
  const folder = folderOf({
    "gantry.yml": goodGantry,
    "services/api.yml": [...service, ...gantry].join("\n"),
    "services/shared/web.yml": ["services:", "  web:", ...base.map((line) => `    ${line}`)].join("\n"),
  });
  const compose = parse(await (await findCompose()).config(join(folder, "services/api.yml"))).services.api;
  // Debian's Compose was given a copy under this name.
  rmSync(join(folder, "services/docker-compose.yml"), { force: true });
  const { loaded, lines } = sayOf(folder);
  assert.deepEqual(lines, []);
  const ours = (loaded.ok && loaded.config.services[0]?.spec.container) as ContainerSpec;
  assert.deepEqual(ours.command, compose.command);
  assert.deepEqual(ours.environment, compose.environment);
  assert.deepEqual(ours.labels, compose.labels);
  const mounts = ours.volumes.map(({ source, target, readOnly }) => `${source}:${target}:${readOnly ? "ro" : "rw"}`);
  assert.deepEqual(mounts.sort(), compose.volumes.map(volumeText).sort());
  assert.deepEqual(ours.dns, compose.dns);
  assert.equal(ours.user, compose.user);
  assert.deepEqual([ours.stopGraceMs, compose.stop_grace_period], [30_000, "30s"]);
  assert.deepEqual(ours.logging, { driver: compose.logging.driver, options: compose.logging.options ?? {} });
  const { healthcheck } = ours;
  assert.ok(healthcheck !== null && !healthcheck.disabled);
  assert.deepEqual(
    [healthcheck.test, healthcheck.retries, `${healthcheck.intervalMs / 1000}s`],
    [compose.healthcheck.test, compose.healthcheck.retries, compose.healthcheck.interval],
  );
});

/** Compose 1 writes a mount as a line, Compose 2 as a map. */
function volumeText(volume: string | { source: string; target: string; read_only?: boolean }): string {
  if (typeof volume === "string") return volume;
  return `${volume.source}:${volume.target}:${volume.read_only === true ? "ro" : "rw"}`;
}

test("what the file waits for is merged, a list with a map", () => {
  const folder = folderOf({
    "gantry.yml": goodGantry,
    "services/api.yml": withCompose(extending, "depends_on: [logs]").replace(
      "x-gantry:",
      "  metrics: { image: registry.example.com/m:v1, healthcheck: { test: x } }\n  logs: { image: registry.example.com/l:v1 }\nx-gantry:",
    ),
    "services/shared/web.yml": "services: { web: { depends_on: { metrics: { condition: service_healthy } } } }",
  });
  const { loaded } = sayOf(folder);
  assert.deepEqual(loaded.ok && loaded.config.services[0]?.spec.dependsOn, [
    { on: "metrics", condition: "healthy" },
    { on: "logs", condition: "started" },
  ]);
});

test("a mistake is told in the file where it stands, once, whoever takes it over", () => {
  const shared = "services:\n  web:\n    mem_limit: lots\n  unused:\n    mem_limit: also not\n";
  const files = {
    "services/api.yml": withCompose(extending),
    "services/web.yml": withCompose(extending).replace("name: api", "name: web"),
    "services/shared/web.yml": shared,
  };
  assert.deepEqual(said(files), ['services/shared/web.yml:3:16 "lots" is not a size; write a number with its unit: 64m or 1g']);
  assert.deepEqual(said({ ...files, "services/shared/web.yml": "services:\n  web: { user: $WHO }" }), [
    "services/shared/web.yml:2:16 the variable $WHO; write the value itself ($$ for a dollar sign); what differs per host belongs into an env_file",
  ]);
});

test("what cannot be taken over is told at the extends", () => {
  const one = (own: string, more: Readonly<Record<string, string>> = {}) =>
    said({ "services/api.yml": withCompose(own), ...more });
  assert.deepEqual(one("extends: { file: ../../etc/passwd, service: web }"), [
    'services/api.yml:5:22 extends: there is no file "../../etc/passwd"; write the path as seen from the folder "services"',
  ]);
  assert.deepEqual(one("extends: { file: ../gantry.yml, service: web }"), [
    'services/api.yml:5:22 extends: "../gantry.yml" lies outside the services folder; put what is shared into the services folder or below it, such as services/shared/web.yml',
  ]);
  assert.deepEqual(one(extending, { "services/shared/web.yml": "services: { wen: {} }" }), [
    'services/api.yml:5:47 extends: web.yml has no compose service "web"; did you mean "wen"?',
  ]);
  assert.deepEqual(one("extends: apo"), [
    'services/api.yml:5:14 extends: there is no compose service "apo"; did you mean "api"?',
  ]);
  assert.deepEqual(one("extends: { file: shared/web.yml }"), [
    "services/api.yml:5:14 extends without service; write { file: shared/web.yml, service: web }",
  ]);
  assert.deepEqual(one("extends: { fil: shared/web.yml, service: web }"), [
    'services/api.yml:5:16 unknown key "fil"; did you mean "file"?',
  ]);
});

test("a circle is told with the way it goes", () => {
  assert.deepEqual(said({ "services/api.yml": withCompose("extends: api") }), [
    "services/api.yml:5:14 extends goes in a circle: api → api; let one of them stand alone",
  ]);
  const files = {
    "services/api.yml": withCompose(extending),
    "services/shared/web.yml": "services: { web: { extends: { file: ../api.yml, service: api } } }",
  };
  assert.deepEqual(said(files), [
    "services/shared/web.yml:1:58 extends goes in a circle: api.yml:api → web.yml:web → api.yml:api; let one of them stand alone",
  ]);
});

test("a link does not lead out of the services folder", () => {
  const folder = folderOf({
    "gantry.yml": goodGantry,
    "services/api.yml": withCompose("extends: { file: web.yaml.link, service: web }"),
    "secret.yml": "services: { web: {} }",
  });
  symlinkSync(join(folder, "secret.yml"), join(folder, "services/web.yaml.link"));
  assert.deepEqual(sayOf(folder).lines, [
    'services/api.yml:5:22 extends: "web.yaml.link" lies outside the services folder; put what is shared into the services folder or below it, such as services/shared/web.yml',
  ]);
});

test("a services folder behind a link is a folder like any other", () => {
  const folder = folderOf({
    "gantry.yml": `services: ./linked\n${goodGantry}`,
    "services/api.yml": withCompose(extending),
    "services/shared/web.yml": "services: { web: { user: web } }",
  });
  symlinkSync(join(folder, "services"), join(folder, "linked"));
  const { loaded, lines } = sayOf(folder);
  assert.deepEqual(lines, []);
  assert.equal(loaded.ok && loaded.config.services[0]?.spec.container.user, "web");
  assert.equal(goodService.includes("extends"), false);
});
