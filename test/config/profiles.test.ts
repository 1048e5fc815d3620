/** Profiles of gantry.yml, which keep service files short, and what differs per environment. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { ServiceConfig } from "../../src/config/valid.ts";
import { specIn } from "../../src/core/spec-in.ts";
import { folderOf, goodGantry, sayOf, valid, withProd } from "./files.ts";

const profiles = [
  "profiles:",
  "  web:",
  "    container:",
  "      environment: { PORT: 8080, LOG_LEVEL: info }",
  "      mem_limit: 512m",
  "    x-gantry:",
  "      health: { http: 'http://127.0.0.1:8080/healthz', interval: 200ms }",
  "      environments:",
  "        staging: { hosts: { env: staging } }",
  "        prod: { after: staging, hosts: { env: prod }, approvals: { from: [release-captains] } }",
].join("\n");
const withProfiles = `${goodGantry}\n${profiles}`;
const fiveLines = ["services:", "  web:", "    image: registry.example.com/web", "x-gantry:", "  profile: web"];

function webOf(...more: readonly string[]): ServiceConfig {
  const folder = folderOf({ "gantry.yml": withProfiles, "services/web.yml": [...fiveLines, ...more].join("\n") });
  const { loaded, lines } = sayOf(folder);
  if (!loaded.ok) throw new Error(lines.join("\n"));
  return loaded.config.services[0] as ServiceConfig;
}

function said(gantry: string, service = fiveLines.join("\n")): readonly string[] {
  return sayOf(folderOf({ "gantry.yml": gantry, "services/web.yml": service })).lines;
}

test("five lines are a web service", () => {
  const { name, spec, environments } = webOf();
  assert.equal(name, "web");
  assert.deepEqual(spec.container.environment, { PORT: "8080", LOG_LEVEL: "info" });
  assert.equal(spec.container.network, "host");
  assert.equal(spec.container.memoryBytes, 512 * 1024 ** 2);
  assert.deepEqual(spec.health.probe, { kind: "http", url: "http://127.0.0.1:8080/healthz" });
  assert.deepEqual(
    environments.map((env) => [env.name, env.after, env.approvals.required]),
    [
      ["staging", null, 0],
      ["prod", "staging", 1],
    ],
  );
});

test("what the file says goes before its profile, key by key", () => {
  const { spec, environments } = webOf(
    "  health: { deadline: 5m }",
    "  environments: { prod: { hosts: { zone: a }, approvals: { required: 0 } }, lab: { hosts: { env: lab } } }",
  );
  assert.equal(spec.health.probe.kind, "http");
  assert.deepEqual([spec.health.intervalMs, spec.health.deadlineMs], [200, 300_000]);
  assert.deepEqual(
    environments.map((env) => env.name),
    ["staging", "lab", "prod"],
  );
  assert.deepEqual(environments.at(-1)?.hosts, { env: "prod", zone: "a" });
  assert.equal(environments.at(-1)?.approvals.required, 0);
});

test("another health check takes nothing from the profile's but its pace", () => {
  const { health } = webOf("  health: { tcp: 9000 }").spec;
  assert.deepEqual([health.probe, health.intervalMs], [{ kind: "tcp", host: "127.0.0.1", port: 9000 }, 200]);
  assert.equal(webOf("  health: none").spec.health.probe.kind, "none");
});

test("a mistake is told in the file where it stands, and once", () => {
  assert.deepEqual(said(withProfiles.replace("512m", "512")), [
    'gantry.yml:12:18 "512" has no unit; write 512m for mebibytes or 512b for bytes',
  ]);
  assert.deepEqual(said(withProfiles.replace("release-captains] } }", "captains] } }")), [
    'gantry.yml:17:75 unknown role "captains"; add it under people in gantry.yml (there are deployers, oncall, release-captains)',
  ]);
  assert.deepEqual(said(withProfiles, `${fiveLines.join("\n")}\n  health: { tcp: x }`), [
    'services/web.yml:6:18 "x" is not a TCP address; write a port, or host:port such as 127.0.0.1:8080',
  ]);
});

test("a profile that no service uses is checked too", () => {
  const unused = `${withProfiles}\n  batch:\n    container: { privilegd: true }\n    x-gantry: { helth: none }`;
  assert.deepEqual(
    said(unused).map((line) => line.split(";")[0]),
    ['gantry.yml:19:18 unknown key "privilegd"', 'gantry.yml:20:17 unknown key "helth"'],
  );
  assert.deepEqual(said(`${withProfiles}\n  batch:\n    container: { extends: web }`), [
    "gantry.yml:19:18 extends in a profile: it is about one file; write it in the service files",
  ]);
});

test("an unknown profile is told with the nearest", () => {
  assert.deepEqual(said(withProfiles, fiveLines.join("\n").replace("profile: web", "profile: wen")), [
    'services/web.yml:5:12 there is no profile "wen"; did you mean "web"?',
  ]);
  assert.deepEqual(said(goodGantry), ['services/web.yml:5:12 there is no profile "web"; write it under profiles of gantry.yml']);
});

test("a release carries the variables of all environments, and a host gets those of its own", () => {
  const service = withProd(
    "{ after: staging, hosts: { env: prod }, environment: [LEVEL=warn, DB=main], env_file: [prod.env, { path: more.env, required: false }] }",
  ).replace(
    "image: registry.example.com/api",
    "image: registry.example.com/api\n    environment: { LEVEL: info, PORT: 80 }\n    env_file: api.env",
  );
  const spec = valid({ service }).services[0]?.spec;
  assert.ok(spec !== undefined);
  assert.deepEqual(spec.container.environment, { LEVEL: "info", PORT: "80" });
  const prod = specIn(spec, "prod");
  assert.deepEqual(prod.container.environment, { LEVEL: "warn", PORT: "80", DB: "main" });
  assert.deepEqual(prod.container.envFiles, ["api.env", "prod.env", "more.env"]);
  assert.deepEqual(prod.container.optionalEnvFiles, ["more.env"]);
  assert.equal("environments" in prod, false);
  assert.deepEqual(specIn(spec, "staging"), { container: spec.container, health: spec.health });
});

test("a spec in which nothing differs is the same in every environment", () => {
  const spec = valid({}).services[0]?.spec;
  assert.ok(spec !== undefined);
  assert.equal(specIn(spec, "prod"), spec);
});

test("a secret is refused among the variables of an environment as well", () => {
  const folder = folderOf({
    "gantry.yml": goodGantry,
    "services/api.yml": withProd("{ hosts: { e: p }, environment: { DB_PASSWORD: x } }"),
  });
  assert.deepEqual(sayOf(folder).lines, [
    "services/api.yml:8:45 DB_PASSWORD is a secret by its name; name it under x-gantry.secrets, or put it into a file on the hosts and name that file under env_file",
  ]);
});
