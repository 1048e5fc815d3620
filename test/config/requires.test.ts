/** Which other services a service waits for on its hosts, as far as files can tell. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { folderOf, goodGantry, sayOf, withGantry } from "./files.ts";

function aService(name: string, ...lines: readonly string[]): string {
  const gantry = lines.map((line) => `  ${line}\n`).join("");
  return `name: ${name}\nservices: { ${name}: { image: registry.example.com/${name} } }\nx-gantry:\n${gantry}  environments: { prod: { hosts: { env: prod } } }\n`;
}

function saysOf(files: Readonly<Record<string, string>>) {
  const written = Object.entries(files).map(([name, text]) => [`services/${name}.yml`, text]);
  return sayOf(folderOf({ "gantry.yml": goodGantry, ...Object.fromEntries(written) }));
}

test("names, or a map that says which environment; one alone needs no list", () => {
  const { loaded, lines } = saysOf({
    api: aService("api", "requires: [metrics, { service: proxy, environment: prod }]"),
    metrics: aService("metrics"),
    proxy: aService("proxy", "requires: metrics"),
  });
  assert.deepEqual(lines, []);
  assert.ok(loaded.ok);
  const requires = loaded.config.services.map(({ name, requires }) => [name, requires]);
  assert.deepEqual(requires, [
    ["api", [{ service: "metrics" }, { service: "proxy", environment: "prod" }]],
    ["metrics", undefined],
    ["proxy", [{ service: "metrics" }]],
  ]);
});

test("a service or an environment that is not there is named, with the nearest one", () => {
  const { lines } = saysOf({
    api: aService("api", "requires:", "  - metrcs", "  - { service: metrics, environment: prd }", "  - zookeeper"),
    metrics: aService("metrics"),
  });
  assert.deepEqual(lines, [
    'services/api.yml:5:7 requires: there is no service "metrcs"; did you mean "metrics"?',
    'services/api.yml:6:7 requires: metrics has no environment "prd"; did you mean "prod"?',
    'services/api.yml:7:7 requires: there is no service "zookeeper"; add its file to the services folder, or remove it here (there are metrics)',
  ]);
});

test("services in a circle are told once, with the path", () => {
  const { lines } = saysOf({
    api: aService("api", "requires: [proxy]"),
    metrics: aService("metrics", "requires: [api]"),
    proxy: aService("proxy", "requires: [metrics]"),
    web: aService("web", "requires: [proxy]"),
  });
  assert.deepEqual(lines, [
    "services/metrics.yml:4:14 requires goes in a circle: api → proxy → metrics → api; let one of them not require the other",
  ]);
  assert.deepEqual(saysOf({ api: aService("api", "requires: [api]") }).lines, [
    "services/api.yml:4:14 requires goes in a circle: api → api; remove it: a service need not wait for itself",
  ]);
});

test("two that require a third are no circle", () => {
  const files = { api: "requires: [proxy, metrics]", proxy: "requires: [metrics]", metrics: "keep: 1" };
  const { lines } = saysOf(Object.fromEntries(Object.entries(files).map(([name, line]) => [name, aService(name, line)])));
  assert.deepEqual(lines, []);
});

test("a file that cannot be read may have had the name", () => {
  const { lines } = saysOf({ api: aService("api", "requires: [metrics]"), metrics: "name: metrics\n" });
  assert.equal(lines.filter((line) => line.includes("requires")).length, 0, lines.join("\n"));
  assert.ok(lines.length > 0);
});

test("an entry that says nothing of use is told where it stands", () => {
  const { lines } = sayOf(
    folderOf({ "gantry.yml": goodGantry, "services/api.yml": withGantry("requires: [{ environment: prod }, 7]") }),
  );
  assert.match(lines.join("\n"), /requires: an entry without service; write \{ service: metrics, environment: prod \}/);
  assert.match(lines.join("\n"), /"7" cannot be a service name/);
});
