import assert from "node:assert/strict";
import { request as httpRequest, type IncomingMessage, type Server } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { text } from "node:stream/consumers";
import { after, test } from "node:test";
import { Hono } from "hono";
import { closeHttpServer, createHttpServer, type ServerFacts } from "../../src/http/server.ts";

function echo(): Hono {
  const app = new Hono().post("/echo", async (context) => context.text(await context.req.text()));
  app.onError((_error, context) => context.text("failed", 500));
  return app;
}

async function listening(facts: Partial<ServerFacts> = {}): Promise<{ server: Server; port: number }> {
  const server = createHttpServer({ app: echo(), ...facts });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  after(() => closeHttpServer(server, 0));
  return { server, port: (server.address() as AddressInfo).port };
}

/** Sends the bytes and gives everything that comes back until the server closes. */
async function raw(port: number, ...parts: readonly string[]): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => {});
  for (const part of parts) socket.write(part);
  const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  let answer = "";
  socket.setEncoding("latin1").on("data", (chunk) => {
    answer += chunk;
  });
  await closed;
  return answer;
}

function statusLine(answer: string): string {
  return answer.split("\r\n")[0] ?? "";
}

const head = (path: string, ...headers: string[]) => [`POST ${path} HTTP/1.1`, "host: x", ...headers, "", ""].join("\r\n");

test("a small body reaches the app", async () => {
  const { port } = await listening();
  const answer = await fetch(`http://127.0.0.1:${port}/echo`, { method: "POST", body: "hello" });
  assert.equal(await answer.text(), "hello");
});

test("a body that says it is too large is refused before it is sent", async () => {
  const { port } = await listening({ maxBodyBytes: 1000 });
  assert.equal(statusLine(await raw(port, head("/echo", "content-length: 1001"))), "HTTP/1.1 413 Payload Too Large");
});

test("a body that turns out too large is cut off, in the app and in a mount alike", async () => {
  const ended = Promise.withResolvers<string>();
  const handle = (incoming: IncomingMessage) =>
    text(incoming).then(
      () => ended.resolve("whole"),
      () => ended.resolve("cut"),
    );
  const { port } = await listening({ maxBodyBytes: 1000, mounts: [{ path: "/slack/events", handle }] });
  const chunk = `200\r\n${"x".repeat(512)}\r\n`;
  for (const path of ["/echo", "/slack/events"]) {
    const answer = await raw(port, head(path, "transfer-encoding: chunked"), chunk.repeat(20));
    assert.equal(statusLine(answer), "HTTP/1.1 413 Payload Too Large", path);
  }
  assert.equal(await ended.promise, "cut");
});

test("a mount gets its path with any query, and nothing else", async () => {
  const mount = {
    path: "/slack/events",
    handle: (_request: IncomingMessage, response: import("node:http").ServerResponse) => void response.end("mounted"),
  };
  const { port } = await listening({ mounts: [mount] });
  const ask = async (path: string) => await (await fetch(`http://127.0.0.1:${port}${path}`)).text();
  assert.equal(await ask("/slack/events?a=b"), "mounted");
  assert.match(await ask("/slack/events/more"), /404/);
});

test("upgrades reach their path; others are refused", async () => {
  const upgrade = {
    path: "/agent",
    handle: (_request: IncomingMessage, socket: { end(text: string): void }) =>
      socket.end("HTTP/1.1 101 Switching Protocols\r\n\r\n"),
  };
  const { port } = await listening({ upgrades: [upgrade] });
  const ask = (path: string) => raw(port, `GET ${path} HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n`);
  assert.equal(statusLine(await ask("/agent?v=1")), "HTTP/1.1 101 Switching Protocols");
  assert.equal(statusLine(await ask("/other")), "HTTP/1.1 404 Not Found");
});

test("headers that never end are cut off in time, and rubbish at once", async () => {
  const { port } = await listening({ headersMs: 200 });
  assert.equal(statusLine(await raw(port, "GET / HTTP/1.1\r\nhost: x\r\n")), "HTTP/1.1 408 Request Timeout");
  assert.equal(statusLine(await raw(port, "rubbish\r\n\r\n")), "HTTP/1.1 400 Bad Request");
  assert.equal(statusLine(await raw(port, `GET / HTTP/1.1\r\nx: ${"y".repeat(20_000)}\r\n\r\n`)), "HTTP/1.1 400 Bad Request");
});

test("a body that never ends is cut off in time", async () => {
  const { port } = await listening({ headersMs: 100, requestMs: 300 });
  assert.match(await raw(port, head("/echo", "content-length: 10"), "x"), /^HTTP\/1\.1 408 /);
});

test("closing lets a running request end and cuts off one that does not", async () => {
  const release = Promise.withResolvers<void>();
  const started = Promise.withResolvers<void>();
  const app = new Hono().get("/slow", async (context) => {
    started.resolve();
    await release.promise;
    return context.text("done");
  });
  const { server, port } = await listening({ app });
  const answer = fetch(`http://127.0.0.1:${port}/slow`);
  await started.promise;
  const closed = closeHttpServer(server, 60_000);
  release.resolve();
  assert.equal(await (await answer).text(), "done");
  await closed;

  const hung = await listening({ app: new Hono().get("/hang", () => new Promise<Response>(() => {})) });
  const cut = new Promise<string>((resolve) => {
    const call = httpRequest({ port: hung.port, path: "/hang" }).on("error", (error: NodeJS.ErrnoException) =>
      resolve(error.code ?? ""),
    );
    call
      .on("socket", (socket: Socket) => socket.once("connect", () => setImmediate(() => void closeHttpServer(hung.server, 100))))
      .end();
  });
  assert.equal(await cut, "ECONNRESET");
});
