/** The executor's socket: who may open it is said by its mode and group. One request per connection, each bounded. */
import { chmodSync, chownSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createConnection } from "node:net";
import { isDeepStrictEqual } from "node:util";
import type { z } from "zod";
import type { Log } from "../app/ports.ts";
import { EngineError } from "../host/engine.ts";
import {
  type CallBody,
  type CallName,
  calls,
  type Fault,
  mostRequestBytes,
  type StreamBody,
  type StreamName,
  streams,
} from "./calls.ts";

/** `signal`: whoever asked has gone. */
export type Handlers = { readonly [N in CallName]: (body: CallBody<N>, signal: AbortSignal) => Promise<unknown> };

/** `tell` gives one piece of the answer; it ends when this resolves, and when `signal` aborts. */
export type Streams = {
  readonly [N in StreamName]: (body: StreamBody<N>, way: { tell(piece: unknown): void; signal: AbortSignal }) => Promise<void>;
};

const requestMs = 10_000;
const mostConnections = 256;
const mostUnreadBytes = 16 * 1024 * 1024;

/** Resolves when it listens. Rejects when another one does. */
export async function serveExecutor(facts: {
  readonly path: string;
  /** Whose members may connect; null: only this process's user. */
  readonly gid: number | null;
  readonly handlers: Handlers;
  readonly streams: Streams;
  readonly log: Log;
}): Promise<{ stop(): Promise<void> }> {
  const { path, gid } = facts;
  if (await answers(path)) throw new Error(`another executor listens on ${path}: stop it first`);
  rmSync(path, { force: true });
  const server = createServer({ requestTimeout: requestMs, headersTimeout: requestMs, keepAlive: false }, (request, response) => {
    void respond(facts, request, response);
  });
  server.maxConnections = mostConnections;
  await listen(server, path);
  if (gid !== null) {
    chownSync(path, -1, gid);
    chmodSync(path, 0o660);
  }
  return {
    async stop() {
      const closed = Promise.withResolvers<void>();
      server.close(() => closed.resolve());
      server.closeAllConnections();
      await closed.promise;
      rmSync(path, { force: true });
    },
  };
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(path);
    const end = (isThere: boolean) => {
      socket.destroy();
      resolve(isThere);
    };
    socket.once("connect", () => end(true));
    socket.once("error", () => end(false));
  });
}

/** Nobody else can open it between its birth and the change of its group. */
async function listen(server: Server, path: string): Promise<void> {
  const listening = Promise.withResolvers<void>();
  server.once("error", listening.reject);
  const before = process.umask(0o177);
  try {
    server.listen(path, listening.resolve);
  } finally {
    process.umask(before);
  }
  await listening.promise;
}

type Facts = { readonly handlers: Handlers; readonly streams: Streams; readonly log: Log };

async function respond(facts: Facts, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const gone = new AbortController();
  response.on("close", () => gone.abort());
  const name = (request.url ?? "").slice(1);
  try {
    if (request.method !== "POST") throw misunderstood("it takes POST only");
    const body = await readBody(request);
    if (isStream(name)) await stream(facts.streams, name, { body, signal: gone.signal, response });
    else if (isCall(name)) send(response, { ok: (await carryOut(facts.handlers, name, { body, signal: gone.signal })) ?? null });
    else throw misunderstood(`it has no call ${JSON.stringify(name.slice(0, 40))}`);
  } catch (thrown) {
    if (!(thrown instanceof EngineError)) facts.log.error({ err: thrown, call: name }, "a call failed");
    send(response, { fault: faultOf(thrown) });
  }
}

function isCall(name: string): name is CallName {
  return Object.hasOwn(calls, name);
}

async function carryOut<N extends CallName>(
  handlers: Handlers,
  name: N,
  { body, signal }: { readonly body: unknown; readonly signal: AbortSignal },
): Promise<unknown> {
  return await handlers[name](readAs(name, calls[name], body) as CallBody<N>, signal);
}

function isStream(name: string): name is StreamName {
  return Object.hasOwn(streams, name);
}

async function stream<N extends StreamName>(
  all: Streams,
  name: N,
  way: { readonly body: unknown; readonly signal: AbortSignal; readonly response: ServerResponse },
): Promise<void> {
  const { signal, response } = way;
  const body = readAs(name, streams[name], way.body) as StreamBody<N>;
  response.writeHead(200, { "content-type": "application/x-ndjson", connection: "close" });
  response.flushHeaders();
  const tell = (told: unknown) => {
    response.write(`${JSON.stringify({ told })}\n`);
    // Whoever does not read what it asked for does not want it.
    if (response.writableLength > mostUnreadBytes) response.destroy();
  };
  await all[name](body, { tell, signal });
  send(response, { ok: null });
}

function readAs(name: string, shape: z.ZodType, body: unknown): unknown {
  const read = shape.safeParse(body);
  if (!read.success) {
    const [issue] = read.error.issues;
    throw misunderstood(`${[name, ...(issue?.path ?? [])].map(String).join(".")}: ${issue?.message}`);
  }
  // What a shape passes over would be left out in silence: a container without something that was asked for.
  if (!isDeepStrictEqual(body, read.data)) throw misunderstood(`${name}.${strangeKey(body, read.data)} is not known here`);
  return read.data;
}

/** The first key that was passed over. */
function strangeKey(said: unknown, read: unknown): string {
  const [one, other] = [said as Record<string, unknown>, read as Record<string, unknown>];
  const key = Object.keys(one).find((each) => !isDeepStrictEqual(one[each], other[each])) ?? "";
  const [inner, outer] = [one[key], other[key]];
  const goesOn = typeof inner === "object" && inner !== null && typeof outer === "object" && outer !== null;
  return goesOn ? `${key}.${strangeKey(inner, outer)}` : key.slice(0, 100);
}

function misunderstood(what: string): EngineError {
  return new EngineError({ reason: "refused_by_host", message: `the executor does not understand what is asked of it: ${what}` });
}

function faultOf(thrown: unknown): Fault {
  if (!(thrown instanceof EngineError))
    return {
      reason: "engine_error",
      message: "the executor failed; its log says why",
      gone: false,
      conflict: false,
      retryAfterMs: null,
    };
  const { reason, message, gone, conflict, retryAfterMs } = thrown;
  return { reason, message, gone, conflict, retryAfterMs };
}

/** The end of an answer, which may have begun. */
function send(response: ServerResponse, answer: object): void {
  if (response.destroyed) return;
  if (!response.headersSent) response.writeHead(200, { "content-type": "application/json", connection: "close" });
  response.end(JSON.stringify(answer));
}

async function readBody(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > mostRequestBytes) throw misunderstood("more than 1 MiB");
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString("utf8") || "{}");
  } catch {
    throw misunderstood("it is not JSON");
  }
}
