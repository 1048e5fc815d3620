/**
 * One `http.Server` for everything that listens: the hono app, mounted request listeners (Slack's events) and WebSocket
 * upgrades (agents). Whoever is asked, nobody may send more than the cap, or take for ever to send it.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import { getRequestListener, type HttpBindings } from "@hono/node-server";
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import type { Hono } from "hono";

type FetchCallback = Parameters<typeof getRequestListener>[0];

export type Mount = { readonly path: string; readonly handle: (request: IncomingMessage, response: ServerResponse) => void };
export type Upgrade = {
  readonly path: string;
  readonly handle: (request: IncomingMessage, socket: Duplex, head: Buffer) => void;
};

export type ServerFacts = {
  readonly app: Hono;
  /** By exact path; they come before the app. */
  readonly mounts?: readonly Mount[];
  readonly upgrades?: readonly Upgrade[];
  readonly maxBodyBytes?: number;
  /** Until the headers are in, and until the whole request is in. */
  readonly headersMs?: number;
  readonly requestMs?: number;
};

/** A server that does not listen yet. */
export function createHttpServer(facts: ServerFacts): Server {
  const { app, mounts = [], upgrades = [], maxBodyBytes = 1024 * 1024, headersMs = 10_000, requestMs = 30_000 } = facts;
  // The adapter would otherwise replace the process's own Request and Response, which the other adapters' clients use.
  const listener = getRequestListener(fetchOf(app), { overrideGlobalObjects: false });
  const timeouts = { headersTimeout: headersMs, requestTimeout: requestMs, keepAliveTimeout: 65_000 };
  const checks = { connectionsCheckingInterval: Math.min(5000, headersMs) };
  const server = createServer({ ...timeouts, ...checks, maxHeaderSize: 16_384 }, (request, response) => {
    if (!capBody(request, response, maxBodyBytes)) return;
    const mount = mounts.find(({ path }) => path === pathOf(request));
    if (mount === undefined) void listener(request, response);
    else mount.handle(request, response);
  });
  server.on("upgrade", (request, socket, head) => {
    const upgrade = upgrades.find(({ path }) => path === pathOf(request));
    if (upgrade === undefined) refuseSocket(socket, 404);
    else upgrade.handle(request, socket, head);
  });
  server.on("clientError", (error: NodeJS.ErrnoException, socket) => {
    if (error.code === "ECONNRESET" || !socket.writable) socket.destroy();
    else refuseSocket(socket, error.code === "ERR_HTTP_REQUEST_TIMEOUT" ? 408 : 400);
  });
  return server;
}

/** The app's answer, unless the request was cut off meanwhile and has had its answer. */
function fetchOf(app: Hono): FetchCallback {
  return async (request, env) => {
    const response = await app.fetch(request, env);
    return (env as HttpBindings).outgoing.headersSent ? RESPONSE_ALREADY_SENT : response;
  };
}

/** Stops taking requests, lets running ones end for `graceMs`, then cuts the rest off. */
export async function closeHttpServer(server: Server, graceMs: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  server.close(() => resolve());
  // A connection that is kept open after its last answer would hold the server for as long as a client likes to keep it.
  const sweep = setInterval(() => server.closeIdleConnections(), 50);
  const cut = setTimeout(() => server.closeAllConnections(), graceMs);
  await promise;
  clearInterval(sweep);
  clearTimeout(cut);
}

function pathOf(request: IncomingMessage): string {
  return (request.url ?? "/").split("?")[0] as string;
}

/**
 * Refuses a request that says it is too large (then false), and cuts off one that turns out to be. The bytes are counted where the
 * parser hands them in, since a listener of our own would start the stream before the handler is ready to read it.
 */
function capBody(request: IncomingMessage, response: ServerResponse, maxBytes: number): boolean {
  if (Number(request.headers["content-length"] ?? 0) > maxBytes) {
    tooLarge(request, response, maxBytes);
    return false;
  }
  const push = request.push.bind(request);
  let bytes = 0;
  request.push = (chunk: Buffer | null, encoding?: BufferEncoding) => {
    bytes += chunk?.length ?? 0;
    if (bytes <= maxBytes) return push(chunk, encoding);
    if (chunk !== null) tooLarge(request, response, maxBytes);
    return false;
  };
  return true;
}

function tooLarge(request: IncomingMessage, response: ServerResponse, maxBytes: number): void {
  // Whoever reads the body is told, too; it would wait for ever otherwise.
  const cut = () => void request.destroy(new RangeError("the body is too large"));
  if (response.headersSent) {
    cut();
    return;
  }
  response.writeHead(413, { "content-type": "application/json", connection: "close" });
  response.end(JSON.stringify({ error: "too_large", next: `Send at most ${maxBytes} bytes.` }), cut);
}

function refuseSocket(socket: Duplex, status: number): void {
  socket.on("error", () => {});
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
}
