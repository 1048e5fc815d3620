import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, test } from "node:test";
import type { OutsideError } from "../../../src/app/ports.ts";
import { createRegistry, type RegistryAdapter } from "../../../src/registry/registry.ts";
import { good, inTurn, someDigest, startFaulty, status } from "./faulty.ts";

/** A client of registries on this machine. */
function clientOf(options: { mirrors?: Record<string, string[]>; timeoutMs?: number; stallMs?: number } = {}): RegistryAdapter {
  const { mirrors = {}, timeoutMs = 3000, stallMs = 400 } = options;
  const registries = Object.entries(mirrors).map(([host, list]) => ({ host, mirrors: list, insecure: true }));
  const registry = createRegistry({ registries, timeoutMs, stallMs });
  after(() => registry.close());
  return registry;
}

async function failureOf(call: Promise<unknown>): Promise<OutsideError> {
  return await call.then(
    () => assert.fail("it should have failed"),
    (error) => error,
  );
}

test("a digest is asked for with HEAD and with every kind of manifest", async () => {
  let accept = "";
  const { host, seen } = await startFaulty((request, response) => {
    accept = request.headers.accept ?? "";
    good(request, response);
  });
  assert.equal(await clientOf().digest(`${host}/team/api`, "v1"), someDigest);
  assert.deepEqual(seen, ["HEAD /v2/team/api/manifests/v1"]);
  for (const kind of ["image.index.v1", "image.manifest.v1", "manifest.list.v2", "manifest.v2"])
    assert.ok(accept.includes(kind), kind);
});

test("connections are kept from call to call", async () => {
  const server = await startFaulty(good);
  const registry = clientOf();
  for (let call = 0; call < 10; call++) await registry.digest(`${server.host}/api`, "v1");
  // The pool opens a second one when a call comes before the first one has been put back.
  assert.ok(server.connections() <= 2, `${server.connections()} connections for 10 calls`);
});

for (const [name, header] of [
  ["is missing", {}],
  ["is not a digest", { "docker-content-digest": "sha256:zz" }],
] as const) {
  test(`when the digest's header ${name}, the manifest itself is hashed`, async () => {
    const manifest = '{"schemaVersion":2}';
    const { host, seen } = await startFaulty((_request, response) => void response.writeHead(200, header).end(manifest));
    const digest = await clientOf().digest(`${host}/api`, "v1");
    assert.equal(digest, `sha256:${createHash("sha256").update(manifest).digest("hex")}`);
    assert.deepEqual(seen, ["HEAD /v2/api/manifests/v1", "GET /v2/api/manifests/v1"]);
  });
}

test("tags come in pages, and pages of another host are not followed", async () => {
  const { host, seen } = await startFaulty((request, response) => {
    const last = new URL(request.url ?? "", "http://x").searchParams.get("last");
    const page = last === null ? 0 : Number(last);
    const link = page < 2 ? `</v2/api/tags/list?last=${page + 1}&n=1000>; rel="next"` : '<http://evil.example/v2/x>; rel="next"';
    response.writeHead(200, { link }).end(JSON.stringify({ tags: [`t${page}`, 7] }));
  });
  assert.deepEqual(await clientOf().tags(`${host}/api`), ["t0", "t1", "t2"]);
  assert.equal(seen.length, 3);
});

test("a repository whose tags are all gone answers null", async () => {
  const { host } = await startFaulty((_request, response) => void response.writeHead(200).end('{"name":"api","tags":null}'));
  assert.deepEqual(await clientOf().tags(`${host}/api`), []);
});

test("429 and 5xx are tried again a little", async () => {
  const { host, seen } = await startFaulty(inTurn(status(503), status(429), good));
  assert.equal(await clientOf().digest(`${host}/api`, "v1"), someDigest);
  assert.equal(seen.length, 3);
});

test("a fault that stays is told after three tries", async () => {
  const { host, seen } = await startFaulty(status(500));
  const error = await failureOf(clientOf().digest(`${host}/api`, "v1"));
  assert.equal(`${error.reason}: ${error.message}`, `registry_unreachable: ${host} has a fault (HTTP 500)`);
  assert.equal(seen.length, 3);
});

test("a Retry-After beyond the deadline is not waited for but told", async () => {
  const { host, seen } = await startFaulty(status(429, { "retry-after": "60" }));
  const error = await failureOf(clientOf().digest(`${host}/api`, "v1"));
  assert.equal(`${error.reason}: ${error.message}`, `registry_unreachable: ${host} asks for fewer calls (HTTP 429)`);
  assert.equal(error.retryAfterMs, 60_000);
  assert.equal(seen.length, 1);
});

test("a Retry-After within the deadline is obeyed", async () => {
  const { host } = await startFaulty(inTurn(status(429, { "retry-after": "1" }), good));
  const startedAt = performance.now();
  assert.equal(await clientOf().digest(`${host}/api`, "v1"), someDigest);
  assert.ok(performance.now() - startedAt >= 990);
});

