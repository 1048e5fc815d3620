/** What the agent takes for an answer, asked of real servers that behave badly. */
import assert from "node:assert/strict";
import { once } from "node:events";
import http from "node:http";
import net, { type AddressInfo } from "node:net";
import { afterEach, describe, it } from "node:test";
import type { HttpProbe } from "../../src/core/release.ts";
import type { Answer, ReleaseNames } from "../../src/host/engine.ts";
import { createProber } from "../../src/host/probe.ts";

const prober = createProber();
const names: ReleaseNames = { number: 42, commit: "3f2a1c9d".repeat(5), digest: `sha256:${"a".repeat(64)}` };
const closing: (() => void)[] = [];

afterEach(() => {
  for (const close of closing.splice(0)) close();
});

async function portOf(server: net.Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

/** The address of a server that answers so. */
async function serving(answer: http.RequestListener): Promise<string> {
  const server = http.createServer(answer);
  closing.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${await portOf(server)}/healthz`;
}

/** The address of a server that speaks bytes. */
async function speaking(talk: (socket: net.Socket) => void): Promise<string> {
  const sockets = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    talk(socket);
  });
  closing.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return `http://127.0.0.1:${await portOf(server)}/healthz`;
}

type Wants = Partial<Omit<HttpProbe, "kind" | "url">>;

function ask(url: string, wants: Wants = {}): Promise<Answer> {
  return prober.ask({ kind: "http", url, timeoutMs: 5_000, ...wants }, names);
}

/** Asked with a short timeout: the answer must come soon after it, whatever the server does. */
async function askInVain(url: string, wants: Wants = {}): Promise<string> {
  const begunAt = performance.now();
  const { ok, detail } = await ask(url, { timeoutMs: 200, ...wants });
  assert.ok(performance.now() - begunAt < 2_000, "it gave up in time");
  assert.equal(ok, false);
  return detail.replace(url, "URL");
}

const plain = (body: string, head: Readonly<Record<string, string>> = {}, status = 200) =>
  serving((_request, response) => response.writeHead(status, head).end(body));

describe("an HTTP check", () => {
  it("that hangs is over when its time is", async () => {
    assert.equal(await askInVain(await serving(() => undefined)), "GET URL had no answer in 0.2 s");
  });

  it("that drips its head byte by byte is over when its time is", async () => {
    const url = await speaking((socket) => {
      const drip = setInterval(() => socket.write("H"), 20);
      socket.on("close", () => clearInterval(drip));
      socket.write("HTTP/1.1 200 OK\r\nX-Slow: ");
    });
    assert.equal(await askInVain(url), "GET URL had no answer in 0.2 s");
  });

  it("that drips its body is over when its time is, unless the words came that were asked for", async () => {
    const drip = (first: string) =>
      serving((_request, response) => {
        response.writeHead(200).write(first);
        const timer = setInterval(() => response.write("."), 20);
        response.on("close", () => clearInterval(timer));
      });
    const late = "GET URL answered 200, but did not end its answer in 0.2 s";
    assert.equal(await askInVain(await drip("starting"), { body: { contains: "ready" } }), late);
    assert.equal(await askInVain(await drip("ready"), { body: { equals: "ready" } }), late);
    assert.equal((await ask(await drip("ready"), { body: { contains: "ready" } })).ok, true);
    assert.equal((await ask(await drip("starting"))).ok, true, "nobody asked for the body");
  });

  it("that answers 100 MB is not read to its end", async () => {
    let sent = 0;
    const url = await serving((_request, response) => {
      const part = Buffer.alloc(64 * 1024, ".");
      const pour = () => {
        while (sent < 100_000_000 && !response.destroyed) {
          sent += part.length;
          if (!response.write(part)) return void response.once("drain", pour);
        }
        response.end();
      };
      response.writeHead(200);
      pour();
    });
    assert.equal((await ask(url)).ok, true);
    const { ok, detail } = await ask(url, { body: { contains: "ready" } });
    assert.equal(ok, false);
    assert.match(detail, /answered without "ready" in its body/);
    assert.ok(sent < 20_000_000, `${sent} bytes were sent`);
  });

  it("with a head of 100 kB is refused", async () => {
    const url = await speaking((socket) => void socket.write(`HTTP/1.1 200 OK\r\nX: ${"y".repeat(100_000)}\r\n\r\n`));
    assert.equal(await askInVain(url, { timeoutMs: 5_000 }), "GET URL: its answer has more than 16 kB of headers");
  });

  it("that redirects is not followed, to wherever, and says so without the query", async () => {
    let strayed = 0;
    const elsewhere = await serving((_request, response) => {
      strayed += 1;
      response.end("ok");
    });
    const url = await plain("", { location: `${elsewhere}?token=hunter2` }, 302);
    const detail = await askInVain(url, { timeoutMs: 5_000 });
    assert.equal(detail, `GET URL answered 302, a redirect to ${elsewhere}, which is not followed`);
    assert.equal((await ask(url, { status: [[302, 302]] })).ok, true, "unless that is the answer that was asked for");
    assert.equal(strayed, 0);
  });

  it("is cut off", async () => {
    const url = await speaking((socket) => void socket.once("data", () => socket.resetAndDestroy()));
    assert.equal(await askInVain(url, { timeoutMs: 5_000 }), "GET URL: the connection was cut");
  });

  it("is cut off in the middle of its body", async () => {
    const url = await speaking((socket) => {
      socket.once("data", () =>
        socket.write("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nready", () => socket.resetAndDestroy()),
      );
    });
    assert.match(await askInVain(url, { body: { equals: "ready" } }), /^GET URL(: |.*did not end)/);
  });

  it("judges by status, ranges of it, headers and body", async () => {
    const url = await plain("all good\n", { "x-ready": "yes", "x-release": "r42" });
    const good: readonly Wants[] = [
      {},
      { status: [[200, 200]] },
      {
        status: [
          [500, 599],
          [200, 204],
        ],
      },
      { header: { "X-Ready": "yes" } },
      { header: { "X-Ready": null } },
      { body: { contains: "good" } },
      { body: { equals: "all good" } },
      { method: "HEAD", header: { "X-Ready": null } },
      { echo: { header: "X-Release" } },
    ];
    for (const wants of good) assert.equal((await ask(url, wants)).ok, true, JSON.stringify(wants));
    const bad: readonly (readonly [Wants, string])[] = [
      [{ status: [[204, 204]] }, "GET URL answered 200"],
      [{ header: { "X-Ready": "no" } }, 'GET URL answered 200, but its header X-Ready is not "no"'],
      [{ header: { "X-Other": null } }, "GET URL answered 200 without the header X-Other"],
      [{ body: { contains: "bad" } }, 'GET URL answered without "bad" in its body'],
      [{ body: { equals: "good" } }, 'GET URL answered with another body than "good"'],
      [{ method: "HEAD", status: [[204, 204]] }, "HEAD URL answered 200"],
    ];
    for (const [wants, detail] of bad) assert.equal(await askInVain(url, { timeoutMs: 5_000, ...wants }), detail);
    assert.equal(await askInVain(await plain("no", {}, 503), { timeoutMs: 5_000 }), "GET URL answered 503");
  });

  it("sends the headers that the service wants", async () => {
    const url = await serving(({ headers }, response) =>
      response.writeHead(headers.host === "api.example.com" ? 200 : 421).end(),
    );
    assert.equal((await ask(url, { send: { Host: "api.example.com" } })).ok, true);
    assert.equal(await askInVain(url, { timeoutMs: 5_000 }), "GET URL answered 421");
  });
});

describe("an answer that must name its release", () => {
  const header = { header: "X-Release" } as const;

  it("counts when it names number, commit or digest, in a header or anywhere in the body", async () => {
    for (const said of ["r42", names.commit, names.commit.slice(0, 7), names.digest, `api/${names.commit.slice(0, 12)} (prod)`])
      assert.equal((await ask(await plain("", { "x-release": said }), { echo: header })).ok, true, said);
    assert.equal((await ask(await plain(JSON.stringify({ ok: true, commit: names.commit })), { echo: "body" })).ok, true);
  });

  it("does not count when the old container gives it, or a stranger", async () => {
    const fault = (said: string) => `GET URL answered 200, but not as r42 or its commit: its header X-Release ${said}`;
    const asked = { echo: header, timeoutMs: 5_000 };
    for (const said of ["r41", "r4", "r420", names.commit.slice(0, 6), `${names.commit}0`, "ok"])
      assert.equal(await askInVain(await plain("", { "x-release": said }), asked), fault(`says "${said}"`));
    assert.equal(await askInVain(await plain("r42"), asked), fault("is missing"));
    assert.match(await askInVain(await plain("I am r41"), { ...asked, echo: "body" }), /its body names neither$/);
  });

  it("cannot be given to a container that does not say which release it is", async () => {
    const url = await plain("r42");
    const { ok, detail } = await prober.ask({ kind: "http", url, echo: "body" }, null);
    assert.equal(ok, false);
    assert.match(detail, /the container does not say which it is/);
  });
});

describe("a TCP check", () => {
  it("is good when the connection is accepted, and says what it is otherwise", async () => {
    const url = new URL(await speaking(() => undefined));
    const probe = { kind: "tcp", host: "127.0.0.1", port: Number(url.port) } as const;
    assert.equal((await prober.ask(probe, null)).ok, true);
    for (const close of closing.splice(0)) close();
    assert.deepEqual(await prober.ask(probe, null), {
      ok: false,
      detail: `TCP 127.0.0.1:${url.port}: nothing listens there`,
    });
  });
});
