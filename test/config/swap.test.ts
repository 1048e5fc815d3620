/** `x-gantry.swap`: what it means, and what is said of it when it means nothing. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { ReleaseSpec } from "../../src/core/release.ts";
import { folderOf, goodGantry, sayOf, saysOfService, withGantry } from "./files.ts";

const url = "http://127.0.0.1:18080/healthz";
const health = `health: ${url}`;

function specOf(written: string): ReleaseSpec {
  const { loaded, lines } = sayOf(
    folderOf({ "gantry.yml": goodGantry, "services/api.yml": withGantry(`${health}\n  ${written}`) }),
  );
  assert.ok(loaded.ok, `${written}: ${lines.join("\n")}`);
  const [service] = loaded.config.services;
  assert.ok(service !== undefined);
  return service.spec;
}

test("without a word, or with the default, a spec is what it was before", () => {
  const plain = JSON.stringify(specOf(""));
  assert.equal(plain.includes("swap"), false);
  for (const same of ["swap: stop-first", "swap: { order: stop-first }", "swap: { hold: false }"])
    assert.equal(JSON.stringify(specOf(same)), plain, same);
});

test("connections are held at the port that health asks", () => {
  assert.deepEqual(specOf("swap: { hold: true }").swap, { kind: "hold", port: 18_080, mostMs: 3_000 });
  assert.deepEqual(specOf("swap: { order: stop-first, hold: 10s }").swap, { kind: "hold", port: 18_080, mostMs: 10_000 });
});

test("behind a proxy the container has the first port, for laptops and for agents of another age", () => {
  const spec = specOf("swap: { order: start-first, haproxy: { backend: api }, ports: [18080, 18081] }");
  assert.deepEqual(spec.swap, {
    kind: "proxy",
    proxy: { kind: "haproxy", socket: "/run/haproxy/admin.sock", backend: "api", servers: ["blue", "green"] },
    ports: [18_080, 18_081],
    variable: "PORT",
    drainMs: 30_000,
  });
  assert.equal(spec.container.environment["PORT"], "18080");
  const all =
    "swap: { order: start-first, haproxy: { socket: /run/h.sock, backend: b, servers: [one, two] }, ports: [18080, 2], variable: LISTEN, drain: 5s }";
  const { swap, container } = specOf(all);
  assert.deepEqual(swap, {
    kind: "proxy",
    proxy: { kind: "haproxy", socket: "/run/h.sock", backend: "b", servers: ["one", "two"] },
    ports: [18_080, 2],
    variable: "LISTEN",
    drainMs: 5_000,
  });
  assert.equal(container.environment["LISTEN"], "18080");
});

test("a service may say that two of it share a port", () => {
  assert.deepEqual(specOf("swap: { order: start-first, reusePort: true }").swap, { kind: "reuse-port" });
});

test("what cannot be is said with its way out", () => {
  const two = "haproxy: { backend: api }, ports: [18080, 18081]";
  const rows: readonly (readonly [string, RegExp])[] = [
    ["swap: blue-green", /stop-first or start-first|"blue-green"/],
    ["swap: start-first", /start-first without haproxy or reusePort/],
    ["swap: { hold: 1h }", /1h is too long/],
    [`swap: { ${two} }`, /haproxy has no meaning with order: stop-first.*write order: start-first/s],
    ["swap: { order: start-first, hold: true }", /hold has no meaning with order: start-first/],
    [`swap: { order: start-first, reusePort: true, ${two} }`, /both haproxy and reusePort/],
    ["swap: { order: start-first, haproxy: { backend: api }, ports: [18080] }", /needs two ports/],
    ["swap: { order: start-first, haproxy: { backend: api }, ports: [18080, 18080] }", /needs two ports/],
    ["swap: { order: start-first, haproxy: { backend: api }, ports: [1, 2] }", /health asks port 18080.*write port 1 in health/s],
    ["swap: { order: start-first, haproxy: { servers: [blue] }, ports: [18080, 2] }", /needs two servers/],
    ["swap: { order: start-first, haproxy: { socket: ../x }, ports: [18080, 2] }", /socket/],
    ['swap: { order: start-first, haproxy: { backend: "a; show" }, ports: [18080, 2] }', /haproxy\.cfg/],
  ];
  for (const [written, said] of rows)
    assert.match(saysOfService(withGantry(`${health}\n  ${written}`)).join("\n"), said, written);
  assert.match(saysOfService(withGantry("health: none\n  swap: { hold: true }")).join("\n"), /hold without a port/);
});