for (const [name, handle] of [
  ["hangs before its headers", () => {}],
  [
    "hangs in its body",
    (_request: unknown, response: import("node:http").ServerResponse) => void response.writeHead(200).write("{"),
  ],
] as const) {
  test(`a registry that ${name} is given up after the stall deadline`, async () => {
    const { host } = await startFaulty(handle);
    const startedAt = performance.now();
    const error = await failureOf(clientOf().tags(`${host}/api`));
    assert.equal(`${error.reason}: ${error.message}`, `registry_unreachable: ${host} did not answer in time`);
    assert.ok(performance.now() - startedAt < 2500, "it waited for longer than the stall");
  });
}

test("a registry that drips for ever is given up after the whole deadline", async () => {
  const drips = new Set<NodeJS.Timeout>();
  after(() => drips.forEach((drip) => void clearInterval(drip)));
  const { host } = await startFaulty((_request, response) => {
    response.writeHead(200);
    drips.add(setInterval(() => response.write(" "), 100));
  });
  const startedAt = performance.now();
  const error = await failureOf(clientOf({ timeoutMs: 900 }).tags(`${host}/api`));
  assert.equal(error.reason, "registry_unreachable");
  const tookMs = performance.now() - startedAt;
  assert.ok(tookMs >= 850 && tookMs < 2500, `${tookMs} ms`);
});

test("a connection that is cut is tried once more", async () => {
  const cut = (request: import("node:http").IncomingMessage) => void request.socket.destroy();
  const once = await startFaulty(inTurn(cut, good));
  assert.equal(await clientOf().digest(`${once.host}/api`, "v1"), someDigest);
  const always = await startFaulty(cut);
  const error = await failureOf(clientOf().digest(`${always.host}/api`, "v1"));
  assert.equal(`${error.reason}: ${error.message}`, `registry_unreachable: ${always.host}: the connection broke off`);
  assert.equal(always.seen.length, 2);
});

test("an endless answer is cut off", async () => {
  const { host } = await startFaulty((_request, response) => {
    response.writeHead(200);
    const chunk = Buffer.alloc(1024 * 1024, " ");
    const more = (): void => void (response.destroyed || response.write(chunk, more));
    more();
  });
  assert.equal((await failureOf(clientOf({ timeoutMs: 10_000 }).tags(`${host}/api`))).reason, "registry_unreachable");
});

test("something else than a registry is named as such", async () => {
  const page = await startFaulty((_request, response) => void response.writeHead(200).end("<html>"));
  const error = await failureOf(clientOf().tags(`${page.host}/api`));
  assert.equal(error.message, `${page.host} does not answer like a registry`);
  const moved = await startFaulty(status(301, { location: "http://127.0.0.1:1/" }));
  assert.match((await failureOf(clientOf().tags(`${moved.host}/api`))).message, /makes no sense \(HTTP 301\)/);
});

test("mirrors are asked in order when the registry does not answer", async () => {
  const primary = await startFaulty(status(502));
  const first = await startFaulty(status(404));
  const second = await startFaulty(good);
  const registry = clientOf({ mirrors: { [primary.host]: [first.host, second.host] } });
  assert.equal(await registry.digest(`${primary.host}/team/api`, "v1"), someDigest);
  assert.deepEqual(second.seen, ["HEAD /v2/team/api/manifests/v1"]);
});

test("mirrors are not asked when the registry answers that there is none, or refuses the login", async () => {
  const mirror = await startFaulty(good);
  const without = await startFaulty(status(404));
  assert.equal(await clientOf({ mirrors: { [without.host]: [mirror.host] } }).digest(`${without.host}/api`, "v1"), null);
  const closed = await startFaulty(status(403));
  const error = await failureOf(clientOf({ mirrors: { [closed.host]: [mirror.host] } }).digest(`${closed.host}/api`, "v1"));
  assert.equal(error.reason, "registry_auth");
  assert.deepEqual(mirror.seen, []);
});

test("a mirror that has nothing proves nothing: the registry's own failure is told", async () => {
  const primary = await startFaulty(status(502));
  const mirror = await startFaulty(status(404));
  const registry = clientOf({ mirrors: { [primary.host]: [mirror.host] } });
  const error = await failureOf(registry.digest(`${primary.host}/api`, "v1"));
  assert.equal(`${error.reason}: ${error.message}`, `registry_unreachable: ${primary.host} has a fault (HTTP 502)`);
});

test("a hanging registry leaves time for its mirror", async () => {
  const primary = await startFaulty(() => {});
  const mirror = await startFaulty(good);
  const registry = clientOf({ mirrors: { [primary.host]: [mirror.host] }, timeoutMs: 1000, stallMs: 5000 });
  assert.equal(await registry.digest(`${primary.host}/api`, "v1"), someDigest);
});

test("a name that does not exist and a port that is closed are told apart", async () => {
  const { host, stop } = await startFaulty(good);
  await stop();
  assert.equal((await failureOf(clientOf().tags(`${host}/api`))).message, `${host} refuses the connection`);
  const nowhere = await failureOf(clientOf().tags("registry.invalid/api"));
  assert.equal(nowhere.message, "the name registry.invalid cannot be resolved");
});
